from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vst.bounds import Weight
from vst.features.layers import Layers
from vst.features.vgg import Activations
from vst.flow.neighbour import Neighbour
from vst.flow.prediction import fill_disoccluded, fill_radius
from vst.losses.common_colours import common_colours
from vst.losses.functional import Normalisation, style_loss
from vst.losses.grams import at_layers, gram
from vst.losses.loss import Loss
from vst.losses.target import Target

LEAST = 0.005
"""Share of the frame that must be new: of fewer positions there is no style to speak of."""

REACH = 12
"""The longer side of the frame divided by how far the surroundings of what is new reach."""

COARSE = 64
"""The longer side of the frame divided by the radius over which the painting's strokes are averaged to one colour."""

EVERYWHERE = 1e-4
"""Weight of each place of the painting, whatever its colour: all of it suits where none of the colours occur in it."""


class RevealedStyle(Loss):
    """r · `style_loss` of what has just come into view, against strokes that suit it; r is its share of the frame.

    Once most of a frame is painted, its Gram matrices are near the painting's and ask hardly anything of what is not.
    What is asked of the region alone is

        k · Gram of the moved strokes around it, where the content has the region's colours
        + (1 − k) · Gram of the painting, where it has the colours that the rest of the region is to take on

    with k the part of the region whose colours occur around it (`common_colours`), and those to take on of
    `fill_disoccluded`. In a strip that a pan brings in, k is near 1, and the term asks for more of the strokes beside
    it; against all of the painting it would ask for all of its colours in the strip. A pale car that drives in before a
    dark wall is not to be painted as the wall, which against its surroundings it was. 0 where the frame before shows
    all of the frame, or none was painted. Source: this project's own (experiments/robust.md).
    """

    compares = "shot"
    of_style = True
    image = 0
    regional = True
    only_sums = True

    def __init__(self, weight: Weight, layers: Layers, normalisation: Normalisation = "chw"):
        super().__init__(weight, layers)
        self.normalisation: Normalisation = normalisation
        self._regions: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._style: Tensor | None = None

    def begin_run(self, style: Tensor, activations: Activations) -> None:
        """Keep the style image, and not its activations: of a large frame they take gigabytes, and a look is short."""
        self._style = style

    def begin_frame(self, target: Target) -> None:
        """Find what came into view, and the Gram matrices of the strokes that suit it."""
        self._regions, self._targets = [], []
        if not target.past:
            return
        near = target.past[0]
        if not LEAST <= near.unfollowed < 1:
            return
        region, around = 1 - near.followed, surroundings(near)
        if target.regions is not None:
            part = target.regions.of[self.image or 0]
            region, around = region * part, around * part
            if region.mean() < LEAST:
                return
        assert self._style is not None
        found, alike = common_colours(target.content, region, target.content, around)
        # at a small scale, nothing may be left of it
        known = (region * found).sum() / region.sum().clamp(min=1e-6)
        suits = self._suits(region * (1 - found), near, target.content)
        strokes = self._grams(target.look(near.kept), around * alike)
        painting = self._grams(target.look(self._style), suits)
        self._targets = [torch.lerp(*pair, known) for pair in zip(painting, strokes, strict=True)]
        self._regions = at_layers(region, self.layers)

    def _suits(self, region: Tensor, near: Neighbour, content: Tensor) -> Tensor:
        """Where the painting has the colours that a region is to take on, (1, 1, h, w) in [0, 1]."""
        assert self._style is not None
        radius = max(1, max(content.shape[-2:]) // COARSE)
        coarse = F.avg_pool2d(self._style, 2 * radius + 1, stride=1, padding=radius, count_include_pad=False)
        filled = fill_disoccluded(near.kept, near.followed, content, fill_radius(content))
        _, suits = common_colours(filled, region, coarse, torch.ones_like(coarse[:, :1]))
        return suits.clamp(min=EVERYWHERE)

    def _grams(self, activations: Activations, region: Tensor) -> list[Tensor]:
        return [
            gram(activations, layer, self.normalisation, here)
            for layer, here in zip(self.layers, at_layers(region, self.layers), strict=True)
        ]

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,)."""
        if not self._regions:
            return torch.zeros_like(canvas[:, 0, 0, 0])
        grams = [
            gram(activations, layer, self.normalisation, region)
            for layer, region in zip(self.layers, self._regions, strict=True)
        ]
        share = self._regions[0].mean((1, 2, 3))
        return share * style_loss(grams, self._targets)


def surroundings(near: Neighbour) -> Tensor:
    """What is followed, by how much that is not lies in a window around each pixel: (L, 1, H, W) in [0, 1]."""
    reach = max(1, round(max(near.followed.shape[-2:]) / REACH))
    amount = 1 - near.followed
    for kernel, margin in (((2 * reach + 1, 1), (reach, 0)), ((1, 2 * reach + 1), (0, reach))):
        amount = F.avg_pool2d(amount, kernel, stride=1, padding=margin)
    return near.followed * amount
