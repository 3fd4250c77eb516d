from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vst.flow.estimators import DeepFlow
from vst.flow.warp import backward_warp

LIGHT_CHANGES = 0.04
"""Mean difference of the frames, once moved onto each other, from which the light may have changed."""

SURROUNDINGS, NOISE = 8.0, 0.0005
"""Spread, in pixels of the enlarged frame, of what an edge is measured against, and an edge that is none."""


class SteadyFlow:
    """DeepFlow on enlarged frames, and on their outlines where the light changes between them.

    Enlarged by `scale`, small frames keep the fine things that the coarser levels of DeepFlow's pyramid lose;
    frames whose longer side would exceed `largest` pixels stay as they are. Where two frames still differ
    once the motion is undone, as they do in a flash, motion is also estimated on their outlines (`outline`),
    which flashes leave alone, and the flow that brings the outlines closer together is taken.
    """

    name: ClassVar[str] = "deepflow, steadied"

    def __init__(self, scale: int = 2, largest: int = 1024):
        self.scale, self.largest = scale, largest
        self._estimate = DeepFlow()

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the flow (L, 2, H, W) from first to second, (L, 3, H, W) in [0, 1]."""
        lanes = zip(first.split(1), second.split(1), strict=True)
        return torch.cat([self._lane(a, b) for a, b in lanes])

    def _lane(self, first: Tensor, second: Tensor) -> Tensor:
        flow = self._enlarged(first, second, outlines=False)
        if float((backward_warp(second, flow) - first).abs().mean()) < LIGHT_CHANGES:
            return flow
        other = self._enlarged(first, second, outlines=True)
        edges = outline(first), outline(second)
        apart = [float((backward_warp(edges[1], f) - edges[0]).abs().mean()) for f in (flow, other)]
        return flow if apart[0] < apart[1] else other

    def _enlarged(self, first: Tensor, second: Tensor, outlines: bool) -> Tensor:
        height, width = first.shape[-2:]
        scale = self.scale if self.scale * max(height, width) <= self.largest else 1
        size = scale * height, scale * width
        large = [
            F.interpolate(image, size, mode="bicubic", align_corners=False).clamp(0, 1)
            for image in (first, second)
        ]
        if outlines:
            large = [outline(image) for image in large]
        flow = self._estimate(*large)
        return F.avg_pool2d(flow, scale) / scale


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
