"""The octaves of a picture within a mask: strokes by their size."""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

WIDTHS = (1, 2, 4)
"""Standard deviations of the Gaussians between the octaves, in units: between strokes of about 3, 6 and 12 units."""


def octaves(image: Tensor, mask: Tensor, unit: float) -> list[Tensor]:
    """The differences of an image (L, C, H, W) and its Gaussians within a mask (L, 1, H, W), (L, C, H, W) each.

    `unit` is that of `WIDTHS`, in pixels. The finest octave comes first; what is coarser than the last Gaussian is
    left out. Outside the mask, where all octaves are 0, the image may be anything: the Gaussians are of the masked
    pixels alone.
    """
    inside = torch.where(mask > 0, image, 0) * mask
    levels = [inside]
    for width in WIDTHS:
        blurred = [_gaussian(part, width * unit) for part in (inside, mask)]
        levels.append(mask * blurred[0] / blurred[1].clamp(min=1e-6))
    return [finer - coarser for finer, coarser in itertools.pairwise(levels)]


def _gaussian(image: Tensor, sigma: float) -> Tensor:
    """Blur (L, C, H, W) by a Gaussian truncated at three sigma, with zeros outside the frame."""
    radius = math.ceil(3 * sigma)
    offsets = torch.arange(-radius, radius + 1, dtype=image.dtype, device=image.device)
    kernel = torch.softmax(-offsets.square() / (2 * sigma**2), dim=0)
    channels = image.shape[1]
    row = kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    image = F.conv2d(image, row, padding=(0, radius), groups=channels)
    return F.conv2d(image, row.mT, padding=(radius, 0), groups=channels)
