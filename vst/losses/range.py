from __future__ import annotations

from torch import Tensor

from vst.features.vgg import Activations
from vst.losses.functional import range_loss
from vst.losses.loss import Loss
from vst.losses.target import Target


class RangeLoss(Loss):
    """`range_loss`: the painting should stay in the displayable range."""

    compares = "nothing"

    def begin_frame(self, target: Target) -> None:
        """Nothing to prepare: the range is the same for all frames."""

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,), in squared units of [0, 1]."""
        return range_loss(canvas)
