"""Where in a frame something is painted: a picture, or a clip, of which white is inside and black outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from vst.errors import ClipBroke, InputError
from vst.frames import ClipInfo, Frame
from vst.video.reader import VideoReader


class Mask:
    """A picture or a clip as a mask for a clip: the frames of one are those of the other's file.

    Its frames are stretched to the clip's. `option` is what names it in error messages. Raises `InputError` where it
    cannot be read or ends before the clip.
    """

    def __init__(self, path: str | Path, info: ClipInfo, option: str):
        self.path, self.option = Path(path), option
        self._size = info.height, info.width
        self._reader = _opened(self.path, option)
        self.moves = self._reader.info.frames > 1
        last = info.start + info.frames
        if self.moves and self._reader.info.frames < last:
            raise InputError(
                f"the mask {path} has {self._reader.info.frames} frames, and frames up to {last - 1} of {info.name} "
                f"are painted; give a mask as long as the clip, or a picture"
            )
        self._frames: Iterator[Frame] = iter(())
        self._place, self._current = -1, None

    def at(self, frame: int) -> Tensor:
        """The mask of a frame of the source, (1, 1, H, W) in [0, 1]."""
        wanted = frame if self.moves else 0
        if self._current is None or self._place != wanted:
            self._current, self._place = self._read(wanted), wanted
        return self._current

    def _read(self, wanted: int) -> Tensor:
        # a clip is read forward: a frame before the last one is read from the beginning on
        if wanted != self._place + 1 or self._current is None:
            self._frames = self._reader.read(wanted)
        try:
            light = next(self._frames).content.mean(1, keepdim=True)
        except ClipBroke as error:
            raise InputError(
                f"the mask {self.path} breaks at frame {error.source_frame}; export it again, and begin a new run"
            ) from error
        return F.interpolate(light, self._size, mode="bilinear", antialias=True, align_corners=False).clamp(
            0, 1
        )


def _opened(path: Path, option: str) -> VideoReader:
    if path.is_dir():
        raise InputError(f"the mask {path} is a folder; set {option} to a picture or a video")
    if not path.is_file():
        raise InputError(f"the mask {path} does not exist; set {option} to a picture or a video")
    try:
        return VideoReader(path)
    except InputError as error:
        raise InputError(
            f"the mask {path} cannot be read as a picture or a video; export it again, for example as PNG"
        ) from error
