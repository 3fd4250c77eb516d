"""The motion of a clip that the metrics rely on."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from torch import Tensor

from vst.flow.consistency import disocclusion_mask, in_frame_mask, reliability_mask
from vst.flow.enlarged import Enlarged
from vst.flow.estimators import DIS, DeepFlow, Farneback, FlowEstimator, SparseToDense
from vst.frames import Clip
from vst.synthetic.scene import Scene

Judge = Literal["auto", "consensus", "deepflow", "dis", "farneback", "raft", "sparse"]

AGREEMENT = 0.25
"""Largest distance, in pixels, of two estimates that agree. Beyond it, the error of their mean grows quickly; and what
makes strokes tremble is a distance in pixels at any size of the frame."""


class Motion(NamedTuple):
    """Motion at the pixels of a frame i, back to an earlier frame of its shot.

    `flow` is backward flow (L, 2, H, W) in pixels; `trust` (L, 1, H, W) is 1 where it leads to the same
    scene point; `revealed` (L, 1, H, W) is 1 where disoccluded, not shown in the earlier frame.
    """

    flow: Tensor
    trust: Tensor
    revealed: Tensor


class Truth(Protocol):
    """The motion of a clip taken as true, with a name for the record."""

    @property
    def name(self) -> str:
        """`exact`, or the estimator's name."""
        ...

    def __call__(self, content: Tensor, earlier: Tensor, index: int, interval: int) -> Motion:
        """Motion from the frame `index`, (L, 3, H, W), back to the one `interval` frames earlier."""
        ...


class ExactMotion:
    """The exact motion and occlusion of a synthetic scene; `index` counts its frames."""

    name = "exact"

    def __init__(self, scene: Scene):
        self._scene = scene

    def __call__(self, content: Tensor, earlier: Tensor, index: int, interval: int) -> Motion:
        """Return one lane, which applies to all."""
        flow = self._scene.backward_flow(index, interval).to(content)
        visible = self._scene.backward_valid(index, interval).to(content)
        return Motion(flow, visible, 1 - visible)


class EstimatedMotion:
    """Motion estimated by optical flow, trusted by Ruder's test (2016), with hard edges.

    Pixels at motion boundaries are not trusted, but not revealed either.
    """

    def __init__(self, estimator: FlowEstimator):
        self._estimator = estimator

    @property
    def name(self) -> str:
        """The estimator's."""
        return self._estimator.name

    def __call__(self, content: Tensor, earlier: Tensor, index: int, interval: int) -> Motion:
        """Estimate both directions, for the consistency test."""
        flow, back = self._estimator(content, earlier), self._estimator(earlier, content)
        seen = disocclusion_mask(flow, back) * in_frame_mask(flow)
        return Motion(flow, reliability_mask(flow, back, sigma=0), 1 - seen)


class AgreedMotion:
    """The mean of two estimates, trusted where both are and agree to `AGREEMENT`.

    An estimator fails in its own way: where two that work differently find the same motion, it is right.
    """

    def __init__(self, first: FlowEstimator, second: FlowEstimator):
        self._estimates = EstimatedMotion(first), EstimatedMotion(second)

    @property
    def name(self) -> str:
        """Both estimators'."""
        return " & ".join(estimate.name for estimate in self._estimates)

    def __call__(self, content: Tensor, earlier: Tensor, index: int, interval: int) -> Motion:
        """Estimate by both, in both directions."""
        one, other = (estimate(content, earlier, index, interval) for estimate in self._estimates)
        distance = (one.flow - other.flow).square().sum(dim=1, keepdim=True).sqrt()
        trust = one.trust * other.trust * (distance <= AGREEMENT)
        return Motion((one.flow + other.flow) / 2, trust, one.revealed * other.revealed)


def truth_for(clip: Clip, used: str, wanted: Judge = "auto") -> Truth:
    """The motion taken as true for a clip that was painted with the estimator named `used`.

    `auto` is the exact motion for a synthetic scene, else the consensus of two estimators that are not `used`; a name
    selects an estimator, `consensus` those two.
    """
    if wanted == "auto" and isinstance(clip, Scene):
        return ExactMotion(clip)
    return consensus(used) if wanted in ("auto", "consensus") else EstimatedMotion(named_estimator(wanted))


def consensus(used: str) -> AgreedMotion:
    """The agreement of two estimators other than the one that a painting was made with, blind to its own errors.

    `used` is the latter's `name`. Taken are the first two of `DIS`, `SparseToDense` and `DeepFlow` that remain: with
    any default of this program the first two, so that models are judged alike.
    """
    names = [estimator.name for estimator in (DIS, SparseToDense, DeepFlow) if estimator.name not in used]
    first, second = (named_estimator(name) for name in names[:2])
    return AgreedMotion(first, second)


def named_estimator(name: str) -> FlowEstimator:
    """The estimator of that name, for evaluation: on enlarged small frames; `raft` fetches its weights."""
    if name == "raft":
        # imported here, because no other estimator fetches anything
        from vst.assets import fetch
        from vst.flow.raft import Raft

        return Enlarged(Raft(fetch("raft-small")), scale=4, largest=704)
    by_name = {estimator.name: estimator for estimator in (DeepFlow, DIS, Farneback, SparseToDense)}
    return Enlarged(by_name[name](), scale=2)
