"""What the frames of a run are painted like."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vst.frames import Frame
from vst.losses.loss import Loss
from vst.losses.target import Regions
from vst.painting.colours import StyleColours
from vst.painting.course import ONE, Course
from vst.video.masks import Mask
from vst.video.palette import Palette

EXPONENT = 4
"""β is multiplied by this power of the strength. How far activations move from the content's grows with log β: on a
frame of `carphone` painted like Starry Night, to 0.79, 0.60 and 0.44 with 0.3, 0.1 and 0.03 β. So half the strength,
0.06 β, is about half of the way."""


@dataclass(frozen=True)
class Ingredient:
    """A style image (1, 3, h, w), its weight along the clip relative to that of the others in its region, and the mask
    of the region; None for what the masks of the others leave."""

    image: Tensor
    weight: Course = ONE
    mask: Mask | None = None

    @property
    def region(self) -> Path | None:
        """What is the same for images of the same region."""
        return self.mask.path if self.mask is not None else None


@dataclass(frozen=True)
class Recipe:
    """What one frame is painted like.

    `shot` is a number that is the same for frames for which the style images are the same; `shares` are those of the
    images, which add up to 1 in each region, or are all 0; `strength` is that of the style, 1 for β as it is given.
    """

    shot: int
    shares: Sequence[float]
    strength: float

    def factors(self, losses: Mapping[str, Loss]) -> dict[str, float]:
        """By what the weights of losses are multiplied; those that are not are left out."""
        factors = {
            name: self.strength**EXPONENT * (1 if loss.image is None else self.shares[loss.image])
            for name, loss in losses.items()
            if loss.of_style
        }
        return {name: factor for name, factor in factors.items() if factor != 1}


class Mixture:
    """The style images, how strongly they are painted, and in whose colours.

    `palettes` are those of the shots, by their first frame, where the colours depend on them.
    """

    def __init__(
        self,
        ingredients: Sequence[Ingredient],
        colours: StyleColours | None = None,
        palettes: Mapping[int, Palette] | None = None,
        strength: Course = ONE,
    ):
        self.ingredients, self.strength = tuple(ingredients), strength
        self.colours = colours or StyleColours()
        self._palettes = dict(palettes or {})
        self._firsts = sorted(self._palettes)

    @property
    def constant(self) -> bool:
        """Whether all frames are painted alike."""
        courses = [self.strength, *(each.weight for each in self.ingredients)]
        still = not any(each.mask and each.mask.moves for each in self.ingredients)
        return still and len(self._palettes) <= 1 and all(course.constant for course in courses)

    def recipe(self, frame: Frame) -> Recipe:
        """What a frame is painted like."""
        shot = max(0, bisect_right(self._firsts, frame.index) - 1)
        weights = [each.weight.at(frame.source_index) for each in self.ingredients]
        wholes: dict[Path | None, float] = defaultdict(float)
        for each, weight in zip(self.ingredients, weights, strict=True):
            wholes[each.region] += weight
        shares = [
            weight / wholes[each.region] if weight > 0 else 0.0
            for each, weight in zip(self.ingredients, weights, strict=True)
        ]
        return Recipe(shot, shares, self.strength.at(frame.source_index))

    def regions(self, frame: Frame) -> Regions | None:
        """Where a frame is painted; None for everywhere with every style image.

        Where masks overlap, each has its part of the place.
        """
        masks = {
            each.mask.path: each.mask.at(frame.source_index).to(frame.content)
            for each in self.ingredients
            if each.mask is not None
        }
        if not masks:
            return None
        painted = torch.stack(list(masks.values())).sum(0)
        masks = {path: mask / painted.clamp(min=1) for path, mask in masks.items()}
        rest, whole = (1 - painted).clamp(min=0), painted.clamp(max=1)
        of = [rest if each.region is None else masks[each.region] for each in self.ingredients]
        everywhere = any(each.region is None for each in self.ingredients)
        return Regions(of, torch.ones_like(whole) if everywhere else whole)

    def styles(self, shot: int) -> list[Tensor]:
        """The style images in a shot."""
        images = [each.image for each in self.ingredients]
        if not self._firsts:
            return images
        palette = self._palettes[self._firsts[shot]]
        return [self.colours.style(image, palette) for image in images]
