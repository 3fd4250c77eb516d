"""Two syntheses of one frame, after the key frame before it and after the one behind it, made one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

REACH = 50
"""The longer side divided by how far the window reaches in which contrast is compared: several strokes."""


def cross_fade(first: Tensor, second: Tensor, share: float) -> Tensor:
    """A mixture with the `share` of the second image, (L, 3, H, W) in [0, 1], that keeps the contrast of their strokes.

    The mean of two pictures with different strokes is flat: its deviations from the local mean are multiplied by what
    they have lost of those of the two, at most √2, which is what unrelated strokes lose at a share of a half. Source:
    Heitz & Neyret, "High-Performance By-Example Noise using a Histogram-Preserving Blending Operator" (2018), section
    3, with variances measured in windows. Jamriška et al. (2019) also mix gradients by patch error, and solve for them.
    """
    mixed = torch.lerp(first, second, share)
    mean = _window_mean(mixed)
    wanted = torch.lerp(_deviation(first), _deviation(second), share)
    gain = (wanted / _deviation(mixed).clamp(min=1e-6)).clamp(1, 2**0.5)
    return (mean + gain * (mixed - mean)).clamp(0, 1)


def _deviation(image: Tensor) -> Tensor:
    """The standard deviation in a window around each pixel, all channels together: (L, 1, H, W)."""
    variance = _window_mean(image.square()) - _window_mean(image).square()
    return variance.mean(1, keepdim=True).clamp(min=0).sqrt()


def _window_mean(image: Tensor) -> Tensor:
    reach = max(1, round(max(image.shape[-2:]) / REACH))
    return F.avg_pool2d(image, 2 * reach + 1, stride=1, padding=reach, count_include_pad=False)
