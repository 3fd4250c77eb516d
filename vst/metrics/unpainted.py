"""Texture in newly visible areas: whether they are painted, or as smooth as the filling they started from."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

FEWEST_PAIRS = 100
"""Fewest pairs of neighbouring pixels for which the energy of an area is meaningful."""

REACH = 16
"""Radius, in pixels, of the surroundings compared with: texture varies across a painting."""

BORDER = 2
"""Width, in pixels, of the border of the frame that is left out: filters that end there paint it differently."""


def unpainted(stylized: Tensor, content: Tensor, revealed: Tensor) -> Tensor:
    """U: energy of strokes in newly visible areas, relative to the painting around them: (L,), 1 = the same.

    `stylized` and `content` are V'[i] and V[i], (L, 3, H, W) in [0, 1]; `revealed` (L, 1, H, W) is nonzero
    where the frame before does not show what V[i] shows. With e' and e the squared differences, summed over
    the channels, of two neighbouring pixels in V'[i] and V[i], both of them revealed or neither, and ē', ē
    their means over the pairs not revealed up to `REACH` away, a border of `BORDER` left out,

        b = max(0, Σ (e − ē)·(e' − ē') / Σ (e − ē)²)     over the pairs not revealed
        U = Σ e' / Σ (ē' + b·(e − ē))                    over the revealed pairs

    summed over pairs in a row and pairs in a column, each with its own b, because strokes have a direction.
    The content's energy is accounted for, because newly visible areas may be smoother or busier than the
    rest: strokes of their own and contours taken from the content (b) add up where they are independent. U is
    1 for a frame that is painted there as it is around, and for the source itself; well below 1 where a patch is
    smooth; above 1 where noise or a seam was left.

    NaN if fewer than `FEWEST_PAIRS` revealed pairs have others to be compared with, or nothing is painted
    around them. Not detected are old strokes that remain (`ghosting` detects them), wrong colours, and a smooth
    patch in a smooth painting. Source: this project's own.
    """
    inner = (slice(None), slice(None), slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    images = stylized[inner].double(), content[inner].double()
    sums = [_along(dim, *images, revealed[inner] > 0) for dim in (-1, -2)]
    count, found, expected = torch.stack(sums).sum(0)
    return torch.where((count >= FEWEST_PAIRS) & (expected > 0), found / expected, torch.nan)


def _along(dim: int, stylized: Tensor, content: Tensor, inside: Tensor) -> Tensor:
    """Count of the revealed pairs along a dimension, their painted and their expected energy: (3, L)."""
    painted, source = (image.diff(dim=dim).square().sum(1, keepdim=True) for image in (stylized, content))
    outer = _both(~inside, dim)
    painted_around, source_around = _mean_around(painted, outer), _mean_around(source, outer)
    excess = torch.where(outer, source - source_around, 0)
    variance = excess.square().flatten(1).sum(1)
    covariance = (excess * torch.where(outer, painted - painted_around, 0)).flatten(1).sum(1)
    slope = (covariance / torch.where(variance > 0, variance, 1)).clamp(min=0)[:, None, None, None]
    expected = painted_around + slope * (source - source_around)
    inner = _both(inside, dim) & source_around.isfinite()
    sums = [inner.double(), torch.where(inner, painted, 0), torch.where(inner, expected, 0)]
    return torch.stack([values.flatten(1).sum(1) for values in sums])


def _both(mask: Tensor, dim: int) -> Tensor:
    """Where a pixel and its next neighbour along `dim` are both in the mask."""
    count = mask.shape[dim] - 1
    return mask.narrow(dim, 0, count) & mask.narrow(dim, 1, count)


def _mean_around(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of the chosen values up to `REACH` away, (L, 1, H, W), NaN where there are none."""
    window = torch.cat([torch.where(chosen, values, 0), chosen.to(values.dtype)], dim=1)
    for kernel in ((2 * REACH + 1, 1), (1, 2 * REACH + 1)):
        margin = (kernel[0] // 2, kernel[1] // 2)
        window = F.avg_pool2d(window, kernel, stride=1, padding=margin)
    total, count = window[:, :1], window[:, 1:]
    return torch.where(count > 0, total / count, torch.nan)
