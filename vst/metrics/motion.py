"""Where the metrics take the motion of a clip from."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor

from vst.flow.consistency import disocclusion_mask, in_frame_mask, reliability_mask
from vst.flow.estimators import DIS, DeepFlow, FlowEstimator
from vst.synthetic.scene import Scene


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


def independent_estimator(used: str) -> FlowEstimator:
    """An estimator other than the one that a painting was made with, whose errors it would not see.

    `used` is that one's `name`. DeepFlow, the most exact of those that need no weights; where the model has
    it, DIS.
    """
    return DIS() if used == DeepFlow.name else DeepFlow()
