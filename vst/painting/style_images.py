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
    ) -> Tensor:
        """The strength of the fine detail between two sizes of a frame that its recipe asks for.

        It is (1, 1, 1, 1), or (1, 1, H, W) where the frame has regions.
        """
        key = smaller, size, recipe.shot
        if key not in self._details:
            styles = self.styles(recipe.shot)
            larger = [resized(style, _scaled(style, size, full)) for style in styles]
            self._details[key] = [
                strength(fine_detail(image, _scaled(style, smaller, full)))
                for image, style in zip(larger, styles, strict=True)
            ]
        parts = [share * detail for share, detail in zip(recipe.shares, self._details[key], strict=True)]
        if regions is not None:
            parts = [part * region for part, region in zip(parts, regions.of, strict=True)]
        return torch.stack(parts).sum(0)

    def styles(self, shot: int) -> list[Tensor]:
        """The style images in a shot, at their own size."""
        if self._styles[0] != shot:  # once a shot: they may have to be matched to its colours
            self._styles = shot, [style.to(self._device) for style in self._mixture.styles(shot)]
        return self._styles[1]


def _scaled(style: Tensor, size: Size, full: Size) -> Size:
    """A style image's size where a frame of size `full` has `size`."""
    height, width = (max(NARROWEST, round(side * size[1] / full[1])) for side in style.shape[-2:])
    return height, width
