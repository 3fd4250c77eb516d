from __future__ import annotations

import copy
from pathlib import Path

import cv2
import pytest
import torch
from torch import Tensor

from vst.errors import InputError
from vst.flow.estimators import DIS, DeepFlow, Farneback, SparseToDense, grey_levels
from vst.flow.io import read_flo
from vst.flow.warp import backward_warp

ESTIMATORS = [Farneback(), DIS(), DIS("fast"), DIS("ultrafast"), DeepFlow(), SparseToDense()]
each = pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)


def moved_pair(texture, dx: int, dy: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Two views of one picture; what is at p in the first is at p + (dx, dy) in the second."""
    picture = texture(height + 20, width + 20)
    return (
        picture[..., 10 : 10 + height, 10 : 10 + width],
        picture[..., 10 - dy : 10 - dy + height, 10 - dx : 10 - dx + width],
    )


def end_point_error(flow: Tensor, truth: Tensor) -> float:
    """Mean distance in pixels where the truth is known."""
    return (flow - truth).square().sum(dim=1).sqrt().nanmean().item()


def read_image(path: Path) -> Tensor:
    return torch.from_numpy(cv2.imread(str(path))[..., ::-1] / 255).float().permute(2, 0, 1)[None]


@each
def test_a_translation_is_found_with_its_sign(estimator, texture):
    first, second = moved_pair(texture, 3, -2, 96, 128)
    flow = estimator(first, second)
    assert flow.shape == (1, 2, 96, 128)
    truth = torch.tensor([3.0, -2.0]).view(1, 2, 1, 1)
    assert end_point_error(flow[..., 8:-8, 8:-8], truth) < 0.3
    left, undone = second - first, backward_warp(second, flow) - first
    assert undone[..., 8:-8, 8:-8].abs().mean() < 0.2 * left[..., 8:-8, 8:-8].abs().mean()


@each
def test_two_calls_agree_bit_for_bit_whatever_came_between(estimator, texture):
    first, second = moved_pair(texture, 3, -2, 96, 128)
    other_first, other_second = moved_pair(texture, -5, 4, 64, 96)
    flow = estimator(first, second)
    estimator(second, first)
    estimator(other_first, other_second)
    assert torch.equal(estimator(first, second), flow)
    assert torch.equal(copy.deepcopy(estimator)(first, second), flow)


@each
def test_lanes_are_independent(estimator, texture):
    pairs = [moved_pair(texture, *motion, 48, 64) for motion in ((1, 0), (-2, 1))]
    together = estimator(*(torch.cat(frames) for frames in zip(*pairs, strict=True)))
    assert torch.equal(together, torch.cat([estimator(*pair) for pair in pairs]))


@each
@pytest.mark.parametrize("size", [(16, 16), (16, 300), (300, 16), (13, 1000), (5, 5), (1, 1), (8, 300)])
def test_small_and_thin_frames_are_taken(estimator, texture, size):
    flow = estimator(*moved_pair(texture, 1, 0, *size))
    assert flow.shape == (1, 2, *size)
    assert flow.isfinite().all()
    if min(size) >= 16:
        # a grid of points 8 pixels apart has few on such a frame
        least = 1.0 if isinstance(estimator, SparseToDense) else 0.3
        assert end_point_error(flow, torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)) < least


@each
def test_frames_without_anything_to_follow_do_not_move(estimator):
    flat = torch.full((1, 3, 40, 50), 0.5)
    assert estimator(flat, flat).abs().max() < 1e-3


def test_more_points_than_opencv_interpolates_are_not_followed(texture):
    # as many as at the default step in a frame of 2560×1440
    flow = SparseToDense(step=2)(*moved_pair(texture, 3, -2, 384, 400))
    assert end_point_error(flow, torch.tensor([3.0, -2.0]).view(1, 2, 1, 1)) < 0.2


def test_grey_is_rounded_not_cut_off():
    levels = torch.arange(256)
    frames = (levels / 255).expand(1, 3, 1, 256)
    assert torch.equal(grey_levels(frames)[0, 0], levels.to(torch.uint8))
    beyond = torch.tensor([-0.1, 1.1]).expand(1, 3, 1, 2)
    assert grey_levels(beyond)[0, 0].tolist() == [0, 255]


def test_an_unknown_preset_is_named():
    with pytest.raises(InputError, match=r"'slow'.*medium, fast, ultrafast"):
        DIS("slow")


def test_an_opencv_without_contrib_is_named(monkeypatch):
    monkeypatch.delattr(cv2.optflow, "createOptFlow_DeepFlow")
    with pytest.raises(InputError, match="opencv-contrib-python"):
        DeepFlow()
    monkeypatch.delattr(cv2, "optflow")
    with pytest.raises(InputError, match="opencv-contrib-python"):
        DeepFlow()


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (Farneback(), 0.361),
        (DIS("fast"), 0.440),
        (DIS(), 0.225),
        (DeepFlow(), 0.121),
        (SparseToDense(), 0.167),
    ],
    ids=str,
)
def test_rubberwhale(shared, estimator, expected):
    folder = shared / "rubberwhale"
    flow = estimator(read_image(folder / "frame10.png"), read_image(folder / "frame11.png"))
    assert end_point_error(flow, read_flo(folder / "flow10.flo")) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (Farneback(), 1.272),
        (DIS("fast"), 0.561),
        (DIS(), 0.451),
        (DeepFlow(), 0.371),
        (SparseToDense(), 0.351),
    ],
    ids=str,
)
def test_sintel_alley(shared, estimator, expected):
    folder = shared / "sintel_alley_1"
    video = cv2.VideoCapture(str(folder / "alley_1_final_50frames.avi"))
    frames = [torch.from_numpy(video.read()[1][..., ::-1] / 255).float().permute(2, 0, 1) for _ in range(6)]
    flows = estimator(torch.stack(frames[:-1]), torch.stack(frames[1:]))
    truth = torch.cat([read_flo(folder / f"frame_{n:04d}.flo") for n in range(1, 6)])
    assert end_point_error(flows, truth) == pytest.approx(expected, rel=0.1)
