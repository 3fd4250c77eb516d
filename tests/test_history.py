from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from vst.frames import Frame, Painted
from vst.history import History


class Still:
    name: ClassVar[str] = "still"

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.zeros_like(first[:, :2])


def painted(index: int, cut: bool = False, pass_index: int = 0) -> Painted:
    generator = torch.Generator().manual_seed(index)
    content, image = (torch.rand(1, 3, 16, 20, generator=generator) for _ in range(2))
    return Painted(Frame(content, index, 100 + index, 2 * index, pass_index, cut), image)


def places(history: History, frame: Frame) -> list[tuple[int, bool]]:
    return [(near.distance, near.same_shot) for near in history.neighbours(frame, Still())]


def test_neighbours_are_the_frames_painted_last_the_nearest_first(tmp_path: Path) -> None:
    history = History(tmp_path, reach=3)
    assert history.neighbours(painted(0).frame, Still()) == []
    for index in range(5):
        history.append(painted(index))
    found = history.neighbours(painted(5).frame, Still())
    assert [near.distance for near in found] == [1, 2, 3]
    for near, index in zip(found, (4, 3, 2), strict=True):
        assert torch.equal(near.stylized, painted(index).image)
        assert torch.equal(near.content, painted(index).frame.content)


def test_beyond_a_cut_there_is_only_the_frame_before_marked_as_of_another_shot(tmp_path: Path) -> None:
    history = History(tmp_path, reach=4)
    for index in range(3):
        history.append(painted(index))
    assert places(history, painted(3, cut=True).frame) == [(1, False)]
    history.append(painted(3, cut=True))
    assert places(history, painted(4).frame) == [(1, True)]
    history.append(painted(4))
    assert places(history, painted(5).frame) == [(1, True), (2, True)]


def test_painted_backward_a_cut_lies_before_the_frame_that_begins_the_shot(tmp_path: Path) -> None:
    history = History(tmp_path, reach=4)
    history.append(painted(4, pass_index=1))
    assert places(history, painted(3, cut=True, pass_index=1).frame) == [(1, True)]
    history.append(painted(3, cut=True, pass_index=1))
    assert places(history, painted(2, pass_index=1).frame) == [(1, False)]
    history.append(painted(2, pass_index=1))
    assert places(history, painted(1, pass_index=1).frame) == [(1, True)]


def test_blank_frames_are_told_apart(tmp_path: Path) -> None:
    history = History(tmp_path, reach=3)
    history.append(painted(0))
    white = painted(1)
    history.append(Painted(Frame(torch.ones(1, 3, 16, 20), 1, 101, 2), white.image))
    assert [near.blank for near in history.neighbours(painted(2).frame, Still())] == [True, False]


def test_a_resumed_run_finds_the_same_numbers(tmp_path: Path) -> None:
    history = History(tmp_path, reach=2)
    for index in range(4):
        history.append(painted(index, cut=index == 3))
    again = History(tmp_path, reach=2)
    again.load_state_dict(history.state_dict())
    for found, kept in zip(again, history, strict=True):
        assert torch.equal(found.image, kept.image)
        assert torch.equal(found.frame.content, kept.frame.content)
        assert (found.frame.index, found.frame.cut, found.frame.pts) == (
            kept.frame.index,
            kept.frame.cut,
            kept.frame.pts,
        )


def test_what_a_checkpoint_may_still_name_is_on_disk(tmp_path: Path) -> None:
    history = History(tmp_path, reach=2)
    for index in range(6):
        before = history.state_dict()
        history.append(painted(index))
        # killed here, before the next checkpoint, a run goes on from the state before
        History(tmp_path, reach=2).load_state_dict(before)
        assert len(list((tmp_path / "painted").iterdir())) <= 4


def test_a_pass_begins_without_a_past(tmp_path: Path) -> None:
    history = History(tmp_path, reach=2)
    history.append(painted(0))
    history.clear()
    assert list(history) == []
    assert history.state_dict() == []
