"""Style losses other than that of Gram matrices, as terms of L_total.

Each is divided by its `unit`, with which the content loss of a finished frame is on average that of `style_loss` at the
same β (experiments/style_losses.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Generator, Tensor

from vst.bounds import Count, Weight
from vst.features.layers import Layers
from vst.features.vgg import Activations
from vst.losses.functional import full_precision, gram_matrix, style_loss
from vst.losses.loss import Loss
from vst.losses.style_distances import (
    histogram_loss,
    hypercolumns,
    moments,
    moments_loss,
    nearest_neighbour_loss,
    optimal_transport_loss,
    project,
    sliced_wasserstein_loss,
)
from vst.losses.target import Target

Unit = Annotated[float, Interval(gt=0, le=1e9)]


class StyleTerm(Loss):
    """A style loss: it knows the style image from `begin_run` on, and nothing of a frame but its canvas."""

    compares = "nothing"
    of_style = True
    image = 0

    def __init__(self, weight: Weight, layers: Layers, unit: Unit):
        super().__init__(weight, layers)
        self.unit = unit
        self._targets: list[Tensor] = []

    def begin_frame(self, target: Target) -> None:
        """Nothing to prepare: the style image is the same for all frames."""

    def _mean(self, distance: Callable[[Tensor, Tensor], Tensor], activations: Activations) -> Tensor:
        """The mean over layers of a distance of activations and target, in units."""
        pairs = zip(self.layers, self._targets, strict=True)
        return (
            torch.stack([distance(activations[layer], target) for layer, target in pairs]).mean(0) / self.unit
        )


class MomentsLoss(StyleTerm):
    """`moments_loss`, the mean over layers."""

    def begin_run(self, style: Tensor, activations: Activations) -> None:
        """Store the style image's moments."""
        self._targets = [moments(activations[layer]) for layer in self.layers]

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,)."""
        return self._mean(lambda found, target: moments_loss(moments(found), target), activations)


class HistogramLoss(StyleTerm):
    """`style_loss` and `histogram_loss` together, each the mean over layers: the Gram matrices alone let the histograms
    drift, and the histograms alone know nothing of two channels together. The unit is that of the histograms."""

    def begin_run(self, style: Tensor, activations: Activations) -> None:
        """Store the style image's sorted activations and its Gram matrices."""
        self._targets = [
            full_precision(activations[layer]).flatten(2).sort(2).values for layer in self.layers
        ]
        self._grams = [gram_matrix(activations[layer]) for layer in self.layers]

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,)."""
        grams = [gram_matrix(activations[layer]) for layer in self.layers]
        return style_loss(grams, self._grams) + self._mean(histogram_loss, activations)


class SlicedWassersteinLoss(StyleTerm):
    """`sliced_wasserstein_loss`, the mean over layers, along as many random directions as a layer has channels.

    They are drawn once a run, where Heitz et al. draw them at every step: L-BFGS asks for one objective.
    """

    def begin_run(self, style: Tensor, activations: Activations) -> None:
        """Draw directions, and store the style image's sorted projections."""
        self._directions = {layer: _directions(activations[layer]) for layer in self.layers}
        self._targets = [
            project(activations[layer], self._directions[layer]).sort(2).values for layer in self.layers
        ]

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,)."""
        losses = [
            sliced_wasserstein_loss(activations[layer], target, self._directions[layer])
            for layer, target in zip(self.layers, self._targets, strict=True)
        ]
        return torch.stack(losses).mean(0) / self.unit


class ColumnsTerm(StyleTerm):
    """A style loss of hypercolumns of the layers, of which it takes at most `most` of an image."""

    def __init__(self, weight: Weight, layers: Layers, unit: Unit, most: Count):
        super().__init__(weight, layers, unit)
        self.most = most
        self._chosen: dict[int, Tensor] = {}

    def _drawn(self, columns: Tensor) -> Tensor:
        """At most `most` of the columns (L, C, P), drawn at random, the same at every evaluation and in every run."""
        count = columns.shape[2]
        if count not in self._chosen:
            drawn = torch.randperm(count, generator=Generator().manual_seed(count))[: self.most]
            self._chosen[count] = drawn.to(columns.device)
        return columns[:, :, self._chosen[count]]


class NearestNeighbourLoss(ColumnsTerm):
    """`nearest_neighbour_loss` of all hypercolumns of the canvas, against those drawn of the style image."""

    def begin_run(self, style: Tensor, activations: Activations) -> None:
        """Store the style image's hypercolumns."""
        self._targets = [self._drawn(hypercolumns([activations[layer] for layer in self.layers]))]

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,)."""
        columns = hypercolumns([activations[layer] for layer in self.layers])
        return nearest_neighbour_loss(columns, self._targets[0]) / self.unit


class OptimalTransportLoss(ColumnsTerm):
    """`optimal_transport_loss` of hypercolumns drawn of each image.

    Kolkin et al. draw 1024 anew at every step; here they are drawn once a run: L-BFGS asks for one objective.
    """

    def begin_run(self, style: Tensor, activations: Activations) -> None:
        """Store the style image's hypercolumns, and its colours there."""
        self._targets = list(self._with_colours(style, activations))

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,)."""
        columns, colours = self._with_colours(canvas, activations)
        return optimal_transport_loss(columns, self._targets[0], colours, self._targets[1]) / self.unit

    def _with_colours(self, image: Tensor, activations: Activations) -> tuple[Tensor, Tensor]:
        columns = self._drawn(hypercolumns([*(activations[layer] for layer in self.layers), image]))
        return columns[:, :-3], columns[:, -3:]


def _directions(activations: Tensor) -> Tensor:
    """Random unit vectors, as many as channels, (C, C): the same in every run."""
    channels = activations.shape[1]
    drawn = torch.randn(channels, channels, generator=Generator().manual_seed(channels))
    return (drawn / drawn.norm(dim=1, keepdim=True)).to(activations.device)
