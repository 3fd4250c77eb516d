from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from vst.errors import InputError
from vst.features.vgg import Activations
from vst.flow.confidence import motion_confidence
from vst.flow.neighbour import Neighbour
from vst.flow.prediction import at_distances, combine, nearest_reliable
from vst.flow.warp import backward_warp, forward_splat
from vst.losses.functional import (
    Gate,
    enhanced_coherence,
    flow_coherence,
    masked_coherence,
    mse_coherence,
    paper_gate,
)
from vst.losses.loss import Loss
from vst.losses.target import Target


class Coherence(Loss):
    """A term that holds a frame to its neighbour; the first frame of a pass has none, and the term is 0."""

    def __init__(self, weight: float):
        super().__init__(weight)
        self._applies = False

    def begin_frame(self, target: Target) -> None:
        """Hold what the term compares with, where there is a neighbour."""
        self._applies = target.neighbour is not None
        if target.neighbour is not None:
            self.prepare(target, target.neighbour)

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """(L,), in squared units of [0, 1]."""
        return self.compare(canvas) if self._applies else torch.zeros_like(canvas[:, 0, 0, 0])

    @abstractmethod
    def prepare(self, target: Target, neighbour: Neighbour) -> None:
        """Keep what `compare` needs of the frame to paint and its neighbour."""

    @abstractmethod
    def compare(self, canvas: Tensor) -> Tensor:
        """The coherence of a canvas (L, 3, H, W) with the neighbour: (L,)."""


class MseCoherence(Coherence):
    """`mse_coherence`: the painted frame should equal the one before."""

    def prepare(self, target: Target, neighbour: Neighbour) -> None:
        """Keep the neighbour's painting."""
        self._previous = neighbour.stylized

    def compare(self, canvas: Tensor) -> Tensor:
        """(L,)."""
        return mse_coherence(canvas, self._previous)


class EnhancedCoherence(Coherence):
    """`enhanced_coherence`: the painted frame is to change as the content does; `gate` is the paper's f."""

    def __init__(self, weight: float, gate: Gate = paper_gate):
        super().__init__(weight)
        self.gate = gate

    def prepare(self, target: Target, neighbour: Neighbour) -> None:
        """Keep both content frames and the neighbour's painting."""
        self._images = neighbour.stylized, target.content, neighbour.content

    def compare(self, canvas: Tensor) -> Tensor:
        """(L,)."""
        return enhanced_coherence(canvas, *self._images, gate=self.gate)


class FlowCoherence(Coherence):
    """`flow_coherence`: the painted frame should equal the one before, moved along the optical flow.

    `warp` is how it is moved: `forward` pushes every pixel along the forward flow, as the paper has it;
    `backward` fetches every pixel along the backward flow.
    """

    def __init__(self, weight: float, warp: Literal["forward", "backward"] = "forward"):
        super().__init__(weight)
        self.warp = warp

    def prepare(self, target: Target, neighbour: Neighbour) -> None:
        """Move the neighbour's painting, once a frame."""
        if self.warp == "forward":
            self._prediction = forward_splat(neighbour.stylized, neighbour.forward_flow)
        else:
            self._prediction = backward_warp(neighbour.stylized, neighbour.backward_flow)

    def compare(self, canvas: Tensor) -> Tensor:
        """(L,)."""
        return flow_coherence(canvas, self._prediction)


class RuderCoherence(Loss):
    """`masked_coherence` with earlier paintings moved here: Ruder, Dosovitskiy & Brox (2016), section 4.

    `distances` are J, how many frames back the term looks: [1] is their short-term, [1, 2, 4] a long-term
    term, in which each pixel is compared with the nearest frame that shows it (`nearest_reliable`). `first_pass` is
    the pass from which on it counts: with several passes theirs begins once the frames have settled. It
    knows nothing of cuts: across one the masks close where they can.
    """

    def __init__(self, weight: float, distances: Sequence[int] = (1,), first_pass: int = 0):
        super().__init__(weight)
        if 1 not in distances or min(distances) < 1:
            raise InputError(
                f"loss.coherence.distances is {list(distances)}, and the frame before belongs to it; give 1 and larger"
            )
        self.distances, self.first_pass = tuple(distances), first_pass
        self.reach = max(distances)
        self._target: tuple[Tensor, Tensor] | None = None

    def begin_frame(self, target: Target) -> None:
        """Move the earlier paintings here, once a frame."""
        self._target = None
        if target.neighbour is None or target.pass_index < self.first_pass:
            return
        further = at_distances(target.past, [distance for distance in self.distances if distance > 1])
        seen = [target.neighbour, *further]
        weights = nearest_reliable([neighbour.trust for neighbour in seen])
        self._target = combine([neighbour.moved for neighbour in seen], weights)

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """(L,), in squared units of [0, 1]."""
        return (
            masked_coherence(canvas, *self._target) if self._target else torch.zeros_like(canvas[:, 0, 0, 0])
        )


class RobustCoherence(Loss):
    """`masked_coherence` with two earlier paintings, moved here: the frame before, and the shot's anchor.

        P = ((1 − a)·c·P₁ + a·P_A) / W,  W = (1 − a)·c + a     a = s where the anchor shows the pixel, else 0
        w = W · motion_confidence · content_confidence

    P₁ is the painting of the frame before, c (`Neighbour.visibility`) where it shows what this frame shows; P_A is
    that of the anchor (`vst.painting.anchor`), s = `anchor_weight`. The weight falls with the motion of the frame,
    its mean motion against `tolerance` in pixels and down to `least`, and a pixel the worse its motion explains
    the content (`Neighbour.confidence`). Across a cut, and in the first frame of a pass, there is no coherence.
    """

    anchored = True

    def __init__(self, weight: float, anchor_weight: float, tolerance: float, least: float):
        super().__init__(weight)
        self.anchor_weight = anchor_weight
        self.tolerance, self.least = tolerance, least
        self._target: tuple[Tensor, Tensor] | None = None

    def begin_frame(self, target: Target) -> None:
        """Move the earlier paintings here, once a frame."""
        self._target = None
        if not target.past:
            return
        near = target.past[0]
        prediction, weight = near.moved, near.visibility
        if target.anchor is not None:
            of_anchor = self.anchor_weight * target.anchor.visibility
            weights = [near.visibility * (1 - of_anchor), of_anchor]
            prediction, weight = combine([near.moved, target.anchor.moved], weights)
        calm = motion_confidence(near.backward_flow, self.tolerance, self.least)
        self._target = prediction, weight * calm * near.confidence

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """(L,), in squared units of [0, 1]."""
        return (
            masked_coherence(canvas, *self._target) if self._target else torch.zeros_like(canvas[:, 0, 0, 0])
        )
