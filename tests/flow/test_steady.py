from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vst.flow.enlarged import Enlarged
from vst.flow.estimators import DeepFlow, FlowEstimator
from vst.flow.steady import SteadyFlow, outline
from vst.synthetic.scene import Scene
from vst.synthetic.scenes import Anime, Battle, Talk


def median_error(scene: Scene, estimator: FlowEstimator, i: int) -> float:
    """Of the backward flow of frame i, over the pixels that both frames show."""
    flow = estimator(scene.frame(i), scene.frame(i - 1))
    shown = scene.backward_valid(i) > 0
    return float((flow - scene.backward_flow(i)).norm(dim=1, keepdim=True)[shown].median())


@pytest.mark.parametrize("kind", [Talk, Battle])
def test_small_frames_are_seen_more_exactly_when_enlarged(kind):
    scene = kind(96, 128, 8)
    steady, plain = (sum(median_error(scene, e, i) for i in (1, 3)) for e in (SteadyFlow(), DeepFlow()))
    assert steady < 0.8 * plain + 0.002


@pytest.mark.parametrize("kind", [Talk, Battle])
def test_the_mean_error_is_no_greater_than_deepflows(kind):
    scene, i = kind(96, 128, 8), 2
    shown = scene.backward_valid(i) > 0
    steady, plain = (
        (estimate(scene.frame(i), scene.frame(i - 1)) - scene.backward_flow(i)).norm(dim=1, keepdim=True)[
            shown
        ]
        for estimate in (SteadyFlow(), DeepFlow())
    )
    assert steady.mean() < 1.1 * plain.mean()


@pytest.mark.parametrize("size", [(48, 64), (40, 30)])
def test_what_does_not_move_does_not_seem_to(size):
    frame = Talk(*size, 2).frame(0)
    assert SteadyFlow()(frame, frame).abs().max() < 0.01


@pytest.mark.parametrize("i", [7, 8, 9])
def test_motion_is_seen_through_a_flash(i):
    # frame 8 has its colours inverted; the frame before it is almost white, the one after as ever
    scene = Anime(96, 128, 14)
    assert median_error(scene, DeepFlow(), i) > 2
    assert median_error(scene, SteadyFlow(), i) < 1


def test_a_blank_frame_stands_still():
    frame = Talk(48, 64, 2).frame(0)
    for pair in ((frame, torch.ones_like(frame)), (torch.zeros_like(frame), frame)):
        assert torch.equal(SteadyFlow()(*pair), torch.zeros(1, 2, 48, 64))


def test_what_moves_in_fog_is_seen_to_move():
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(96.0), indexing="ij")

    def fog(left: float) -> Tensor:
        disc = torch.exp(-((y - 32) ** 2 + (x - left) ** 2) / 150)
        return (0.5 + 0.06 * disc).expand(1, 3, -1, -1)

    flow = SteadyFlow()(fog(50), fog(48))
    assert flow[0, :, 28:36, 44:56].mean((1, 2)).tolist() == pytest.approx([-2, 0], abs=0.5)


def test_lanes_are_estimated_apart():
    scene = Talk(48, 64, 3)
    first = torch.cat([scene.frame(1), scene.frame(2)])
    second = torch.cat([scene.frame(0), torch.ones_like(scene.frame(0))])
    flow = SteadyFlow()(first, second)
    torch.testing.assert_close(flow[:1], SteadyFlow()(scene.frame(1), scene.frame(0)))
    assert flow[1].abs().sum() == 0


def test_outlines_outlive_inversion_and_brightness():
    frame = Talk(48, 64, 2).frame(0)
    edges = outline(frame)
    assert edges.std() > 0.05
    torch.testing.assert_close(outline(1 - frame), edges, rtol=0, atol=1e-4)
    # fainter edges stand nearer to what counts as none
    assert (outline(0.5 * frame + 0.4) - edges).abs().mean() < 0.02


class Sizes:
    """An estimator that notes the size it is asked for, and says that all moves by as many of its pixels."""

    name = "sizes"

    def __init__(self):
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        self.seen.append(tuple(first.shape[-2:]))
        return torch.full_like(first[:, :2], 6.0)


@pytest.mark.parametrize(
    ("largest", "size", "moved"), [(100, (24, 40), 3.0), (39, (12, 20), 6.0), (5, (12, 20), 6.0)]
)
def test_enlarged_frames_stay_within_bounds_and_flow_is_in_pixels_of_the_frame(largest, size, moved):
    sizes = Sizes()
    flow = Enlarged(sizes, scale=2, largest=largest)(torch.rand(1, 3, 12, 20), torch.rand(1, 3, 12, 20))
    assert sizes.seen == [size]
    assert torch.equal(flow, torch.full((1, 2, 12, 20), moved))


def test_it_is_told_from_plain_deepflow_by_its_name_and_kept_from_judging_it():
    assert SteadyFlow().name != DeepFlow().name
    assert DeepFlow().name in SteadyFlow().name
