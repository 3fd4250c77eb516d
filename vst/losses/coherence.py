from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import torch
from torch import Tensor

from vst.features.vgg import Activations
from vst.flow.warp import backward_warp, forward_splat
from vst.frames import Neighbour, Target
from vst.losses.functional import Gate, enhanced_coherence, flow_coherence, mse_coherence, paper_gate
from vst.losses.loss import Loss


class Coherence(Loss):
    """A term that holds a frame to its neighbour; the first frame of a pass has none, and the term is 0."""

    def __init__(self, weight: float):
        super().__init__(weight)
        self._applies = False

    def begin_frame(self, target: Target) -> None:
        """Hold what the term compares with, where there is a neighbour."""
        self._applies = target.neighbour is not None
        if target.neighbour is not None:
            self.hold(target.content, target.neighbour)

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """(L,), in squared units of [0, 1]."""
        return self.compare(canvas) if self._applies else torch.zeros_like(canvas[:, 0, 0, 0])

    @abstractmethod
    def hold(self, content: Tensor, neighbour: Neighbour) -> None:
        """Keep what `compare` needs of the content frame and its neighbour."""

    @abstractmethod
    def compare(self, canvas: Tensor) -> Tensor:
        """The coherence of a canvas (L, 3, H, W) with the neighbour: (L,)."""


class MseCoherence(Coherence):
    """`mse_coherence`: the painted frame is to be the one before."""

    def hold(self, content: Tensor, neighbour: Neighbour) -> None:
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

    def hold(self, content: Tensor, neighbour: Neighbour) -> None:
        """Keep both content frames and the neighbour's painting."""
        self._images = neighbour.stylized, content, neighbour.content

    def compare(self, canvas: Tensor) -> Tensor:
        """(L,)."""
        return enhanced_coherence(canvas, *self._images, gate=self.gate)


class FlowCoherence(Coherence):
    """`flow_coherence`: the painted frame is to be the one before, moved along the optical flow.

    `warp` is how it is moved: `forward` pushes every pixel along the forward flow, as the paper has it;
    `backward` fetches every pixel along the backward flow.
    """

    def __init__(self, weight: float, warp: Literal["forward", "backward"] = "forward"):
        super().__init__(weight)
        self.warp = warp

    def hold(self, content: Tensor, neighbour: Neighbour) -> None:
        """Move the neighbour's painting, once a frame."""
        if self.warp == "forward":
            self._prediction = forward_splat(neighbour.stylized, neighbour.forward_flow)
        else:
            self._prediction = backward_warp(neighbour.stylized, neighbour.backward_flow)

    def compare(self, canvas: Tensor) -> Tensor:
        """(L,)."""
        return flow_coherence(canvas, self._prediction)
