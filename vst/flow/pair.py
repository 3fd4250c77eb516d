from __future__ import annotations

from functools import cached_property

from torch import Tensor

from vst.flow.confidence import border_confidence, content_confidence
from vst.flow.consistency import reliability_mask, visibility_mask
from vst.flow.estimators import FlowEstimator
from vst.flow.warp import backward_warp

CONTENT_TOLERANCE = 0.04
"""Difference between a frame and its warped neighbour, in pixel values, due to noise and resampling alone."""


class FramePair:
    """A frame and one that is painted before it, and the motion between the two.

    In a forward pass the other is an earlier frame of the clip, in a backward pass a later one; `distance` is their
    distance in frames, 1 for the frame painted just before. `same_shot` is False if a cut lies between them,
    `blank` True if the other's content shows nothing beside this frame's, `current_blank` the reverse. `content` and
    `current_content` are the other's and this frame's, (L, 3, H, W). Flows and masks need these alone; they are
    computed on first use, once.
    """

    def __init__(
        self,
        content: Tensor,
        current_content: Tensor,
        estimator: FlowEstimator,
        distance: int = 1,
        same_shot: bool = True,
        blank: bool = False,
        current_blank: bool = False,
    ):
        self.content = content
        self.current_content = current_content
        self.estimator = estimator
        self.distance = distance
        self.same_shot = same_shot
        self.blank, self.current_blank = blank, current_blank

    @cached_property
    def backward_flow(self) -> Tensor:
        """From this frame to the other: this(p) ≈ other(p + flow(p)), (L, 2, H, W) in pixels."""
        return self.estimator(self.current_content, self.content)

    @cached_property
    def forward_flow(self) -> Tensor:
        """From the other to this frame: other(p) ≈ this(p + flow(p)), (L, 2, H, W) in pixels."""
        return self.estimator(self.content, self.current_content)

    @cached_property
    def trust(self) -> Tensor:
        """Reliability of a warp along the backward flow, (L, 1, H, W) in [0, 1], 1 = reliable: Ruder's mask."""
        return reliability_mask(self.backward_flow, self.forward_flow)

    @cached_property
    def visibility(self) -> Tensor:
        """Where the other shows what this frame shows, (L, 1, H, W) in [0, 1], motion boundaries included."""
        return visibility_mask(self.backward_flow, self.forward_flow)

    @cached_property
    def confidence(self) -> Tensor:
        """How well the motion explains the content, (L, 1, H, W) in [0, 1]; low where something changes its shape."""
        moved_content = backward_warp(self.content, self.backward_flow)
        return content_confidence(self.current_content, moved_content, CONTENT_TOLERANCE)

    @cached_property
    def within(self) -> Tensor:
        """Where no border of the other frame comes into this one, (L, 1, H, W) in [0, 1]."""
        return border_confidence(self.backward_flow)

    @cached_property
    def followed(self) -> Tensor:
        """Where strokes of the other can be followed to this frame, (L, 1, H, W) in [0, 1]; elsewhere they are painted
        anew: what came into view, and what changes its shape, so that the motion explains less than half of it."""
        return self.visibility * self.within * (2 * self.confidence).clamp(max=1)

    @cached_property
    def unfollowed(self) -> float:
        """Share of the frame that is not `followed`."""
        return 1 - float(self.followed.mean())

    @property
    def known(self) -> frozenset[str]:
        """The names of the flows and masks that were asked for so far."""
        return frozenset(MOTION & vars(self).keys())


MOTION = frozenset(name for name, part in vars(FramePair).items() if isinstance(part, cached_property))
"""What a pair can be asked for."""
