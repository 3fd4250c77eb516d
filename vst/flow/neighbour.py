from __future__ import annotations

from functools import cached_property

from torch import Tensor

from vst.flow.estimators import FlowEstimator
from vst.flow.pair import FramePair
from vst.flow.warp import backward_warp, unworn_warp


class Neighbour(FramePair):
    """A frame that was painted before this one: the pair of the two, and its painting.

    `stylized` is that painting, (L, 3, H, W), never rounded to 8 bits.
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
        super().__init__(content, current_content, estimator, distance, same_shot, blank)
        self.stylized = stylized

    @classmethod
    def of(cls, pair: FramePair, stylized: Tensor) -> Neighbour:
        """The neighbour of a pair, with all that is known of their motion already."""
        neighbour = cls(pair.content, stylized, pair.current_content, pair.estimator)
        vars(neighbour).update(vars(pair))
        return neighbour

    @cached_property
    def kept(self) -> Tensor:
        """Its painting moved along the backward flow without wear: (L, 3, H, W)."""
        return unworn_warp(self.stylized, self.backward_flow)

    @cached_property
    def moved(self) -> Tensor:
        """Its painting warped along the backward flow, (L, 3, H, W)."""
        return backward_warp(self.stylized, self.backward_flow)
