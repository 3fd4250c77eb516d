from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from vst.anchor import Followed
    from vst.neighbour import Neighbour
    from vst.optim.solution import Losses, Solution


@dataclass
class Frame:
    """One frame of the source clip on its way through the house.

    `content` is RGB float32 in [0, 1] of shape (L, 3, H, W), L = 1 as the reader yields it.
    `index` counts from 0 within the stretch that is painted, `source_index` from 0 within the file.
    `pts` is the presentation time in units of the clip's `time_base`, as the file has it.
    `pass_index` counts the passes over the stretch from 0. `cut` says that a new shot begins with this frame.
    """

    content: Tensor
    index: int
    source_index: int
    pts: int
    pass_index: int = 0
    cut: bool = False

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


@dataclass(frozen=True)
class Target:
    """What one frame is painted towards: all that a loss or a start may use.

    `activations` are those of the content at the layers that the losses asked for. `neighbour` is the frame
    painted just before, None for the first of a pass; it may belong to another shot. `past` are the frames
    of this frame's shot that were painted before it in this pass, the nearest first, as many as the losses
    reach back, without blank ones; `anchor` is the painting that the shot is held to,
    where a loss asked for one. `pass_index` counts the passes from 0; `earlier` is this frame's painting from
    the pass before, None in the first. `place` counts the frames of the shot painted before this one, blank
    ones too, as far as the history reaches.
    """

    content: Tensor
    activations: dict[str, Tensor]
    neighbour: Neighbour | None
    earlier: Tensor | None = None
    past: Sequence[Neighbour] = ()
    anchor: Followed | None = None
    pass_index: int = 0
    place: int = 0


@dataclass(frozen=True)
class Painted:
    """A frame and its painting, `image` (L, 3, H, W) in [0, 1]."""

    frame: Frame
    image: Tensor


@dataclass(frozen=True)
class Stylized(Painted):
    """One painted frame, and how it came about.

    `losses` are those of the finished painting; the solution's are of its best iterate, which may leave [0, 1].
    """

    neighbour: Neighbour | None
    solution: Solution
    losses: Losses
