from __future__ import annotations

import torch
from torch import Tensor

from vst.losses.target import Regions
from vst.painting.mixture import Mixture, Recipe
from vst.painting.scales import NARROWEST, Size, fine_detail, resized, strength


class StyleImages:
    """The style images of a mixture on a device, scaled as the frames are."""

    def __init__(self, mixture: Mixture, device: torch.device):
        self._mixture, self._device = mixture, device
        self._details: dict[tuple[Size, Size, int], list[Tensor]] = {}
        self._styles: tuple[int | None, list[Tensor]] = None, []

    def at(self, size: Size, full: Size, shot: int) -> list[Tensor]:
        """The style images in a shot, where a frame of size `full` has `size`."""
        styles = self.styles(shot)
        if size == full:
            return styles
        return [resized(style, _scaled(style, size, full)).clamp(0, 1) for style in styles]

    def detail(
        self, smaller: Size, size: Size, full: Size, recipe: Recipe, regions: Regions | None
    ) -> tuple[Tensor, Tensor]:
        """The strength of the fine detail between two sizes of a frame that its recipe asks for, and its share of it.

        Both are (1, 1, 1, 1), or (1, 1, H, W) where the frame has regions. The share is below 1 where the style is to
        be faint, and 0 where nothing is painted: there the detail stays the content's own.
        """
        key = smaller, size, recipe.shot
        if key not in self._details:
            styles = self.styles(recipe.shot)
            larger = [resized(style, _scaled(style, size, full)) for style in styles]
            self._details[key] = [
                strength(fine_detail(image, _scaled(style, smaller, full)))
                for image, style in zip(larger, styles, strict=True)
            ]
        details = self._details[key]
        shares = [
            torch.full_like(detail, share) for share, detail in zip(recipe.shares, details, strict=True)
        ]
        if regions is not None:
            shares = [share * region for share, region in zip(shares, regions.of, strict=True)]
        painted = torch.stack(shares).sum(0)
        wanted = torch.stack([share * detail for share, detail in zip(shares, details, strict=True)]).sum(0)
        return wanted / painted.clamp(min=1e-8), min(1.0, recipe.strength) * painted

    def styles(self, shot: int) -> list[Tensor]:
        """The style images in a shot, at their own size."""
        if self._styles[0] != shot:  # once a shot: they may have to be matched to its colours
            self._styles = shot, [style.to(self._device) for style in self._mixture.styles(shot)]
        return self._styles[1]


def _scaled(style: Tensor, size: Size, full: Size) -> Size:
    """A style image's size where a frame of size `full` has `size`."""
    height, width = (max(NARROWEST, round(side * size[1] / full[1])) for side in style.shape[-2:])
    return height, width
