from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from vst.flow.estimators import FlowEstimator
from vst.flow.neighbour import Neighbour
from vst.frames import Frame
from vst.painting.history import History
from vst.painting.past import Past
from vst.painting.stylized import Painted


class Still:
    name: ClassVar[str] = "still"

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.zeros_like(first[:, :2])


def painted(index: int, cut: bool = False, pass_index: int = 0) -> Painted:
    generator = torch.Generator().manual_seed(index)
    content, image = (torch.rand(1, 3, 16, 20, generator=generator) for _ in range(2))
    return Painted(Frame(content, index, 100 + index, 2 * index, pass_index, cut), image)


def neighbours(history: History, frame: Frame, estimator: FlowEstimator | None = None) -> list[Neighbour]:
    """Those of the next frame, as a run finds them."""
    past = [one.frame for one in reversed(list(history))]
    return history.neighbours(Past(history.reach, estimator or Still(), frames=past).pairs(frame))


def places(history: History, frame: Frame) -> list[tuple[int, bool]]:
    return [(near.distance, near.same_shot) for near in neighbours(history, frame)]


def test_neighbours_are_the_frames_painted_last_the_nearest_first(tmp_path: Path) -> None:
    history = History(tmp_path, reach=3)
    assert neighbours(history, painted(0).frame) == []
    for index in range(5):
        history.append(painted(index))
    found = neighbours(history, painted(5).frame)
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
    assert [near.blank for near in neighbours(history, painted(2).frame)] == [True, False]


def test_plain_frames_are_not_blank_beside_one_another(tmp_path: Path) -> None:
    history = History(tmp_path, reach=3)
    plain = [Frame(torch.full((1, 3, 16, 20), 0.5), index, index, index) for index in range(3)]
    for frame in plain[:2]:
        history.append(Painted(frame, painted(0).image))
    assert [near.blank for near in neighbours(history, plain[2])] == [False, False]


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


@pytest.mark.parametrize("group", [1, 4])
def test_what_a_checkpoint_may_still_name_is_on_disk(tmp_path: Path, group: int) -> None:
    history = History(tmp_path, reach=2)
    for first in range(0, 3 * group, group):
        history.discard_left()
        checkpoint = history.state_dict()
        for index in range(first, first + group):
            history.append(painted(index))
            # killed here, before the next checkpoint, a run goes on from the last one
            History(tmp_path, reach=2).load_state_dict(checkpoint)
        assert len(list((tmp_path / "painted").iterdir())) <= 2 + group


def test_a_pass_begins_without_a_past(tmp_path: Path) -> None:
    history = History(tmp_path, reach=2)
    history.append(painted(0))
    history.clear()
    assert list(history) == []
    assert history.state_dict() == []


def test_what_has_left_memory_goes_from_the_disk_when_no_checkpoint_names_it(tmp_path: Path) -> None:
    history = History(tmp_path, reach=2)
    for index in range(6):
        history.append(painted(index))
        history.discard_left()
        kept = [f"{i:06d}.npy" for i in range(max(0, index - 1), index + 1)]
        for folder in ("content", "painted"):
            assert sorted(file.name for file in (tmp_path / folder).iterdir()) == kept


def test_neighbours_keep_their_distances_backward_too(tmp_path: Path) -> None:
    history = History(tmp_path, reach=3)
    for index in (9, 8, 7, 6):
        history.append(painted(index, cut=index == 9, pass_index=1))
    found = neighbours(history, painted(5, pass_index=1).frame)
    assert [near.distance for near in found] == [1, 2, 3]
    for near, index in zip(found, (6, 7, 8), strict=True):
        assert torch.equal(near.stylized, painted(index).image)


def test_a_neighbours_flows_go_the_way_they_are_named(tmp_path: Path) -> None:
    class Bright:
        """To the right by the mean of the first frame, down by that of the second."""

        name: ClassVar[str] = "bright"

        def __call__(self, first: Tensor, second: Tensor) -> Tensor:
            return torch.cat([image[:, :1] * 0 + image.mean() for image in (first, second)], dim=1)

    history = History(tmp_path, reach=1)
    history.append(painted(0))
    (near,) = neighbours(history, painted(1).frame, Bright())
    before, now = (painted(index).frame.content.mean().item() for index in (0, 1))
    assert near.backward_flow[0, :, 0, 0].tolist() == pytest.approx([now, before])
    assert near.forward_flow[0, :, 0, 0].tolist() == pytest.approx([before, now])


def test_what_does_not_move_is_explained_unless_it_changes() -> None:
    content = torch.full((1, 3, 16, 20), 0.5)
    before = content.clone()
    before[..., 12:] = 0.9
    near = Neighbour(before, content, content, Still())
    assert torch.equal(near.confidence[..., :11], torch.ones(1, 1, 16, 11))
    # 0.4 against the 0.04 that noise makes
    assert near.confidence[0, 0, 8, 16].item() == pytest.approx(2**-100, rel=1e-3)
