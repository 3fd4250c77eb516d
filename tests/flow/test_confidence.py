from __future__ import annotations

import numpy as np
import torch

from vst.flow.confidence import MARGIN, border_confidence
from vst.flow.neighbour import Neighbour
from vst.flow.pair import FramePair
from vst.flow.warp import unworn_warp


class Panning:
    """The camera moves to the right by some pixels a frame."""

    name = "panning"

    def __init__(self, current: torch.Tensor, by: float):
        self.current, self.by = current, by

    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        flow = torch.zeros(len(first), 2, *first.shape[-2:])
        flow[:, 0] = self.by if first is self.current else -self.by
        return flow


def test_a_border_that_comes_into_the_frame_is_not_trusted():
    flow = torch.zeros(1, 2, 40, 60)
    assert torch.equal(border_confidence(flow), torch.ones(1, 1, 40, 60)), "a border that stays is as it was"
    flow[:, 0] = 12
    found = border_confidence(flow)[0, 0]
    # beyond 48 the other frame shows nothing, and its visibility is 0
    assert (found[MARGIN : 40 - MARGIN, 48 - MARGIN : 48] < 1).all()
    assert found[20, 47] == 0
    assert (found[20, : 48 - MARGIN] == 1).all()
    assert torch.equal(border_confidence(-flow)[0, 0], found.flip(1))


def test_it_is_the_formula_written_as_loops():
    flow = np.random.default_rng(0).normal(0, 6, (2, 12, 30))

    def from_border(x: float, y: float) -> float:
        return min(MARGIN, max(0, min(x, y, 29 - x, 11 - y)))

    expected = np.zeros((12, 30))
    for y, x in np.ndindex(12, 30):
        ratio = (from_border(x + flow[0, y, x], y + flow[1, y, x]) + 1) / (from_border(x, y) + 1)
        expected[y, x] = min(1, max(0, 2 * ratio - 1))
    found = border_confidence(torch.from_numpy(flow)[None])
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-12)


def test_what_can_be_followed():
    content = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(0))
    before = content.roll(5, -1)
    pair = FramePair(before, content, Panning(content, 5))
    assert torch.equal(pair.followed, pair.visibility * pair.within * (2 * pair.confidence).clamp(max=1))
    assert (pair.followed[..., MARGIN : 40 - MARGIN, : 55 - MARGIN] == 1).all()
    assert (pair.followed[..., 56:] < 0.01).all()
    assert pair.unfollowed == 1 - float(pair.followed.mean())


def test_a_painting_is_kept_along_the_motion():
    content, painting = torch.rand(2, 1, 3, 40, 60, generator=torch.Generator().manual_seed(1))
    near = Neighbour(content, painting, content.clone(), Panning(content, 0.5))
    assert torch.equal(near.kept, unworn_warp(painting, near.backward_flow))
    assert near.kept.var() > near.moved.var()
