from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import torch
from torch import Tensor

from vst.flow.enlarged import Enlarged
from vst.flow.estimators import DeepFlow, FlowEstimator
from vst.flow.warp import backward_warp
from vst.video.cuts import is_blank

LIGHT_CHANGES = 0.04
"""Mean difference of the frames, once moved onto each other, from which the light may have changed."""

SURROUNDINGS, NOISE = 8.0, 0.0005
"""Spread, in pixels of the enlarged frame, of what an edge is measured against, and an edge that is none."""


class SteadyFlow:
    """DeepFlow on enlarged frames, and on their outlines where the light changes between them.

    `scale` and `largest` are those of `Enlarged`. Where two frames still differ once the motion is undone, as
    they do in a flash, motion is also estimated on their outlines (`outline`), which flashes leave alone, and
    the flow that brings the outlines closer together is taken. A blank frame shows no motion: there it is 0.
    """

    name: ClassVar[str] = "deepflow, steadied"

    def __init__(self, scale: int = 2, largest: int = 1024):
        deepflow = DeepFlow()
        self._estimate = Enlarged(deepflow, scale, largest)
        self._estimate_outlines = Enlarged(_OnOutlines(deepflow), scale, largest)

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the flow (L, 2, H, W) from first to second, (L, 3, H, W) in [0, 1]."""
        lanes = zip(first.split(1), second.split(1), strict=True)
        return torch.cat([self._lane(a, b) for a, b in lanes])

    def _lane(self, first: Tensor, second: Tensor) -> Tensor:
        if is_blank(first) or is_blank(second):
            return torch.zeros_like(first[:, :2])
        flow = self._estimate(first, second)
        if float((backward_warp(second, flow) - first).abs().mean()) < LIGHT_CHANGES:
            return flow
        other = self._estimate_outlines(first, second)
        edges = outline(first), outline(second)
        apart = [float((backward_warp(edges[1], f) - edges[0]).abs().mean()) for f in (flow, other)]
        return flow if apart[0] < apart[1] else other


@dataclass(frozen=True)
class _OnOutlines:
    """An estimator that sees the outlines of its frames, of one lane."""

    estimator: FlowEstimator
    name: ClassVar[str] = "on outlines"

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        return self.estimator(outline(first), outline(second))


def outline(image: Tensor) -> Tensor:
    """The edges of an image (1, 3, H, W), all brought to one strength: (1, 3, H, W) in [0, 1], alike in 3.

    E = |∇RGB| / (4·(G ∗ |∇RGB| + noise)), G a Gaussian of `SURROUNDINGS`. Without sign and relative to what
    is around, an edge stays what it is when the frame is brightened, inverted or recoloured.
    """
    pixels = np.ascontiguousarray(image[0].permute(1, 2, 0).float().cpu().numpy())
    smooth = cv2.GaussianBlur(pixels, (0, 0), 0.5)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *axis, ksize=3, scale=0.125) for axis in ((1, 0), (0, 1)))
    gradient = np.sqrt((across**2 + down**2).sum(-1) / 3)
    even = gradient / (cv2.GaussianBlur(gradient, (0, 0), SURROUNDINGS) + NOISE)
    edges = torch.from_numpy(np.clip(even / 4, 0, 1)).to(image)
    return edges.expand(1, 3, -1, -1)
