"""Exemplars: the painted key frames from which the other frames of their shot are synthesised (`synthesised_start`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from torch import Tensor

from vst.bounds import Count
from vst.frames import Frame
from vst.painting.anchor import AnchorMotion


class Exemplars(ABC):
    """Says of each frame whether it is one."""

    @abstractmethod
    def begins(self, frame: Frame) -> bool | None:
        """Whether the frame becomes the anchor of those after it; None where the content decides."""

    @abstractmethod
    def place(self, place: int, frame: Frame, anchor: AnchorMotion) -> int | None:
        """The place in its shot by which a frame has its budget, from 0; None where nothing of it is painted."""

    def painting(self, frame: Frame) -> Tensor | None:
        """The painting that is given for a frame, (1, 3, H, W)."""
        return None

    def between(self, frame: Frame) -> float | None:
        """Where a frame lies between the two around it in its shot, from 0 to 1; None where there are no two."""
        return None


class OwnExemplars(Exemplars):
    """The optimisation paints them: where a shot begins, where too little of the last one is left to see, and, where an
    `interval` is given, every so many frames of the stretch."""

    def __init__(self, interval: Count | None = None):
        self._interval = interval

    def begins(self, frame: Frame) -> bool | None:
        """Every so many frames; otherwise the content decides."""
        return True if self._interval is not None and frame.index % self._interval == 0 else None

    def place(self, place: int, frame: Frame, anchor: AnchorMotion) -> int:
        """One that is painted counts as a shot's first frame."""
        return 0 if anchor.begins else place


class GivenExemplars(Exemplars):
    """Their `paintings` are given, by number of the source's frame; `shots` are the first frames of all shots."""

    def __init__(self, paintings: Mapping[int, Tensor], shots: Sequence[int]):
        self._paintings, self._numbers, self._shots = paintings, sorted(paintings), sorted(shots)

    def begins(self, frame: Frame) -> bool | None:
        """Those given, and no others."""
        return frame.source_index in self._paintings

    def place(self, place: int, frame: Frame, anchor: AnchorMotion) -> int | None:
        """None where the painting is given, or the frame is left to the other pass."""
        return None if anchor.seen is None or frame.source_index in self._paintings else place

    def painting(self, frame: Frame) -> Tensor | None:
        """As it is given."""
        return self._paintings.get(frame.source_index)

    def between(self, frame: Frame) -> float | None:
        """By the numbers of the frames."""
        place = bisect_right(self._numbers, frame.source_index)
        if place in (0, len(self._numbers)):
            return None
        before, after = self._numbers[place - 1 : place + 1]
        same_shot = bisect_right(self._shots, before) == bisect_right(self._shots, after)
        return (frame.source_index - before) / (after - before) if same_shot else None
