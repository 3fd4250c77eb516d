from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Course:
    """A number along a clip: linear between those of some frames, which are in order, and constant beyond them."""

    frames: tuple[int, ...]
    values: tuple[float, ...]

    @classmethod
    def of(cls, given: float | Mapping[int, float]) -> Course:
        """One number for all frames, or numbers by the frame, which is one of the source."""
        by_frame = sorted(given.items()) if isinstance(given, Mapping) else [(0, given)]
        frames, values = zip(*by_frame, strict=True)
        return cls(frames, values)

    @property
    def constant(self) -> bool:
        """Whether it is the same in all frames."""
        return len(set(self.values)) == 1

    def at(self, frame: int) -> float:
        """The number at a frame of the source."""
        return float(np.interp(frame, self.frames, self.values))


ONE = Course((0,), (1.0,))
"""1 in all frames."""
