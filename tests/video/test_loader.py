from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from vst.frames import Clip, Frame
from vst.synthetic.scenes import Anime, Battle
from vst.video.datamodule import FRAMES_AHEAD, ClipDataModule
from vst.video.loader import FrameLoader
from vst.video.store import FrameStore


@pytest.fixture(scope="module")
def battle() -> Battle:
    return Battle(72, 96, 12)


def cuts_of(loader: FrameLoader) -> list[tuple[int, bool]]:
    return [(frame.index, frame.cut) for frame in loader]


def load(clip: Clip, pass_index: int = 0, position: int = 0, **options) -> FrameLoader:
    options = {"kept": None, "times": {}, "cuts": set(), **options}
    return FrameLoader(clip, pass_index, position, **options)


def test_cuts_are_found_while_the_clip_is_read(battle: Battle) -> None:
    assert cuts_of(load(battle)) == [(i, i == 6) for i in range(12)]
    assert set(battle.cuts) == {6}


@pytest.mark.parametrize("position", [1, 5, 6, 7, 11])
def test_a_resumed_pass_sees_the_cuts_of_one_from_the_start(battle: Battle, position: int) -> None:
    assert cuts_of(load(battle, position=position)) == [(i, i == 6) for i in range(position, 12)]


def test_later_passes_have_the_cuts_and_times_of_the_first(battle: Battle, tmp_path: Path) -> None:
    kept = FrameStore(tmp_path)
    first = {frame.index: frame for frame in load(battle, kept=kept)}
    times, cuts = {index: frame.pts for index, frame in first.items()}, {6}
    for pass_index, order in ((1, reversed(range(9))), (2, range(3, 12))):
        loader = load(battle, pass_index, position=3, kept=kept, times=times, cuts=cuts)
        frames = list(loader)
        assert [frame.index for frame in frames] == list(order)
        for frame in frames:
            assert (frame.cut, frame.pass_index) == (frame.index == 6, pass_index)
            assert (frame.pts, frame.source_index) == (
                first[frame.index].pts,
                first[frame.index].source_index,
            )
            assert torch.equal(frame.content, first[frame.index].content)


@pytest.mark.parametrize(("known", "found"), [([], []), ([3, 9], [3, 9]), ([0], [])])
def test_known_cuts_take_the_place_of_the_detection(
    battle: Battle, known: list[int], found: list[int]
) -> None:
    flags = cuts_of(load(battle, known_cuts=known))
    assert [index for index, cut in flags if cut] == found, "nothing is cut off from the first frame's past"


class Stretch:
    """The frames of a scene from one on, numbered as a file's are."""

    def __init__(self, scene: Battle, start: int):
        self.scene, self.start = scene, start
        self.info = replace(scene.info, start=start, frames=scene.info.frames - start)

    def read(self, first: int = 0) -> Iterator[Frame]:
        for frame in self.scene.read(self.start + first):
            yield replace(frame, index=frame.index - self.start)


@pytest.mark.parametrize("position", [0, 2, 3])
def test_known_cuts_are_frames_of_the_source(battle: Battle, tmp_path: Path, position: int) -> None:
    clip = Stretch(battle, 4)
    # the first frame of the stretch, 4, begins no shot; nor do those outside
    loader = load(clip, kept=FrameStore(tmp_path), known_cuts=[1, 4, 6, 11, 12])
    assert {frame.source_index for frame in loader if frame.cut} == {6, 11}
    again = load(clip, position=position, known_cuts=[6])
    assert cuts_of(again) == [(i, i == 2) for i in range(position, 8)]


@pytest.mark.parametrize("start", [5, 6, 7])
def test_cuts_are_found_by_what_is_in_the_stretch(battle: Battle, start: int) -> None:
    found = [frame.source_index for frame in load(Stretch(battle, start)) if frame.cut]
    assert found == ([6] if start < 6 else [])


def test_a_scene_without_cuts_and_with_flashes_has_none() -> None:
    assert not any(cut for _, cut in cuts_of(load(Anime(72, 96, 14))))


@dataclass
class Alone:
    """A batch that is nothing but its frame."""

    frame: Frame


def module_of(
    battle: Battle, kept: FrameStore | None = None, cuts: list[int] | None = None
) -> ClipDataModule:
    return ClipDataModule(battle, lambda frames: map(Alone, frames), kept, cuts)


def test_a_resumed_module_continues_where_it_stopped(battle: Battle, tmp_path: Path) -> None:
    data = module_of(battle, FrameStore(tmp_path))
    assert [batch.frame.index for batch in data.train_dataloader()] == list(range(12))
    assert data.cuts == {6}
    again = module_of(battle, FrameStore(tmp_path))
    again.load_state_dict(data.state_dict())
    again.first_pass, again.first_position = 1, 4
    frames = [batch.frame for batch in again.train_dataloader()]
    assert [frame.index for frame in frames] == [7, 6, 5, 4, 3, 2, 1, 0]
    assert [frame.index for frame in frames if frame.cut] == [6]
    assert [frame.pts for frame in frames] == [data.times[frame.index] for frame in frames]
    # what it learns from here on is its own
    again.cuts.add(9)
    assert data.cuts == {6}


def test_a_module_with_known_cuts_detects_none(battle: Battle) -> None:
    data = module_of(battle, cuts=[3])
    assert [batch.frame.index for batch in data.train_dataloader() if batch.frame.cut] == [3]
    assert data.state_dict()["cuts"] == [3]


def noting(battle: Battle) -> tuple[ClipDataModule, list[int]]:
    """A module, and the indices of the frames that it has prepared so far."""
    data, prepared = module_of(battle), []

    def prepare(frames: Iterator[Frame]) -> Iterator[Alone]:
        for frame in frames:
            prepared.append(frame.index)
            yield Alone(frame)

    data.prepare = prepare
    return data, prepared


def test_frames_that_are_read_ahead_do_not_count_as_begun(battle: Battle) -> None:
    data, prepared = noting(battle)
    frames = iter(data.train_dataloader())
    for _ in range(3):
        next(frames)
    data.close()
    assert sorted(data.times) == [0, 1, 2]
    assert 3 <= len(prepared) <= 3 + FRAMES_AHEAD + 1


def test_nothing_is_prepared_ahead_of_a_large_frame(battle: Battle) -> None:
    data, prepared = noting(battle)
    data.frames_ahead = 0
    for number, batch in enumerate(data.train_dataloader()):
        assert batch.frame.index == number
        assert prepared == list(range(number + 1))
    assert prepared == list(range(12))
    data.close()
