from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from vst.synthetic.scenes import Talk
from vst.training.batches import Batches
from vst.training.examples import ClipExamples, Example, Examples


class Counting:
    """Motion of one pixel to the right, and how often it was asked for."""

    name: ClassVar[str] = "counting"

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        self.calls += 1
        return torch.ones_like(first[:, :2])


class Two(Examples):
    """Pictures of two sizes."""

    sizes: ClassVar = [(16, 24)] * 6 + [(24, 16)] * 2
    followed: ClassVar = [False] * 8

    def example(self, number: int) -> Example:
        height, width = self.sizes[number]
        return Example(torch.full((1, 3, height, width), number / 8), None, 0, number)


def test_a_batch_is_drawn_from_its_step_alone(tmp_path: Path):
    def batches() -> Batches:
        return Batches([Two()], batch=2, steps=9, seed=3, estimator=None, directory=tmp_path)

    whole = [batch.content for batch in batches()]
    assert len(whole) == 9
    resumed = batches()
    resumed.first = 5
    assert len(resumed) == 4
    assert all(torch.equal(a.content, b) for a, b in zip(resumed, whole[5:], strict=True))
    assert len({float(batch.mean()) for batch in whole}) > 4
    resumed.close()


def test_frames_of_a_batch_have_one_size_and_none_comes_twice(tmp_path: Path):
    batches = Batches([Two()], batch=3, steps=40, seed=0, estimator=None, directory=tmp_path)
    drawn = [batches.batch(step).content for step in range(40)]
    assert {tuple(batch.shape) for batch in drawn} == {(3, 3, 16, 24), (2, 3, 24, 16)}
    assert all(len(batch.mean((1, 2, 3)).unique()) == len(batch) for batch in drawn)


def test_frames_of_a_clip_come_with_the_motion_from_those_before(tmp_path: Path):
    estimator, scene = Counting(), Talk(32, 48, 3)
    batches = Batches([ClipExamples(scene, 0)], 2, 50, 0, estimator, tmp_path)
    batch = next(batch for batch in (batches.batch(step) for step in range(50)) if batch.pair is not None)
    assert batch.pair is not None
    assert batch.content.shape == batch.pair.content.shape == (2, 3, 32, 48)
    assert torch.equal(batch.pair.backward_flow, torch.ones(2, 2, 32, 48))
    assert {"trust", "backward_flow", "forward_flow"} <= batch.pair.known
    for step in range(50):
        batches.batch(step)
    assert estimator.calls == 4, "each of two pairs in both directions, once"


def test_without_an_estimator_every_frame_stands_alone(tmp_path: Path):
    batches = Batches([ClipExamples(Talk(32, 48, 3), 0)], 3, 1, 0, None, tmp_path)
    batch = batches.batch(0)
    assert batch.pair is None
    assert batch.content.shape == (3, 3, 32, 48)


def test_an_error_in_the_thread_is_raised_to_who_iterates(tmp_path: Path):
    class Broken(Two):
        def example(self, number: int) -> Example:
            raise OSError("gone")

    batches = Batches([Broken()], 1, 2, 0, None, tmp_path)
    with pytest.raises(OSError, match="gone"):
        list(batches)
