from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from vst.features.vgg import VGG19, Activations
from vst.losses.loss import Loss
from vst.losses.target import Regions
from vst.optim import Losses
from vst.painting.canvas import Canvas
from vst.painting.colours import StyleColours


class FrameObjective:
    """L_total of a frame as a function of the canvas's coefficients.

    The losses hold the targets of the frame, `start` is the image that its optimisation starts from, `content` its
    content, whose `colours` it may have, and which it is outside of `whole`, a mask, where there is one. `factors` of
    some terms, by name, multiply their weights in this frame.
    """

    def __init__(
        self, backbone: VGG19, losses: Mapping[str, Loss], canvas: Canvas, colours: StyleColours | None = None
    ):
        self.backbone, self.losses, self.canvas = backbone, losses, canvas
        self.colours = colours or StyleColours()
        self.layers = tuple(sorted({layer for loss in losses.values() for layer in loss.layers}))
        whole = {layer for loss in losses.values() if not loss.only_sums for layer in loss.layers}
        self._summed = frozenset(self.layers) - whole
        self.start = self.content = torch.empty(0)
        self.whole: Tensor | None = None
        self.factors: dict[str, Tensor] = {}

    def begin_frame(
        self, start: Tensor, content: Tensor, regions: Regions | None, factors: Mapping[str, float]
    ) -> None:
        """Go on to a frame, or to a scale of one."""
        self.start, self.content = start, content
        self.whole = None if regions is None else regions.whole
        # tensors, since a captured evaluation is given those of the next frame, and numbers are part of it
        self.factors = {name: start.new_tensor(factor) for name, factor in factors.items()}

    def __call__(self, coefficients: Tensor) -> Losses:
        """The losses of the image that the coefficients draw, lane by lane."""
        return self.total(self.image(coefficients))

    def image(self, coefficients: Tensor) -> Tensor:
        """The image (L, 3, H, W) that the coefficients draw; not clamped."""
        painted = self.colours.finished(self.canvas.image(coefficients, self.start), self.content)
        return painted if self.whole is None else self.content.lerp(painted, self.whole)

    def look(self, image: Tensor) -> Activations:
        """The activations of an image at the layers of all losses."""
        return self.backbone(self.seen(image), self.layers, self._summed)

    def seen(self, image: Tensor) -> Tensor:
        """What VGG-19 sees of an image."""
        return self.colours.seen(image)

    @property
    def parts(self) -> list[object]:
        """The objects that hold what changes from frame to frame."""
        return [self, self.canvas, *self.losses.values()]

    def total(self, image: Tensor) -> Losses:
        """L_total = α L_content + β L_style + η L_coherence of an image, and its terms, lane by lane."""
        return self.weighed(image, self.look(image))

    def weighed(self, image: Tensor, activations: Activations) -> Losses:
        """L_total by the image and its activations."""
        terms = {name: loss(image, activations) for name, loss in self.losses.items()}
        weighted = [self._weight(name) * value for name, value in terms.items()]
        return Losses(torch.stack(weighted).sum(0), terms)

    def _weight(self, name: str) -> float | Tensor:
        weight = self.losses[name].weight
        return weight * self.factors[name] if name in self.factors else weight
