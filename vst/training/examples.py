"""What a network is trained on: frames of clips, each with the one before it, and pictures."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vst.errors import ClipBroke, InputError
from vst.frames import Clip
from vst.pictures import PictureError, read_scaled
from vst.video.cuts import CutDetector, mark_cuts
from vst.video.store import to_uint8

MOST_FRAMES = 2000
"""Frames of one clip that are kept, evenly spread: of 256 pixels, they take half a gigabyte with those before them."""

Size = tuple[int, int]


@dataclass(frozen=True)
class Example:
    """A frame (1, 3, H, W) to paint, and the one before it in its shot, None where there is none.

    `clip` and `index` name it among all that is trained on.
    """

    content: Tensor
    before: Tensor | None
    clip: int
    index: int


class Examples(ABC):
    """Examples by number; `sizes` are their (height, width), `followed` whether each has one before it."""

    sizes: Sequence[Size]
    followed: Sequence[bool]

    @abstractmethod
    def example(self, number: int) -> Example:
        """One of them."""
        ...


class ClipExamples(Examples):
    """The frames of a clip, in memory in 8 bits; of a long one, `MOST_FRAMES` that are evenly spread."""

    def __init__(self, clip: Clip, number: int):
        step = math.ceil(clip.info.frames / MOST_FRAMES)
        self._number = number
        self._frames: dict[int, NDArray[np.uint8]] = {}
        self._begins: set[int] = set()
        try:
            for frame, cut in mark_cuts(clip.read(), CutDetector()):
                if frame.index % step in (0, step - 1):
                    self._frames[frame.index] = to_uint8(frame.content)
                if cut or frame.index == 0:
                    self._begins.add(frame.index)
        except ClipBroke as error:
            # ClipBroke's own message is about a run
            raise InputError(
                f"{clip.info.name} breaks at frame {error.source_frame}; repair it, or cut off its end"
            ) from error
        self._indices = [index for index in self._frames if index % step == 0]
        self.sizes = [(clip.info.height, clip.info.width)] * len(self._indices)
        self.followed = [index not in self._begins for index in self._indices]

    def example(self, number: int) -> Example:
        """A frame, with the one before it."""
        index = self._indices[number]
        before = _tensor(self._frames[index - 1]) if self.followed[number] else None
        return Example(_tensor(self._frames[index]), before, self._number, index)


class PictureExamples(Examples):
    """Pictures in files, scaled to a `longer` side when they are asked for."""

    def __init__(self, files: Sequence[Path], longer: int, number: int):
        self._files, self._longer, self._number = files, longer, number
        # read once before the first step, so that a file that cannot be used is refused at once
        self.sizes = [self._read(file).shape[:2] for file in files]
        self.followed = [False] * len(files)

    def example(self, number: int) -> Example:
        """A picture."""
        return Example(_tensor(self._read(self._files[number])), None, self._number, number)

    def _read(self, file: Path) -> NDArray[np.uint8]:
        try:
            return np.array(read_scaled(file, self._longer))
        except PictureError as error:
            raise InputError(f"{file} {error}") from error


def _tensor(picture: NDArray[np.uint8]) -> Tensor:
    """A picture (H, W, 3) as (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
