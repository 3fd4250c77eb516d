from __future__ import annotations

from torch import Tensor

from vst.features.vgg import Activations
from vst.losses.functional import range_loss
from vst.losses.loss import Loss
from vst.losses.target import Target


class RangeLoss(Loss):
    """`range_loss`: the painting is to stay within what can be shown."""

    def begin_frame(self, target: Target) -> None:
        """Nothing to prepare: the range is the same for all frames."""

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """(L,), in squared units of [0, 1]."""
        return range_loss(canvas)
