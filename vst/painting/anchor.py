from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from vst.flow.consistency import disocclusion_mask, in_frame_mask
from vst.flow.estimators import FlowEstimator
from vst.flow.pair import FramePair
from vst.flow.warp import backward_warp, compose_flows, unworn_warp
from vst.losses.target import AnchorView

LEAST_VISIBLE = 0.5
"""Fraction of a frame in which its anchor must still be visible; below it, a new anchor is taken."""


@dataclass(frozen=True)
class AnchorPlace:
    """An anchor's content, and its flow and visibility from the frame followed last (`AnchorView`)."""

    content: Tensor
    flow: Tensor
    visibility: Tensor


@dataclass(frozen=True)
class AnchorMotion:
    """Where the anchor is seen from a frame, and whether that frame becomes the next frames' anchor.

    `seen` is the flow to the anchor and its visibility, None where there is none in the shot yet; `renewed`
    (L, 1, 1, 1) boolean; `place` that of the anchor, old or new, after this frame.
    """

    seen: tuple[Tensor, Tensor] | None
    renewed: Tensor
    place: AnchorPlace | None

    @cached_property
    def begins(self) -> bool:
        """Whether the frame becomes the anchor of any lane."""
        return bool(self.renewed.any())


class AnchorTrack:
    """Follows the anchor of a shot, by the content alone.

    Its flow is tracked from frame to frame: the flow to the frame before is composed with that frame's flow to the
    anchor, and corrected by the residual flow from the frame to the anchor's warped content, so that errors do not
    accumulate. When too little of the anchor is visible, the frame followed last, which was itself compared with
    it, replaces it. Which frames are anchors may also be told (`vst.painting.exemplars`).
    """

    def __init__(self, estimator: FlowEstimator, place: AnchorPlace | None = None):
        self._estimate = estimator
        self._place = place

    def next(self, content: Tensor, past: Sequence[FramePair], begins: bool | None = None) -> AnchorMotion:
        """Follow to the next frame, of which `past` are the pairs with the frames of its shot, blank ones left out.

        `begins` says whether it becomes the next frames' anchor; None where the content decides.
        """
        still, everywhere = torch.zeros_like(content[:, :2]), torch.ones_like(content[:, :1])
        fresh, told = AnchorPlace(content, still, everywhere), torch.ones_like(content[:, :1, :1, :1]).bool()
        if self._place is None or not past:
            self._place = None if begins is False else fresh
            return AnchorMotion(None, told & (begins is not False), self._place)
        if not begins and past[0].current_blank:
            # nothing of the anchor is seen in a flash; what follows it sees the anchor again
            kept = AnchorPlace(*(part.to(content) for part in vars(self._place).values()))
            return AnchorMotion((kept.flow, kept.visibility), ~told, kept)
        flow, visibility = self._seen(content, past[0], self._place)
        little = visibility.mean((1, 2, 3), keepdim=True) < LEAST_VISIBLE
        renewed = little if begins is None else told & begins
        old = AnchorPlace(self._place.content.to(content), flow, visibility)
        pairs = zip(vars(old).values(), vars(fresh).values(), strict=True)
        self._place = AnchorPlace(*(torch.where(renewed, new, kept) for kept, new in pairs))
        return AnchorMotion((flow, visibility), renewed, self._place)

    def _seen(self, content: Tensor, near: FramePair, place: AnchorPlace) -> tuple[Tensor, Tensor]:
        step, anchor = near.backward_flow, {name: part.to(content) for name, part in vars(place).items()}
        flow = compose_flows(step, anchor["flow"])
        moved_content = backward_warp(anchor["content"], flow)
        residual, back = self._estimate(content, moved_content), self._estimate(moved_content, content)
        flow = compose_flows(residual, flow)
        visibility = (backward_warp(anchor["visibility"], step) >= 0.5).to(content.dtype)
        visibility = visibility * disocclusion_mask(step, near.forward_flow) * in_frame_mask(step)
        visibility = visibility * disocclusion_mask(residual, back) * in_frame_mask(flow)
        return flow, visibility


class Anchor:
    """The painting that later frames of its shot are compared with, to prevent drift."""

    def __init__(self) -> None:
        self._image: Tensor | None = None
        self.place: AnchorPlace | None = None

    def view(self, motion: AnchorMotion) -> AnchorView | None:
        """The anchor as seen from the next frame; None where there is none in its shot yet."""
        if motion.seen is None or self._image is None or self.place is None:
            return None
        flow, visibility = motion.seen
        image = self._image.to(flow)
        return AnchorView(flow, visibility, unworn_warp(image, flow), self.place.content.to(flow), image)

    def update(self, image: Tensor, motion: AnchorMotion) -> None:
        """Go on to the next frame, now painted; it becomes the anchor where the motion says so."""
        self.place = motion.place
        if motion.place is None:
            self._image = None
            return
        kept = image if self._image is None else self._image.to(image)
        self._image = torch.where(motion.renewed, image, kept)

    def clear(self) -> None:
        """Drop the anchor: a new pass begins."""
        self._image = self.place = None

    def state_dict(self) -> dict[str, Tensor]:
        """What a resumed run needs."""
        return {} if self._image is None or self.place is None else {"image": self._image, **vars(self.place)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state of `state_dict`, or that of version 0.1, which called the visibility `shown`."""
        named = {"visibility" if name == "shown" else name: tensor for name, tensor in state.items()}
        self._image = named.pop("image", None)
        self.place = AnchorPlace(**named) if named else None
