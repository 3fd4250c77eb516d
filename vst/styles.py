from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol, runtime_checkable

import numpy as np
import torch
from annotated_types import Interval
from PIL import Image
from torch import Tensor

from vst.bounds import LONGEST, Scale, Seed, Side, WeightOverTime
from vst.errors import InputError
from vst.pictures import PictureError, read_scaled

Draw = Callable[[int, int, int], Tensor]


@dataclass(frozen=True)
class Painting:
    """The style image s: RGB float32 in [0, 1] of shape (1, 3, h, w)."""

    name: str
    image: Tensor


@runtime_checkable
class Style(Protocol):
    """A painting that can be had at any size, and where and how much it is painted beside the others of a run."""

    @property
    def weight(self) -> WeightOverTime:
        """One number, or numbers by frame of the source."""
        ...

    @property
    def mask(self) -> str | Path | None:
        """A picture or a clip, white where it is painted; None for what the masks of the others leave."""
        ...

    def at(self, frame: int) -> Painting:
        """The painting for frames whose longer side is `frame` pixels."""
        ...


@dataclass(frozen=True)
class DrawnPainting:
    """A procedural painting, whose longer side is `aspect` times the shorter.

    The longer side is `size` pixels, or `scale` times that of the frames: VGG-19 sees a fixed number of pixels at
    once, so a painting's strokes keep their size relative to the frame, and a larger scale makes larger strokes.
    """

    name: str
    draw: Draw
    size: Side | None = None
    scale: Scale = 1.0
    seed: Seed = 0
    aspect: Annotated[float, Interval(ge=1, le=8)] = 1.25
    weight: WeightOverTime = 1
    mask: str | Path | None = None

    def at(self, frame: int) -> Painting:
        """Draw it for frames whose longer side is `frame` pixels."""
        longer = painting_size(self.size, self.scale, frame)
        return Painting(self.name, self.draw(max(1, round(longer / self.aspect)), longer, self.seed))


@dataclass(frozen=True)
class OpenedPainting:
    """A picture file, as `read_picture` reads it.

    Its longer side is scaled to `size` pixels, or to `scale` times that of the frames, and its proportions are kept.
    """

    path: str | Path
    size: Side | None = None
    scale: Scale = 1.0
    weight: WeightOverTime = 1
    mask: str | Path | None = None

    def at(self, frame: int) -> Painting:
        """Read it for frames whose longer side is `frame` pixels; raises `InputError` where it cannot be read."""
        longer = painting_size(self.size, self.scale, frame)
        file = Path(self.path)
        try:
            picture = read_scaled(file, longer)
        except FileNotFoundError as error:
            raise InputError(
                f"the painting {file} does not exist; set style.path to an image file"
            ) from error
        except PictureError as error:
            raise InputError(f"the painting {file} {error}") from error
        return Painting(file.stem, image_of(picture))


def image_of(picture: Image.Image) -> Tensor:
    """A picture of mode RGB as an image in [0, 1], (1, 3, h, w)."""
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    return pixels.contiguous().float() / 255


def painting_size(size: int | None, scale: float, frame: int) -> int:
    """The longer side of a painting: `size`, or `scale` times `frame`, the longer side of the frames, rounded."""
    if size is not None:
        return size
    if not (math.isfinite(scale) and scale > 0):
        raise InputError(f"style.scale={scale:g} is not a size; give a number above 0, 1 for the frames' own")
    longer = max(1, round(scale * frame))
    if longer > LONGEST:
        raise InputError(
            f"style.scale={scale:g} makes a painting of {longer} pixels for frames of {frame}, and it may have "
            f"{LONGEST}; lower style.scale"
        )
    return longer
