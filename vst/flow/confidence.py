"""Weights of a coherence term, by how well the motion explains the content, and what comes in at the border."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vst.flow.warp import flow_targets

MARGIN = 8
"""Width, in pixels, of the margin along a frame's border that is painted otherwise: there VGG-19's first convolutions
see what is put outside the frame, whatever its size."""


def content_confidence(content: Tensor, moved_content: Tensor, tolerance: float) -> Tensor:
    """2^(−(d/s)²), s = d₀ + 3 median(d): how well a motion explains the content, (L, 1, H, W) in [0, 1].

    `content` is V[i], `moved_content` V[i-1] warped along the flow, (L, 3, H, W) in [0, 1]; d is their mean
    absolute difference over channels and 3×3 pixels, `tolerance` d₀. The median is over the frame, so that a
    change of lighting, which is everywhere, hardly lowers the confidence. It falls fast,
    since a twentieth of a coherence's weight of 2e5 still holds what is no longer there. Source: this project's own.
    """
    difference = (content - moved_content).abs().mean(1, keepdim=True)
    difference = F.avg_pool2d(difference, 3, stride=1, padding=1, count_include_pad=False)
    scale = tolerance + 3 * difference.flatten(1).median(1).values[:, None, None, None]
    return torch.exp2(-(difference / scale).square())


def border_confidence(flow: Tensor) -> Tensor:
    """How little a border of the other frame comes into this one, (L, 1, H, W) in [0, 1]: 0 where it lies inside.

    `flow` is backward flow (L, 2, H, W) in pixels. With b(p) the distance of p from the border, at most `MARGIN`, and
    r = (b(p + flow(p)) + 1) / (b(p) + 1), it is 2 r − 1, clamped. Along the border a painting has other strokes,
    often a line: where the camera moves away from it, they would stay as a seam; where it stands still, nothing
    changes. Source: this project's own.
    """
    height, width = flow.shape[-2:]
    sampled = _from_border(*flow_targets(flow), height, width).clamp(0, MARGIN)
    own = _from_border(*flow_targets(torch.zeros_like(flow)), height, width).clamp(max=MARGIN)
    return (2 * (sampled + 1) / (own + 1) - 1).clamp(0, 1)


def _from_border(x: Tensor, y: Tensor, height: int, width: int) -> Tensor:
    """Distance of positions from the nearest border of the frame, in pixels, negative outside."""
    return torch.stack([x, y, width - 1 - x, height - 1 - y]).amin(0)
