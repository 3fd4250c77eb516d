from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vst.frames import Clip
from vst.synthetic.scenes import Battle
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
    cuts: set[int] = set()
    found = cuts_of(load(battle, cuts=cuts))
    assert found == [(i, i == 6) for i in range(12)]
    assert cuts == {6} == set(battle.cuts)


@pytest.mark.parametrize("position", [1, 5, 6, 7, 11])
def test_a_resumed_pass_sees_the_cuts_of_one_from_the_start(battle: Battle, position: int) -> None:
    assert cuts_of(load(battle, position=position)) == [(i, i == 6) for i in range(position, 12)]


def test_later_passes_know_what_the_first_has_found(battle: Battle, tmp_path: Path) -> None:
    kept, times, cuts = FrameStore(tmp_path), {}, set()
    first = {frame.index: frame for frame in load(battle, kept=kept, times=times, cuts=cuts)}
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
