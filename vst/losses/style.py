from __future__ import annotations

from torch import Tensor

from vst.bounds import Weight
from vst.features.layers import Layers
from vst.features.vgg import Activations
from vst.losses.functional import Normalisation, style_loss
from vst.losses.grams import at_layers, gram
from vst.losses.loss import Loss
from vst.losses.target import Target


class StyleLoss(Loss):
    """`style_loss` with the Gram matrices of the style image, which are computed once per run.

    Where the style image has a region of the frame, the Gram matrices are those of the region, and the loss is weighted
    by the region's share of the frame, so that a painted pixel weighs as much as in a frame that is painted as a whole.
    Source: Gatys et al., "Controlling Perceptual Factors in Neural Style Transfer" (2017), section 4.
    """

    compares = "nothing"
    of_style = True
    image = 0
    regional = True
    only_sums = True

    def __init__(self, weight: Weight, layers: Layers, normalisation: Normalisation = "chw"):
        super().__init__(weight, layers)
        self.normalisation: Normalisation = normalisation
        self._targets: list[Tensor] = []
        self._region: list[Tensor] = []
        self._share: Tensor | None = None

    def begin_run(self, style: Tensor, activations: Activations) -> None:
        """Store the style image's Gram matrices."""
        self._targets = self._grams(activations)

    def begin_frame(self, target: Target) -> None:
        """Store the region in which the style image is painted, at the size of each layer."""
        if target.regions is None:
            self._region, self._share = [], None
            return
        region = target.regions.of[self.image or 0]
        self._share = region.mean()
        self._region = at_layers(region, self.layers)

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,), the mean over layers of the mean squared difference of Gram matrices."""
        if self._share is None:
            return style_loss(self._grams(activations), self._targets)
        grams = [
            gram(activations, layer, self.normalisation, region)
            for layer, region in zip(self.layers, self._region, strict=True)
        ]
        return self._share * style_loss(grams, self._targets)

    def _grams(self, activations: Activations) -> list[Tensor]:
        return [gram(activations, layer, self.normalisation) for layer in self.layers]
