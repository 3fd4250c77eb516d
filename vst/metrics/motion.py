"""Where the metrics take the motion of a clip from."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from torch import Tensor

from vst.flow.consistency import disocclusion_mask, in_frame_mask, reliability_mask
from vst.flow.enlarged import Enlarged
from vst.flow.estimators import DIS, DeepFlow, Farneback, FlowEstimator
from vst.frames import Clip
from vst.synthetic.scene import Scene

Judge = Literal["auto", "deepflow", "dis", "farneback", "raft"]


class Motion(NamedTuple):
    """Motion at the pixels of a frame i, back to an earlier frame of its shot.

    `flow` is backward flow (L, 2, H, W) in pixels; `trust` (L, 1, H, W) is 1 where it leads to the same
    thing; `revealed` (L, 1, H, W) is 1 where the earlier frame does not show what this one shows.
    """

    flow: Tensor
    trust: Tensor
    revealed: Tensor


class Truth(Protocol):
    """What is taken for the true motion of a clip, under a name for the record."""

    @property
    def name(self) -> str:
        """`exact`, or the estimator's."""
        ...

    def __call__(self, content: Tensor, earlier: Tensor, index: int, interval: int) -> Motion:
        """Motion from the frame `index`, (L, 3, H, W), back to the one `interval` frames earlier."""
        ...


class ExactMotion:
    """The motion and occlusion that a computed scene knows; `index` counts its frames."""

    name = "exact"

    def __init__(self, scene: Scene):
        self._scene = scene

    def __call__(self, content: Tensor, earlier: Tensor, index: int, interval: int) -> Motion:
        """One lane, and the same for all."""
        flow = self._scene.backward_flow(index, interval).to(content)
        visible = self._scene.backward_valid(index, interval).to(content)
        return Motion(flow, visible, 1 - visible)


class EstimatedMotion:
    """Motion as an optical flow estimator sees it, trusted where Ruder's test (2016) does, with hard edges.

    Pixels at motion boundaries are not trusted, but not revealed either.
    """

    def __init__(self, estimator: FlowEstimator):
        self._estimator = estimator

    @property
    def name(self) -> str:
        """The estimator's."""
        return self._estimator.name

    def __call__(self, content: Tensor, earlier: Tensor, index: int, interval: int) -> Motion:
        """Estimate both ways; the way there and back is the test."""
        flow, back = self._estimator(content, earlier), self._estimator(earlier, content)
        seen = disocclusion_mask(flow, back) * in_frame_mask(flow)
        return Motion(flow, reliability_mask(flow, back, sigma=0), 1 - seen)


def truth_for(clip: Clip, used: str, wanted: Judge = "auto") -> Truth:
    """What the metrics take for the motion of a clip that was painted with the estimator named `used`.

    `auto` is the exact motion where the clip knows it, else that of an independent estimator; a name asks
    for that one.
    """
    if wanted != "auto":
        return EstimatedMotion(named_estimator(wanted))
    return ExactMotion(clip) if isinstance(clip, Scene) else EstimatedMotion(independent_estimator(used))


def independent_estimator(used: str) -> FlowEstimator:
    """An estimator other than the one that a painting was made with, whose errors it would not see.

    `used` is that one's `name`. DeepFlow, the most exact of those that need no weights; where the model has
    it in any form, DIS.
    """
    return named_estimator("dis" if DeepFlow.name in used else "deepflow")


def named_estimator(name: str) -> FlowEstimator:
    """The estimator of that name as a judge: small frames enlarged; `raft` fetches its weights."""
    if name == "raft":
        # fetching is for those alone who want it
        from vst.assets import fetch
        from vst.flow.raft import Raft

        return Enlarged(Raft(fetch("raft-small")), scale=4, largest=704)
    return Enlarged({"deepflow": DeepFlow, "dis": DIS, "farneback": Farneback}[name](), scale=2)
