from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import torch
from torch import Tensor

from vst.bounds import Few, Side
from vst.flow.enlarged import Enlarged
from vst.flow.estimators import DeepFlow, FlowEstimator
from vst.flow.warp import backward_warp
from vst.video import cuts

LIGHT_CHANGES = 0.04
"""Mean difference of the frames, after warping, from which the lighting may have changed."""

SURROUNDINGS, NOISE = 8.0, 0.0005
"""Standard deviation, in pixels of the enlarged frame, of an edge's surroundings, and an edge that is noise."""


class SteadyFlow:
    """DeepFlow on enlarged frames, or on their outlines where the lighting changes between them.

    `scale` and `largest` are those of `Enlarged`. If two frames still differ after warping, as in a flash,
    motion is also estimated on their outlines (`outline`), which a flash does not change, and the flow that
    aligns the outlines better is used. Where one frame is blank beside the other, the flow is 0.
    """

    name: ClassVar[str] = "deepflow, steadied"

    def __init__(self, scale: Few = 2, largest: Side = 1024):
        deepflow = DeepFlow()
        self._estimate = Enlarged(deepflow, scale, largest)
        self._estimate_outlines = Enlarged(_OnOutlines(deepflow), scale, largest)

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the flow (L, 2, H, W) from first to second, (L, 3, H, W) in [0, 1]."""
        lanes = zip(first.split(1), second.split(1), strict=True)
        return torch.cat([self._lane(a, b) for a, b in lanes])

    def _lane(self, first: Tensor, second: Tensor) -> Tensor:
        seen, other_seen = cuts.outline(first), cuts.outline(second)
        if seen.blank_beside(other_seen) or other_seen.blank_beside(seen):
            return torch.zeros_like(first[:, :2])
        flow = self._estimate(first, second)
        if float((backward_warp(second, flow) - first).abs().mean()) < LIGHT_CHANGES:
            return flow
        other = self._estimate_outlines(first, second)
        edges = outline(first), outline(second)
        errors = [float((backward_warp(edges[1], f) - edges[0]).abs().mean()) for f in (flow, other)]
        return flow if errors[0] < errors[1] else other


@dataclass(frozen=True)
class _OnOutlines:
    """An estimator run on the outlines of its frames, of one lane."""

    estimator: FlowEstimator
    name: ClassVar[str] = "on outlines"

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        return self.estimator(outline(first), outline(second))


def outline(image: Tensor) -> Tensor:
    """The edges of an image (1, 3, H, W), normalised by their surroundings: (1, 3, H, W) in [0, 1], 3 equal channels.

    E = |∇RGB| / (4·(G ∗ |∇RGB| + noise)), G a Gaussian of `SURROUNDINGS`. Unsigned and relative to its
    surroundings, an edge does not change when the frame is brightened, inverted or recoloured.
    """
    pixels = np.ascontiguousarray(image[0].permute(1, 2, 0).float().cpu().numpy())
    smooth = cv2.GaussianBlur(pixels, (0, 0), 0.5)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *axis, ksize=3, scale=0.125) for axis in ((1, 0), (0, 1)))
    gradient = np.sqrt((across**2 + down**2).sum(-1) / 3)
    even = gradient / (cv2.GaussianBlur(gradient, (0, 0), SURROUNDINGS) + NOISE)
    edges = torch.from_numpy(np.clip(even / 4, 0, 1)).to(image)
    return edges.expand(1, 3, -1, -1)
