"""Patches of an image as short vectors, and an image voted for by the patches that were found for it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

PATCH = 5
"""The side of a patch in pixels, as in Jamriška et al. (2019)."""

DOUBT = 0.1
"""Added to a patch's cost, as a share of the mean cost, so that no vote counts for all others."""

FOCUS = 0.8
"""Standard deviation, in pixels, of the weight of a patch's vote around its middle: the votes of all of it would blur
strokes where neighbouring patches come from places that are not neighbours."""

SAMPLES = 40_000
"""About how many patches of an image are looked at to find its principal components: those of a large one overlap."""

_REACH = PATCH // 2


class PatchSpace:
    """The directions in which the patches of an image (L, C, H, W) differ most: their principal components.

    A patch of 75 numbers is told from others of the same image by some 16 of them; comparing these alone is several
    times as fast. With as many `components` as numbers, nothing is lost.
    """

    def __init__(self, image: Tensor, components: int):
        stride = 1 + math.isqrt(image.shape[-2] * image.shape[-1] // SAMPLES)
        patches = F.unfold(_framed(image), PATCH, stride=stride).transpose(1, 2).flatten(0, 1)
        apart = patches - patches.mean(0)
        _, directions = torch.linalg.eigh(apart.T @ apart / len(apart))
        # the largest are the last; /PATCH makes the squared distance of two patches a mean over their pixels
        basis = directions[:, -components:].T / PATCH
        self._kernels = basis.unflatten(1, (image.shape[1], PATCH, PATCH))

    def __call__(self, image: Tensor) -> Tensor:
        """The patches around all pixels: (L, C, H, W) → (L, components, H, W)."""
        return F.conv2d(_framed(image), self._kernels)


def voted(image: Tensor, field: Tensor, cost: Tensor) -> Tensor:
    """The image that patches of another one vote for: (L, C, H, W).

    `field` (L, 2, H, W) is the column and row in `image` of the patch around each pixel. A pixel is the mean of what
    the patches that cover it have there, with weights that fall towards a patch's border, and with their `cost`,
    (L, 1, H, W): a bad match between good ones is outvoted.
    """
    height, width = image.shape[-2:]
    pixels = image.flatten(2)
    worth = 1 / (cost / cost.mean((1, 2, 3), keepdim=True).clamp(min=1e-12) + DOUBT)
    # one large canvas takes the votes, so that those beyond the border need no test
    sums = F.pad(torch.zeros_like(image[:, :1]).expand(-1, image.shape[1] + 1, -1, -1), [_REACH] * 4)
    for down in range(-_REACH, _REACH + 1):
        for across in range(-_REACH, _REACH + 1):
            column = (field[:, :1] + across).clamp(0, width - 1)
            row = (field[:, 1:] + down).clamp(0, height - 1)
            index = (row * width + column).flatten(2).expand(-1, image.shape[1], -1)
            colours = pixels.gather(2, index).unflatten(2, field.shape[-2:])
            place = sums[..., _REACH + down : _REACH + down + field.shape[-2], _REACH + across :][
                ..., : field.shape[-1]
            ]
            weight = math.exp(-(across**2 + down**2) / (2 * FOCUS**2)) * worth
            place += torch.cat([weight * colours, weight], dim=1)
    sums = sums[..., _REACH:-_REACH, _REACH:-_REACH]
    return sums[:, :-1] / sums[:, -1:]


def _framed(image: Tensor) -> Tensor:
    """An image with its border pixels repeated as far as a patch reaches."""
    return F.pad(image, [_REACH] * 4, mode="replicate")
