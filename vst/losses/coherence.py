from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from vst.bounds import Few, Place, Share, Weight
from vst.errors import InputError
from vst.features.vgg import Activations
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
    """A coherence term with the neighbour; 0 for the first frame of a pass, which has none."""

    def __init__(self, weight: Weight):
        super().__init__(weight)
        self._applies = False

    def begin_frame(self, target: Target) -> None:
        """Prepare the comparison, if there is a neighbour."""
        self._applies = target.neighbour is not None
        if target.neighbour is not None:
            self.prepare(target, target.neighbour)

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,), in squared units of [0, 1]."""
        return self.compare(canvas) if self._applies else torch.zeros_like(canvas[:, 0, 0, 0])

    @abstractmethod
    def prepare(self, target: Target, neighbour: Neighbour) -> None:
        """Store what `compare` needs of the frame to paint and its neighbour."""

    @abstractmethod
    def compare(self, canvas: Tensor) -> Tensor:
        """The coherence term of a canvas (L, 3, H, W) and the neighbour: (L,)."""


class MseCoherence(Coherence):
    """`mse_coherence`: the painted frame should equal the one before."""

    def prepare(self, target: Target, neighbour: Neighbour) -> None:
        """Store the neighbour's painting."""
        self._previous = neighbour.stylized

    def compare(self, canvas: Tensor) -> Tensor:
        """`mse_coherence`, (L,)."""
        return mse_coherence(canvas, self._previous)


class EnhancedCoherence(Coherence):
    """`enhanced_coherence`: the painted frame should change as the content does; `gate` is the paper's f."""

    def __init__(self, weight: Weight, gate: Gate = paper_gate):
        super().__init__(weight)
        self.gate = gate

    def prepare(self, target: Target, neighbour: Neighbour) -> None:
        """Store both content frames and the neighbour's painting."""
        self._images = neighbour.stylized, target.content, neighbour.content

    def compare(self, canvas: Tensor) -> Tensor:
        """`enhanced_coherence`, (L,)."""
        return enhanced_coherence(canvas, *self._images, gate=self.gate)


class FlowCoherence(Coherence):
    """`flow_coherence`: the painted frame should equal the one before, warped along the optical flow.

    `warp` is the direction: `forward` splats every pixel along the forward flow, as in the paper; `backward`
    samples every pixel along the backward flow.
    """

    def __init__(self, weight: Weight, warp: Literal["forward", "backward"] = "forward"):
        super().__init__(weight)
        self.warp = warp

    def prepare(self, target: Target, neighbour: Neighbour) -> None:
        """Warp the neighbour's painting, once per frame."""
        if self.warp == "forward":
            self._prediction = forward_splat(neighbour.stylized, neighbour.forward_flow)
        else:
            self._prediction = backward_warp(neighbour.stylized, neighbour.backward_flow)

    def compare(self, canvas: Tensor) -> Tensor:
        """`flow_coherence`, (L,)."""
        return flow_coherence(canvas, self._prediction)


class RuderCoherence(Loss):
    """`masked_coherence` with earlier paintings, warped to this frame: Ruder, Dosovitskiy & Brox (2016), section 4.

    `distances` are J, how many frames back the earlier paintings are: [1] is their short-term, [1, 2, 4] a
    long-term term, in which each pixel is compared with the nearest frame that shows it (`nearest_reliable`).
    `first_pass` is the first pass with this term: in their multi-pass algorithm it begins once the frames have
    settled. Cuts are not handled: across one, the term is only as small as the masks make it.
    """

    def __init__(self, weight: Weight, distances: Sequence[Few] = (1,), first_pass: Place = 0):
        super().__init__(weight)
        if 1 not in distances or min(distances) < 1:
            raise InputError(
                f"loss.coherence.distances is {list(distances)}; include 1, the frame before, and no smaller distance"
            )
        self.distances, self.first_pass = tuple(distances), first_pass
        self.reach = max(distances)
        self._target: tuple[Tensor, Tensor] | None = None

    def begin_frame(self, target: Target) -> None:
        """Warp the earlier paintings to this frame, once per frame."""
        self._target = None
        if target.neighbour is None or target.pass_index < self.first_pass:
            return
        further = at_distances(target.past, [distance for distance in self.distances if distance > 1])
        neighbours = [target.neighbour, *further]
        weights = nearest_reliable([neighbour.trust for neighbour in neighbours])
        self._target = combine([neighbour.moved for neighbour in neighbours], weights)

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,), in squared units of [0, 1]."""
        return (
            masked_coherence(canvas, *self._target) if self._target else torch.zeros_like(canvas[:, 0, 0, 0])
        )


class RobustCoherence(Loss):
    """`masked_coherence` with two earlier paintings, warped to this frame: the one before, and the shot's anchor.

        P = ((1 − a)·c·P₁ + a·P_A) / W,  W = (1 − a)·c + a     a = s where the anchor is visible, else 0
        w = W · content_confidence

    P₁ is the painting of the frame before (blank ones skipped), c its `Neighbour.visibility` but along the border
    (`Neighbour.within`); P_A is the anchor's (`vst.painting.anchor`), s = `anchor_weight`. The weight of a pixel falls
    the less the motion explains the content there (`Neighbour.confidence`). Across a cut, and in the first frame of a
    pass, the term is 0.
    """

    compares = "shot"
    anchored = True

    def __init__(self, weight: Weight, anchor_weight: Share):
        super().__init__(weight)
        self.anchor_weight = anchor_weight
        self._target: tuple[Tensor, Tensor] | None = None

    def begin_frame(self, target: Target) -> None:
        """Warp the earlier paintings to this frame, once per frame."""
        self._target = None
        if not target.past:
            return
        near = target.past[0]
        visibility = near.visibility * near.within
        prediction, weight = near.kept, visibility
        if target.anchor is not None:
            anchor_weight = self.anchor_weight * target.anchor.visibility
            weights = [visibility * (1 - anchor_weight), anchor_weight]
            prediction, weight = combine([near.kept, target.anchor.moved], weights)
        self._target = prediction, weight * near.confidence

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """The term's value, (L,), in squared units of [0, 1]."""
        return (
            masked_coherence(canvas, *self._target) if self._target else torch.zeros_like(canvas[:, 0, 0, 0])
        )
