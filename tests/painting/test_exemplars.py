from __future__ import annotations

import pytest
import torch

from vst.flow.pair import FramePair
from vst.frames import Frame
from vst.painting.anchor import Anchor, AnchorTrack
from vst.painting.exemplars import GivenExemplars, OwnExemplars


def frame(number: int, start: int = 0) -> Frame:
    return Frame(torch.zeros(1, 3, 2, 2), number - start, number, number)


def given(*numbers: int, shots: tuple[int, ...] = (0, 50)) -> GivenExemplars:
    return GivenExemplars({number: torch.full((1, 3, 2, 2), number / 100) for number in numbers}, shots)


def test_those_that_vst_paints_come_every_so_many_frames_or_as_the_content_decides():
    assert [OwnExemplars().begins(frame(number)) for number in (0, 7)] == [None, None]
    every = OwnExemplars(interval=3)
    assert [every.begins(frame(number, start=10)) for number in range(10, 15)] == [
        True,
        None,
        None,
        True,
        None,
    ]
    assert every.painting(frame(10)) is None
    assert every.between(frame(11)) is None


def test_those_that_are_given_are_the_only_ones():
    exemplars = given(20, 40)
    assert [exemplars.begins(frame(number, start=10)) for number in (10, 20, 30, 40)] == [
        False,
        True,
        False,
        True,
    ]
    painting = exemplars.painting(frame(20))
    assert painting is not None
    assert painting.mean() == pytest.approx(0.2)
    assert exemplars.painting(frame(21)) is None


@pytest.mark.parametrize(
    ("number", "place"),
    [
        (9, None),
        (10, 0.0),
        (15, 0.25),
        (29, 0.95),
        (30, None),
        (45, None),
        (60, None),
        (70, 0.0),
        (75, 0.5),
        (80, None),
    ],
)
def test_a_frame_lies_between_two_of_its_own_shot(number, place):
    found = given(10, 30, 70, 80).between(frame(number))
    assert found == (None if place is None else pytest.approx(place))


class Still:
    name = "still"

    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(first[:, :2])


def test_the_anchor_begins_where_it_is_told_to_and_not_before():
    contents = [torch.rand(1, 3, 16, 20, generator=torch.Generator().manual_seed(i)) for i in range(4)]
    paintings = [1 - content for content in contents]
    track, anchor, seen = AnchorTrack(Still()), Anchor(), []
    for i, begins in enumerate([False, True, False, True]):
        past = [FramePair(contents[i - 1], contents[i], Still())] if i else []
        motion = track.next(contents[i], past, begins)
        view = anchor.view(motion)
        seen.append(None if view is None else (view.content, view.painting))
        anchor.update(paintings[i], motion)
        assert bool(anchor.state_dict()) == (i > 0)
    assert seen[0] is None
    assert seen[1] is None
    for i in (2, 3):
        assert seen[i] is not None
        assert torch.equal(seen[i][0], contents[1])
        assert torch.equal(seen[i][1], paintings[1])
    assert torch.equal(anchor.state_dict()["image"], paintings[3])


def test_a_shot_without_an_anchor_drops_that_of_the_shot_before():
    content = torch.rand(1, 3, 16, 20, generator=torch.Generator().manual_seed(0))
    track, anchor = AnchorTrack(Still()), Anchor()
    anchor.update(1 - content, track.next(content, [], begins=True))
    motion = track.next(content, [], begins=False)
    assert anchor.view(motion) is None
    anchor.update(content, motion)
    assert anchor.state_dict() == {}
