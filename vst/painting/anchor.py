from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vst.flow.consistency import disocclusion_mask, in_frame_mask
from vst.flow.estimators import FlowEstimator
from vst.flow.neighbour import Neighbour
from vst.flow.warp import backward_warp, compose_flows
from vst.losses.target import AnchorView
from vst.painting.stylized import Painted

LEAST_VISIBLE = 0.5
"""Fraction of a frame in which its anchor must still be visible; below it, a new anchor is taken."""


class Anchor:
    """The painted frame that later frames of its shot are compared with, to prevent drift.

    Its flow is tracked from frame to frame: the flow to the frame before is composed with that frame's flow to the
    anchor, and corrected by the residual flow from the frame to the anchor's warped content, so that errors do not
    accumulate. When too little of the anchor is visible, the frame painted last, which was itself compared with
    it, replaces it.
    """

    def __init__(self, estimator: FlowEstimator):
        self._estimate = estimator
        self._state: _AnchorState | None = None

    def follow(self, content: Tensor, past: Sequence[Neighbour]) -> AnchorView | None:
        """Return the anchor as seen from the next frame, whose `Target.past` is given; None in a new shot."""
        if self._state is None or not past:
            return None
        # a blank frame in between counts as still, so the anchor's flow from it is also that from past[0]
        neighbour, anchor = past[0], self._state.to(content)
        step = neighbour.backward_flow
        flow = compose_flows(step, anchor.flow)
        moved_content = backward_warp(anchor.content, flow)
        residual, back = self._estimate(content, moved_content), self._estimate(moved_content, content)
        flow = compose_flows(residual, flow)
        visibility = (backward_warp(anchor.visibility, step) >= 0.5).to(content.dtype)
        visibility = visibility * disocclusion_mask(step, neighbour.forward_flow) * in_frame_mask(step)
        visibility = visibility * disocclusion_mask(residual, back) * in_frame_mask(flow)
        return AnchorView(flow, visibility, backward_warp(anchor.image, flow))

    def update(self, painted: Painted, view: AnchorView | None) -> None:
        """Advance to the frame just painted; it becomes the anchor if there is none, or too little of it is visible."""
        image = painted.image
        still, everywhere = torch.zeros_like(image[:, :2]), torch.ones_like(image[:, :1])
        fresh = _AnchorState(painted.frame.content, image, still, everywhere)
        if self._state is None or view is None:
            self._state = fresh
            return
        anchor = replace(self._state, flow=view.flow, visibility=view.visibility)
        visible = view.visibility.mean((1, 2, 3), keepdim=True) >= LEAST_VISIBLE
        pairs = zip(vars(anchor).values(), vars(fresh).values(), strict=True)
        self._state = _AnchorState(*(torch.where(visible, old.to(new), new) for old, new in pairs))

    def clear(self) -> None:
        """Drop the anchor: a new pass begins."""
        self._state = None

    def state_dict(self) -> dict[str, Tensor]:
        """What a resumed run needs."""
        return {} if self._state is None else dict(vars(self._state))

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state of `state_dict`, or that of version 0.1, which called the visibility `shown`."""
        named = {"visibility" if name == "shown" else name: tensor for name, tensor in state.items()}
        self._state = _AnchorState(**named) if state else None


@dataclass(frozen=True)
class _AnchorState:
    """The anchor's content and painting, and its flow and visibility from the frame painted last (`AnchorView`)."""

    content: Tensor
    image: Tensor
    flow: Tensor
    visibility: Tensor

    def to(self, like: Tensor) -> _AnchorState:
        return _AnchorState(**{name: tensor.to(like) for name, tensor in vars(self).items()})
