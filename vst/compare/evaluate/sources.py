"""The clips to compare: videos, folders of pictures, and built-in scenes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from vst.compare.evaluate.fitting import Picture, Sizes, fit
from vst.errors import ClipBroke, InputError
from vst.pictures import PictureError, pictures_in, read_picture
from vst.video.reader import VideoReader

if TYPE_CHECKING:
    from vst.synthetic.scene import Scene


class Source(Protocol):
    """A clip: the number of its frames, and their (height, width)."""

    count: int
    sizes: Sizes

    def pictures(self) -> Iterator[Picture]:
        """Yield the frames in order, (H, W, 3), RGB in [0, 1]."""
        ...


def open_source(name: str) -> Source:
    """Open a video or a folder of pictures; raises `InputError` where it cannot be read."""
    path = Path(name)
    if not path.exists():
        raise InputError(f"{name} does not exist; name a video or a folder of frames")
    return PictureFolder(path) if path.is_dir() else Video(path)


class PictureFolder:
    """The pictures in a folder as a clip, in the natural order of their names.

    All must have the size of the first. Raises `InputError` where there are none, or one cannot be used.
    """

    def __init__(self, folder: Path):
        self._files = pictures_in(folder)
        self.count = len(self._files)
        self.sizes: Sizes = self._load(self._files[0]).shape[:2]

    def pictures(self) -> Iterator[Picture]:
        """Yield the pictures in order."""
        for file in self._files:
            picture = self._load(file)
            if picture.shape[:2] != self.sizes:
                raise InputError(
                    f"{file} is {picture.shape[1]}x{picture.shape[0]} pixels, but the first in its folder "
                    f"{self.sizes[1]}x{self.sizes[0]}; give frames of one size"
                )
            yield picture

    @staticmethod
    def _load(file: Path) -> Picture:
        try:
            picture = np.array(read_picture(file), dtype=np.float32)
        except PictureError as error:
            raise InputError(f"{file} {error}") from error
        picture /= 255
        return picture


class Video:
    """A video file as a clip."""

    def __init__(self, path: Path):
        self._reader = VideoReader(path)
        self.count = self._reader.info.frames
        self.sizes: Sizes = self._reader.info.height, self._reader.info.width

    def pictures(self) -> Iterator[Picture]:
        """Yield its frames; raises `InputError` where it breaks."""
        try:
            for frame in self._reader.read():
                yield frame.content[0].permute(1, 2, 0).numpy()
        except ClipBroke as error:
            # ClipBroke's own message is about a run
            raise InputError(
                f"{self._reader.path} breaks at frame {error.source_frame}; repair it, or cut off its end"
            ) from error


class SceneFrames:
    """A built-in scene from frame `start` on."""

    def __init__(self, scene: Scene, start: int):
        self._scene, self._start = scene, start
        self.count = scene.info.frames - start
        self.sizes: Sizes = scene.info.height, scene.info.width

    def pictures(self) -> Iterator[Picture]:
        """Yield its frames."""
        for frame in self._scene.read(self._start):
            yield frame.content[0].permute(1, 2, 0).numpy()


class ClipPart:
    """A part of a clip, scaled."""

    def __init__(self, source: Source, start: int, count: int, sizes: Sizes):
        self._source, self._start = source, start
        self.count, self.sizes = count, sizes

    def pictures(self) -> Iterator[Picture]:
        """Yield the frames of the part."""
        for number, picture in enumerate(self._source.pictures()):
            if number >= self._start + self.count:
                return
            if number >= self._start:
                yield fit(picture, self.sizes)
