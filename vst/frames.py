from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Frame:
    """One frame of the source clip.

    `content` is RGB float32 in [0, 1] of shape (L, 3, H, W), L = 1 as the reader yields it, over white where it is
    transparent; `opacity` says where that is, (1, 1, H, W) in [0, 1], None where it is opaque.
    `index` counts from 0 within the stretch that is painted, `source_index` from 0 within the file.
    `pts` is the presentation time in units of the clip's `time_base`, as stored in the file.
    `pass_index` counts the passes over the stretch from 0. `cut` is True if a new shot begins with this frame.
    """

    content: Tensor
    index: int
    source_index: int
    pts: int
    pass_index: int = 0
    cut: bool = False
    opacity: Tensor | None = None

    def to(self, *args: Any, **kwargs: Any) -> Frame:
        """Return the frame with its content moved by `Tensor.to`."""
        return replace(self, content=self.content.to(*args, **kwargs))


@dataclass(frozen=True)
class ClipInfo:
    """The properties of a clip, known before its frames are read.

    The stretch to paint is `frames` long and begins at the frame `start` of the source; `height` and `width`
    are those of the frames as read, that is after rotation and resizing. `end_pts` is the time at which the last
    frame of the stretch ends. `sound` is the file with the stretch's sound, or None. `fault` is the evidence that the
    file lacks frames after the stretch that belong to it, or None.
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
    fault: str | None = None


@runtime_checkable
class Clip(Protocol):
    """A source of frames: a file or a synthetic scene."""

    @property
    def info(self) -> ClipInfo:
        """The properties of the stretch, known before its frames are read."""
        ...

    def read(self, first: int = 0) -> Iterator[Frame]:
        """Yield the frames of the stretch in order, from its frame `first` on, one in memory at a time."""
        ...
