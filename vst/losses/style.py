from __future__ import annotations

from torch import Tensor

from vst.bounds import Weight
from vst.features.layers import Layers
from vst.features.vgg import Activations
from vst.losses.functional import Normalisation, gram_matrix, style_loss
from vst.losses.loss import Loss
from vst.losses.target import Target


class StyleLoss(Loss):
    """`style_loss` with the Gram matrices of the style image, which are computed once per run."""

    compares = "nothing"

    def __init__(self, weight: Weight, layers: Layers, normalisation: Normalisation = "chw"):
        super().__init__(weight, layers)
        self.normalisation: Normalisation = normalisation
        self._targets: list[Tensor] = []

    def begin_run(self, style: Tensor, activations: Activations) -> None:
        """Store the style image's Gram matrices."""
        self._targets = self._grams(activations)

    def begin_frame(self, target: Target) -> None:
        """Nothing to prepare: the style image is the same for all frames."""

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,), the mean over layers of the mean squared difference of Gram matrices."""
        return style_loss(self._grams(activations), self._targets)

    def _grams(self, activations: Activations) -> list[Tensor]:
        return [gram_matrix(activations[layer], self.normalisation) for layer in self.layers]
