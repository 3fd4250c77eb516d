"""Which colours of one region occur in another, and where."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

BINS = 16
"""Bins along each of red, green and blue; a bin and its neighbours are one colour."""

RAREST = 1e-9
"""A share below which a colour does not occur."""


def common_colours(first: Tensor, inside: Tensor, second: Tensor, within: Tensor) -> tuple[Tensor, Tensor]:
    """How far each pixel's colour occurs in the other region as well: (L, 1, H, W) and (L, 1, h, w), in [0, 1].

    `first` (L, 3, H, W) and `second` (L, 3, h, w) are images in [0, 1], `inside` (L, 1, H, W) and `within` (L, 1, h, w)
    the weights of their pixels in the two regions. With A(c) and B(c) the shares of a colour c there, a pixel of colour
    c is min(1, B/A) in the first image and min(1, A/B) in the second, so that the mean over either region is
    Σ min(A, B): the intersection of histograms of Swain & Ballard, "Color Indexing" (1991).
    """
    here, there = _shares(first, inside), _shares(second, within)
    return _ratio(first, there, here), _ratio(second, here, there)


def _shares(image: Tensor, region: Tensor) -> Tensor:
    """The share of each colour in a region, smoothed over neighbouring bins: (L, 1, B, B, B)."""
    red, green, blue = (image * BINS).long().clamp(0, BINS - 1).unbind(1)
    colours = (blue * BINS + green) * BINS + red
    sums = region.new_zeros(len(image), BINS**3)
    sums.scatter_add_(1, colours.flatten(1), region.expand_as(image[:, :1]).flatten(1))
    shares = sums / sums.sum(1, keepdim=True).clamp(min=RAREST)
    return F.avg_pool3d(shares.view(-1, 1, BINS, BINS, BINS), 3, stride=1, padding=1)


def _ratio(image: Tensor, shares: Tensor, own: Tensor) -> Tensor:
    """min(1, shares / own) at the colours of an image: (L, 1, H, W)."""
    ratio = (shares / own.clamp(min=RAREST)).clamp(max=1)
    places = (2 * image - 1).permute(0, 2, 3, 1)[:, None]
    return F.grid_sample(ratio, places, mode="bilinear", padding_mode="border", align_corners=False)[:, :, 0]
