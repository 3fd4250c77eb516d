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
    """The painted frame that later frames of its shot are compared with, so that nothing drifts.

    From one frame to the next its motion is followed: the flow to it is that to the frame before and on from
    there, and then the motion that is left between the frame and the anchor's content, moved here, is added.
    So errors of the flow do not add up. When too little of it is still to be seen, the frame painted last
    takes its place, itself compared with the old one.
    """

    def __init__(self, estimator: FlowEstimator):
        self._estimate = estimator
        self._state: _AnchorState | None = None

    def follow(self, content: Tensor, past: Sequence[Neighbour]) -> AnchorView | None:
        """See the anchor from the frame that comes next, whose `Target.past` is given; None in a new shot."""
        if self._state is None or not past:
            return None
        # a blank frame between the two was taken as standing still, so the flow from it is that from here
        neighbour, anchor = past[0], self._state.to(content)
        step = neighbour.backward_flow
        flow = compose_flows(step, anchor.flow)
        moved_content = backward_warp(anchor.content, flow)
        left, back = self._estimate(content, moved_content), self._estimate(moved_content, content)
        flow = compose_flows(left, flow)
        visibility = (backward_warp(anchor.visibility, step) >= 0.5).to(content.dtype)
        visibility = visibility * disocclusion_mask(step, neighbour.forward_flow) * in_frame_mask(step)
        visibility = visibility * disocclusion_mask(left, back) * in_frame_mask(flow)
        return AnchorView(flow, visibility, backward_warp(anchor.image, flow))

    def update(self, painted: Painted, view: AnchorView | None) -> None:
        """Go on to a frame that is now painted; it becomes the anchor where there is none that serves."""
        image = painted.image
        still, everywhere = torch.zeros_like(image[:, :2]), torch.ones_like(image[:, :1])
        fresh = _AnchorState(painted.frame.content, image, still, everywhere)
        if self._state is None or view is None:
            self._state = fresh
            return
        anchor = replace(self._state, flow=view.flow, visibility=view.visibility)
        serves = view.visibility.mean((1, 2, 3), keepdim=True) >= LEAST_VISIBLE
        pairs = zip(vars(anchor).values(), vars(fresh).values(), strict=True)
        self._state = _AnchorState(*(torch.where(serves, old.to(new), new) for old, new in pairs))

    def clear(self) -> None:
        """Forget it: a pass begins."""
        self._state = None

    def state_dict(self) -> dict[str, Tensor]:
        """What a resumed run needs."""
        return {} if self._state is None else dict(vars(self._state))

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state_dict` gave, or version 0.1's, which called the visibility `shown`."""
        named = {"visibility" if name == "shown" else name: tensor for name, tensor in state.items()}
        self._state = _AnchorState(**named) if state else None


@dataclass(frozen=True)
class _AnchorState:
    """The anchor's frame and painting, and what `AnchorView` says of it from the frame painted last."""

    content: Tensor
    image: Tensor
    flow: Tensor
    visibility: Tensor

    def to(self, like: Tensor) -> _AnchorState:
        return _AnchorState(**{name: tensor.to(like) for name, tensor in vars(self).items()})
