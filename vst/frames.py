from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from vst.flow.estimators import FlowEstimator
    from vst.optim.solution import Solution


@dataclass
class Frame:
    """One frame of the source clip on its way through the house.

    `content` is RGB float32 in [0, 1] of shape (L, 3, H, W), L = 1 as the reader yields it.
    `index` counts from 0 within the stretch that is painted, `source_index` from 0 within the file.
    `pts` is the presentation time in units of the clip's `time_base`, as the file has it.
    `pass_index` counts the passes over the stretch from 0.
    """

    content: Tensor
    index: int
    source_index: int
    pts: int
    pass_index: int = 0

    def to(self, *args: Any, **kwargs: Any) -> Frame:
        """Return the frame with its content moved, as `Tensor.to` moves it."""
        return replace(self, content=self.content.to(*args, **kwargs))


@dataclass(frozen=True)
class ClipInfo:
    """What is known of a clip before its frames are read.

    The stretch to paint is `frames` long and begins at the frame `start` of the source; `height` and `width`
    are those of the frames as read, that is after rotation and resizing. `end_pts` is where the last frame
    of the stretch stops showing.
    `sound` is the file whose sound goes with the stretch, or None where there is none.
    """

    name: str
    frames: int
    height: int
    width: int
    time_base: Fraction
    frame_rate: Fraction
    start_pts: int
    end_pts: int
    pixel_aspect: Fraction = Fraction(1)
    sound: Path | None = None
    start: int = 0


class Clip(Protocol):
    """A source of frames: a file, or a scene that is computed."""

    @property
    def info(self) -> ClipInfo:
        """What is known of the stretch before its frames are read."""
        ...

    def read(self, first: int = 0) -> Iterator[Frame]:
        """Yield the frames of the stretch in order, from its frame `first` on, one in memory at a time."""
        ...


class Neighbour:
    """The frame that was painted just before this one, and the motion between the two.

    In a pass that runs forward it is the frame before, in one that runs backward the frame after.
    `content` and `stylized` are its source and its painting, (L, 3, H, W), never rounded to 8 bits. Each
    flow is estimated when it is first asked for, and once.
    """

    def __init__(self, content: Tensor, stylized: Tensor, current_content: Tensor, estimator: FlowEstimator):
        self.content = content
        self.stylized = stylized
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


@dataclass(frozen=True)
class Target:
    """What one frame is painted towards: all that a loss or a start may use.

    `activations` are those of the content at the layers that the losses asked for. `neighbour` is None for
    the first frame of a pass. `earlier` is this frame's painting from the pass before, None in the first.
    """

    content: Tensor
    activations: dict[str, Tensor]
    neighbour: Neighbour | None
    earlier: Tensor | None = None


@dataclass(frozen=True)
class Stylized:
    """One painted frame: `image` (L, 3, H, W) in [0, 1], and how it came about."""

    frame: Frame
    image: Tensor
    neighbour: Neighbour | None
    solution: Solution
