from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vst.bounds import Weight
from vst.features.layers import Layers
from vst.features.vgg import Activations
from vst.flow.neighbour import Neighbour
from vst.losses.functional import Normalisation, region_gram_matrix, style_loss
from vst.losses.loss import Loss
from vst.losses.target import Target

LEAST = 0.005
"""Share of the frame that must be new: of fewer positions there is no style to speak of."""

REACH = 12
"""The longer side of the frame divided by how far the surroundings of what is new reach."""


class RevealedStyle(Loss):
    """r · `style_loss` of what has just come into view, against its painted surroundings; r is its share of the frame.

    Once most of a frame is painted, its Gram matrices are near the painting's and ask hardly anything of what is not.
    The Gram matrices of a narrow strip alone, against the painting's, ask for all of the painting's colours in it;
    against those of the strokes around it, as they were moved here, for more of the same. 0 where the frame before
    shows all of the frame, or none was painted.
    """

    compares = "shot"
    of_style = True

    def __init__(self, weight: Weight, layers: Layers, normalisation: Normalisation = "chw"):
        super().__init__(weight, layers)
        self.normalisation: Normalisation = normalisation
        self._regions: list[Tensor] = []
        self._targets: list[Tensor] = []

    def begin_frame(self, target: Target) -> None:
        """Find what came into view, and the Gram matrices around it."""
        self._regions, self._targets = [], []
        if not target.past:
            return
        near = target.past[0]
        if not LEAST <= near.unfollowed < 1:
            return
        region, around = 1 - near.followed, surroundings(near)
        if target.regions is not None:
            region, around = region * target.regions.whole, around * target.regions.whole
            if region.mean() < LEAST:
                return
        painted = target.look(near.kept)
        for layer in self.layers:
            height, width = painted[layer].shape[-2:]
            here, there = (F.adaptive_avg_pool2d(part, (height, width)) for part in (region, around))
            self._regions.append(here)
            self._targets.append(region_gram_matrix(painted[layer], there, self.normalisation))

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,)."""
        if not self._regions:
            return torch.zeros_like(canvas[:, 0, 0, 0])
        grams = [
            region_gram_matrix(activations[layer], region, self.normalisation)
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
