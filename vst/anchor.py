from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vst.flow.consistency import disocclusion_mask, in_frame_mask
from vst.flow.estimators import FlowEstimator
from vst.flow.warp import backward_warp, compose_flows
from vst.frames import Painted
from vst.neighbour import Neighbour

LEAST_SEEN = 0.5
"""Share of a frame that must still show what its anchor shows; below it, a new anchor is taken."""


@dataclass(frozen=True)
class Followed:
    """An anchor as one frame sees it: its painting moved here, and how far to believe it.

    `flow` is backward flow from the frame to the anchor, (L, 2, H, W) in pixels; `shown` (L, 1, H, W) is 1
    where the anchor shows what the frame shows, `moved` the anchor's painting fetched along the flow.
    """

    flow: Tensor
    shown: Tensor
    moved: Tensor


class Anchor:
    """The painted frame that the later ones of its shot are held to, so that nothing drifts.

    From one frame to the next its motion is followed: the flow to it is that to the frame before and on from
    there, and then the motion that is left between the frame and the anchor's content, moved here, is added.
    So errors of the flow do not add up. When too little of it is still to be seen, the frame painted last
    takes its place, itself held to the old one.
    """

    def __init__(self, estimator: FlowEstimator):
        self._estimate = estimator
        self._painted: tuple[Tensor, Tensor] | None = None
        self._flow: Tensor | None = None
        self._shown: Tensor | None = None

    def follow(self, content: Tensor, neighbour: Neighbour | None) -> Followed | None:
        """See the anchor from the frame that comes next; None where it belongs to another shot."""
        if self._painted is None or neighbour is None or not neighbour.same_shot:
            return None
        anchor_content, anchor_image = (image.to(content) for image in self._painted)
        assert self._flow is not None and self._shown is not None
        step = neighbour.backward_flow
        flow = compose_flows(step, self._flow.to(content))
        left, back = (
            self._estimate(*pair) for pair in _both_ways(content, backward_warp(anchor_content, flow))
        )
        flow = compose_flows(left, flow)
        shown = (backward_warp(self._shown.to(content), step) >= 0.5).to(content.dtype)
        shown = shown * disocclusion_mask(step, neighbour.forward_flow) * in_frame_mask(step)
        shown = shown * disocclusion_mask(left, back) * in_frame_mask(flow)
        return Followed(flow, shown, backward_warp(anchor_image, flow))

    def update(self, painted: Painted, followed: Followed | None) -> None:
        """Go on to a frame that is now painted; it becomes the anchor where there is none that serves."""
        if followed is not None and float(followed.shown.mean()) >= LEAST_SEEN:
            self._flow, self._shown = followed.flow, followed.shown
            return
        self._painted = painted.frame.content, painted.image
        self._flow = torch.zeros_like(painted.image[:, :2])
        self._shown = torch.ones_like(painted.image[:, :1])

    def clear(self) -> None:
        """Forget it: a pass begins."""
        self._painted = self._flow = self._shown = None

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to go on."""
        return {"painted": self._painted, "flow": self._flow, "shown": self._shown}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self._painted, self._flow, self._shown = state["painted"], state["flow"], state["shown"]


def _both_ways(first: Tensor, second: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    return (first, second), (second, first)
