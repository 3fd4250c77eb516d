"""The colours of shots, found before the clip is painted: all frames of a shot are to be matched alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from vst.errors import ClipBroke
from vst.frames import Frame


@dataclass(frozen=True)
class Palette:
    """The mean colour of a picture, or of many, (3,), and the covariance of their colours, (3, 3); in float64."""

    mean: Tensor
    covariance: Tensor


class _Sums:
    """What a palette is made of, picture by picture."""

    def __init__(self) -> None:
        self.count, self.first, self.second = 0, torch.zeros(3).double(), torch.zeros(3, 3).double()

    def add(self, image: Tensor) -> None:
        """Add a picture (1, 3, H, W)."""
        colours = image[0].flatten(1).double()
        self.count += colours.shape[1]
        self.first += colours.sum(1)
        self.second += colours @ colours.mT

    def palette(self) -> Palette:
        """The palette of all pictures added so far."""
        mean = self.first / self.count
        return Palette(mean, self.second / self.count - mean[:, None] * mean)


def palette_of(image: Tensor) -> Palette:
    """The palette of a picture (1, 3, H, W)."""
    sums = _Sums()
    sums.add(image)
    return sums.palette()


def palettes_of_shots(frames: Iterable[Frame]) -> dict[int, Palette]:
    """The palette of each shot, by the index of its first frame; of a clip that breaks, of what there is."""
    shots: dict[int, _Sums] = {}
    try:
        for frame in frames:
            if frame.cut or not shots:
                shots[frame.index] = _Sums()
            next(reversed(shots.values())).add(frame.content)
    except ClipBroke:  # told once it is painted up to there
        pass
    return {first: sums.palette() for first, sums in shots.items()}
