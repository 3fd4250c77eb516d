from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray
from PIL import Image

from vst.bounds import Count, Place, Side
from vst.errors import ClipBroke, InputError
from vst.frames import ClipInfo, Frame
from vst.pictures import PictureError, over_white, pictures_in, read_with_alpha, size_of
from vst.video.stretch import end_of_stretch, fitted, frame_of


class PictureSequence:
    """The pictures in a folder as a clip, in the natural order of their names, `rate` of them a second.

    `start` and `frames` choose a stretch, counted in pictures; without `frames` it goes to the end. `size` is the
    longer side, in pixels, that they are resized to. Where they are transparent, so are the frames. Raises `InputError`
    where the folder or the stretch cannot be used, or the pictures are not of one size.
    """

    def __init__(
        self,
        path: str | Path,
        rate: Annotated[float, Interval(gt=0, le=1000)] = 25,
        start: Place = 0,
        frames: Count | None = None,
        size: Side | None = None,
    ):
        folder = Path(path)
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder; set video.path to a folder of pictures")
        self._files, self._start = pictures_in(folder), start
        stop = end_of_stretch(folder, len(self._files), start, frames)
        self._size = _read(self._files[0])[0].size
        # all of them now, and not where the painting gets there, hours later
        for file in self._files[start:stop]:
            self._check(file)
        height, width = fitted(self._size[1], self._size[0], size)
        frame_rate = Fraction(rate).limit_denominator(1001)
        self._info = ClipInfo(
            name=folder.absolute().name,
            frames=stop - start,
            height=height,
            width=width,
            time_base=1 / frame_rate,
            frame_rate=frame_rate,
            start=start,
            start_pts=start,
            end_pts=stop,
        )

    @property
    def info(self) -> ClipInfo:
        """The properties of the stretch, known before its pictures are read."""
        return self._info

    def read(self, first: int = 0) -> Iterator[Frame]:
        """Yield the frames of the stretch in order, from its frame `first` on, one in memory at a time.

        Raises `ClipBroke` after the last good one where the rest of a picture is not what its header says.
        """
        for index in range(self._start + first, self._start + self._info.frames):
            try:
                colours, alpha = _read(self._files[index])
            except InputError as error:
                raise ClipBroke(self._info.name, index, f"{self._files[index].name} is damaged") from error
            if alpha is None or alpha.getextrema()[0] == 255:
                yield frame_of(_array(colours), None, self._info, index, index)
            else:
                image, opacity = _array(over_white(colours, alpha)), _array(alpha)[..., None]
                yield frame_of(image, opacity, self._info, index, index)

    def _check(self, file: Path) -> None:
        try:
            known = size_of(file) == self._size
        except PictureError as error:
            raise InputError(f"{file} {error}") from error
        if not known:
            width, height = _read(file)[0].size
            if (width, height) == self._size:  # turned as only what is behind the header says
                return
            raise InputError(
                f"{file} is {width}x{height} pixels, but the first in its folder {self._size[0]}x{self._size[1]}; give "
                f"frames of one size"
            )


def _read(file: Path) -> tuple[Image.Image, Image.Image | None]:
    try:
        return read_with_alpha(file)
    except PictureError as error:
        raise InputError(f"{file} {error}") from error


def _array(picture: Image.Image) -> NDArray[np.float32]:
    levels = np.array(picture, np.float32)
    levels /= 255
    return levels
