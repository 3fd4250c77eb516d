from __future__ import annotations

import torch
from torch import Tensor

from vst.bounds import Weight
from vst.features.layers import Layers
from vst.features.vgg import Activations
from vst.losses.functional import content_loss
from vst.losses.loss import Loss
from vst.losses.target import Target

SCALE_EXPONENT = 1.5
"""α is divided by this power of a scale's size relative to the frame's: with 0, a man dissolves in brush strokes."""


class ContentLoss(Loss):
    """`content_loss` at conv4_2, or its mean over several layers."""

    compares = "nothing"
    sees_content = True

    def __init__(self, weight: Weight, layers: Layers):
        super().__init__(weight, layers)
        self._targets: dict[str, Tensor] = {}

    def at_scale(self, factor: float) -> None:
        """Weigh more: what a small frame loses of its content, no larger one brings back."""
        self.weight /= factor**SCALE_EXPONENT

    def begin_frame(self, target: Target) -> None:
        """Store the content frame's activations."""
        self._targets = {layer: target.activations[layer] for layer in self.layers}

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,), a mean squared difference of activations."""
        losses = [content_loss(activations[layer], self._targets[layer]) for layer in self.layers]
        return torch.stack(losses).mean(0)
