from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from vst.flow.consistency import (
    disocclusion_mask,
    in_frame_mask,
    motion_boundary_mask,
    reliability_mask,
    visibility_mask,
)
from vst.flow.io import read_flo


def square_moving_right() -> tuple[torch.Tensor, torch.Tensor]:
    """Exact flows of a square of 8 at column 10 that moves 6 to the right over a still ground."""
    forward, backward = torch.zeros(1, 2, 30, 40), torch.zeros(1, 2, 30, 40)
    forward[:, 0, 10:18, 10:18] = 6
    backward[:, 0, 10:18, 16:24] = -6
    return forward, backward


def test_only_what_the_square_disoccluded_is_zero():
    forward, backward = square_moving_right()
    expected = torch.ones(1, 1, 30, 40)
    expected[..., 10:18, 10:16] = 0  # there the previous frame shows the square
    assert torch.equal(disocclusion_mask(backward, forward), expected)


def test_motion_boundary_is_the_outline_of_the_square():
    _, backward = square_moving_right()
    expected = torch.ones(1, 1, 30, 40)
    expected[..., 9:19, 16:24] = 0
    expected[..., 10:18, 15:25] = 0
    expected[..., 11:17, 17:23] = 1
    assert torch.equal(motion_boundary_mask(backward), expected)


def test_everything_but_what_the_square_disoccluded_is_visible():
    forward, backward = square_moving_right()
    expected = torch.ones(1, 1, 30, 40)
    expected[..., 10:18, 10:16] = 0
    assert torch.equal(visibility_mask(backward, forward, sigma=0), expected)
    soft = visibility_mask(backward, forward)
    assert soft[0, 0, 14, 13] == 0
    assert 0 < soft[0, 0, 14, 9] < 1, "the softening eats into the side that is shown"
    assert (soft <= expected).all()


def test_what_leaves_the_frame_is_out_on_every_side():
    flow = torch.zeros(1, 2, 10, 12)
    assert in_frame_mask(flow).all()
    flow[:, 0] = 2.5
    flow[:, 1] = -1
    expected = torch.ones(1, 1, 10, 12)
    expected[..., -3:] = 0
    expected[..., :1, :] = 0
    assert torch.equal(in_frame_mask(flow), expected)


def test_what_is_not_finite_is_not_trusted():
    flow, other = torch.zeros(1, 2, 8, 9), torch.zeros(1, 2, 8, 9)
    flow[0, 0, 2, 3] = torch.nan
    flow[0, 1, 6, 3] = torch.inf
    other[0, 0, 4, 7] = torch.nan
    mask = reliability_mask(flow, other, sigma=0)
    assert mask.isfinite().all()
    assert mask[0, 0, [2, 6, 4], [3, 3, 7]].sum() == 0
    assert mask[0, 0, 0, 0] == 1


@pytest.mark.parametrize("sigma", [0, 0.8])
def test_no_motion_is_trusted_everywhere(sigma):
    still = torch.zeros(2, 2, 7, 5)
    torch.testing.assert_close(reliability_mask(still, still, sigma), torch.ones(2, 1, 7, 5))


def test_frames_smaller_than_the_blur_are_taken():
    still = torch.zeros(1, 2, 1, 2)
    torch.testing.assert_close(reliability_mask(still, still), torch.ones(1, 1, 1, 2))


def test_softening_never_lets_disoccluded_pixels_through():
    forward, backward = square_moving_right()
    mask = reliability_mask(backward, forward)
    assert (mask[disocclusion_mask(backward, forward) == 0] == 0).all()
    assert ((mask > 0) & (mask < 1)).any()
    assert mask[..., 0, 0] == pytest.approx(1)


def test_lanes_are_independent(smooth_flow):
    flow, other = smooth_flow(3, 20, 30, seed=1), smooth_flow(3, 20, 30, seed=2)
    together = reliability_mask(flow, other)
    for lane in range(3):
        lane_only = slice(lane, lane + 1)
        assert torch.equal(together[lane_only], reliability_mask(flow[lane_only], other[lane_only]))


@pytest.mark.parametrize(
    ("flow", "other_flow", "mask"),
    [("forward_1_2", "backward_2_1", "reliable_1_2"), ("backward_2_1", "forward_1_2", "reliable_2_1")],
)
def test_ruders_own_masks_come_out(shared, flow, other_flow, mask):
    folder = shared / "marple8"
    ours = 255 * reliability_mask(
        read_flo(folder / f"{flow}.flo").double(), read_flo(folder / f"{other_flow}.flo").double()
    )
    published = cv2.imread(str(folder / f"{mask}.pgm"), cv2.IMREAD_UNCHANGED).astype(np.float64)
    # His grey values are cut off, not rounded: all of a weight of one is 254.
    assert np.abs(ours[0, 0].numpy() - 0.5 - published).max() <= 0.5 + 1e-6
    assert ((ours[0, 0].numpy() >= 128) == (published > 127)).mean() >= 0.999


@pytest.mark.parametrize("sigma", [0, 0.8])
def test_visible_is_what_is_trusted_and_the_motion_boundaries(sigma):
    forward, backward = square_moving_right()
    shown, trusted = (mask(backward, forward, sigma) for mask in (visibility_mask, reliability_mask))
    boundary = motion_boundary_mask(backward) == 0
    # the softening reaches two pixels, and those of the boundary count as they are
    near = torch.nn.functional.max_pool2d(boundary.float(), 5 if sigma else 1, 1, 2 if sigma else 0) > 0
    assert torch.equal(shown[~near], trusted[~near])
    assert (shown >= trusted).all()
    seen = disocclusion_mask(backward, forward) > 0
    assert (shown[boundary & seen] > trusted[boundary & seen]).float().mean() > 0.9


def test_what_leaves_the_frame_is_not_visible():
    flow = torch.zeros(1, 2, 10, 12)
    flow[:, 0] = 3
    assert torch.equal(visibility_mask(flow, -flow, sigma=0), in_frame_mask(flow))
    assert visibility_mask(flow, -flow)[..., 10:].sum() < visibility_mask(flow, -flow)[..., :2].sum()
