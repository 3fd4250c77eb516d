"""How strongly a coherence term may weigh on a frame, by the motion it relies on."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def motion_confidence(flow: Tensor, tolerance: float, least: float) -> Tensor:
    """φ + (1 − φ) / (1 + ū²/u₀²): the weight of coherence in a frame of mean motion ū, (L, 1, 1, 1) in [φ, 1].

    `flow` is (L, 2, H, W) in pixels, `tolerance` u₀ in pixels, `least` φ in [0, 1]. Resampling blurs, and the error of
    an estimated flow grows with its length: a strong term would wear down the strokes of a frame of which most moves,
    but not those of one of which most stands still, its moving parts included.
    Source: this project's own, from measurements (experiments/robust.md).
    """
    motion = flow.square().sum(dim=1, keepdim=True).sqrt().mean((2, 3), keepdim=True)
    return least + (1 - least) / (1 + motion.square() / tolerance**2)


def content_confidence(content: Tensor, moved_content: Tensor, tolerance: float) -> Tensor:
    """1 / (1 + (d/s)²), s = d₀ + 3 median(d): how far a motion explains the content, (L, 1, H, W) in (0, 1].

    `content` is V[i], `moved_content` V[i-1] fetched along the flow, (L, 3, H, W) in [0, 1]; d is their mean
    absolute difference over channels and 3×3 pixels, `tolerance` d₀. The median over the frame lets a change
    of the light, which is everywhere, pass for what it is. Source: this project's own.
    """
    apart = (content - moved_content).abs().mean(1, keepdim=True)
    apart = F.avg_pool2d(apart, 3, stride=1, padding=1, count_include_pad=False)
    scale = tolerance + 3 * apart.flatten(1).median(1).values[:, None, None, None]
    return 1 / (1 + (apart / scale).square())
