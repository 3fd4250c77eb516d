from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from vst.flow.estimators import FlowEstimator


@dataclass(frozen=True)
class Enlarged:
    """An estimator run on frames enlarged by `scale`, or less where their longer side would exceed `largest` pixels.

    Enlarged, small frames keep fine structures that the coarser levels of a pyramid lose: on RubberWhale DeepFlow's
    mean end-point error falls from 0.121 to 0.075 pixels with a scale of 2, and at a quarter of its size RAFT's from
    0.145 (scale 2) to 0.088 (scale 4).
    """

    estimator: FlowEstimator
    scale: int
    largest: int = 1024

    @property
    def name(self) -> str:
        """The estimator's."""
        return self.estimator.name

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the flow (L, 2, H, W) from first to second, (L, 3, H, W) in [0, 1], in their pixels."""
        height, width = first.shape[-2:]
        scale = max(1, min(self.scale, self.largest // max(height, width)))
        size = scale * height, scale * width
        flow = self.estimator(*(_enlarge(image, size) for image in (first, second)))
        return F.avg_pool2d(flow, scale) / scale


def _enlarge(image: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(image, size, mode="bicubic", align_corners=False).clamp(0, 1)
