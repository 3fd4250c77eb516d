from __future__ import annotations

from functools import cached_property

from torch import Tensor

from vst.flow.confidence import content_confidence
from vst.flow.consistency import reliability_mask, visibility_mask
from vst.flow.estimators import FlowEstimator
from vst.flow.warp import backward_warp

CONTENT_TOLERANCE = 0.04
"""Difference between a frame and its warped neighbour, in pixel values, due to noise and resampling alone."""


class Neighbour:
    """A frame that was painted before this one, and the motion between the two.

    In a forward pass it is an earlier frame of the clip, in a backward pass a later one; `distance` is their
    distance in frames, 1 for the frame painted just before. `same_shot` is False if a cut lies between them,
    `blank` True if the neighbour's content shows nothing. `content` and `stylized` are its source and its
    painting, (L, 3, H, W), never rounded to 8 bits. Flows, warps and masks are computed on first use, once.
    """

    def __init__(
        self,
        content: Tensor,
        stylized: Tensor,
        current_content: Tensor,
        estimator: FlowEstimator,
        distance: int = 1,
        same_shot: bool = True,
        blank: bool = False,
    ):
        self.content = content
        self.stylized = stylized
        self.distance = distance
        self.same_shot = same_shot
        self.blank = blank
        self._current_content = current_content
        self._estimator = estimator

    @cached_property
    def backward_flow(self) -> Tensor:
        """From this frame to the neighbour: this(p) ≈ neighbour(p + flow(p)), (L, 2, H, W) in pixels."""
        return self._estimator(self._current_content, self.content)

    @cached_property
    def forward_flow(self) -> Tensor:
        """From the neighbour to this frame: neighbour(p) ≈ this(p + flow(p)), (L, 2, H, W) in pixels."""
        return self._estimator(self.content, self._current_content)

    @cached_property
    def moved(self) -> Tensor:
        """The neighbour's painting warped along the backward flow, (L, 3, H, W)."""
        return backward_warp(self.stylized, self.backward_flow)

    @cached_property
    def trust(self) -> Tensor:
        """Reliability of `moved`, (L, 1, H, W) in [0, 1], 1 = reliable: Ruder's mask."""
        return reliability_mask(self.backward_flow, self.forward_flow)

    @cached_property
    def visibility(self) -> Tensor:
        """Where the neighbour shows what this frame shows, (L, 1, H, W) in [0, 1], motion boundaries included."""
        return visibility_mask(self.backward_flow, self.forward_flow)

    @cached_property
    def confidence(self) -> Tensor:
        """How well the motion explains the content, (L, 1, H, W) in (0, 1]; low where something changes its shape."""
        moved_content = backward_warp(self.content, self.backward_flow)
        return content_confidence(self._current_content, moved_content, CONTENT_TOLERANCE)
