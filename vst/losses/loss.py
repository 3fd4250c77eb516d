from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from vst.bounds import Weight
from vst.features.vgg import Activations
from vst.losses.target import Target

Comparison = Literal["nothing", "shot", "anything"]


class Loss(nn.Module, ABC):
    """One weighted term of L_total: it stores the targets of a frame and compares the canvas with them.

    `layers` are the VGG-19 layers whose activations it needs, of the style and the canvas, and of the content too if it
    `sees_content`;
    `reach` is how many frames back it needs, `anchored` whether it needs the shot's anchor. `compares` says what it
    compares a frame with: `nothing` painted, so that frames can be painted at the same time; frames of its `shot`, so
    that shots can; or, unless it says so, with `anything`. It is `of_style` if it asks for the style, of
    that `image` of several, by its number, or of none in particular; `regional` if it can do so in a region of a frame.
    It needs `only_sums` of the activations over their positions if it asks for nothing but `vst.losses.grams.gram`.
    """

    compares: Comparison = "anything"
    of_style: bool = False
    image: int | None = None
    regional: bool = False
    reach: int = 1
    anchored: bool = False
    sees_content: bool = False
    only_sums: bool = False

    def __init__(self, weight: Weight, layers: Sequence[str] = ()):
        super().__init__()
        self.weight = weight
        self.layers = tuple(layers)

    def at_scale(self, factor: float) -> None:
        """Adapt to a scale that is `factor` of the full size, below 1: nothing to do unless a term says so."""

    def begin_run(self, style: Tensor, activations: Activations) -> None:
        """Prepare what the term needs of the style image (1, 3, h, w) and its activations.

        Called once per run, or once per shot where the style image has its colours.
        """

    @abstractmethod
    def begin_frame(self, target: Target) -> None:
        """Prepare what the term needs of the frame to paint, once per frame; nothing is recomputed later."""

    @abstractmethod
    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's unweighted value for a canvas (L, 3, H, W) and its activations: (L,)."""
