from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from vst.errors import ClipBroke, InputError
from vst.frames import ClipInfo, Frame
from vst.video.container import open_clip, picture_stream, reason_of
from vst.video.orientation import upright
from vst.video.survey import survey

if TYPE_CHECKING:
    import torch


class VideoReader:
    """A clip read from a file, frame by frame.

    `start` and `frames` choose a stretch, counted in frames of the file; without `frames` it goes to the end.
    `size` is the longer side, in pixels, that the frames are resized to; their aspect is unchanged.
    Raises `InputError` if the file or the stretch cannot be used.
    """

    def __init__(self, path: str | Path, start: int = 0, frames: int | None = None, size: int | None = None):
        self.path = Path(path)
        if size is not None and size < 1:
            raise InputError(f"{self.path} cannot be resized to {size} pixels; set video.size to 1 or more")
        self._survey = survey(self.path)
        self._start = start
        self._to_the_end = frames is None
        stop = _stop(self.path, len(self._survey.times), start, frames)
        height, width = _fit(self._survey.height, self._survey.width, size)
        times = [*self._survey.times, self._survey.end]
        self._info = ClipInfo(
            name=self.path.name,
            frames=stop - start,
            height=height,
            width=width,
            time_base=self._survey.time_base,
            frame_rate=self._survey.frame_rate,
            start=start,
            start_pts=times[start],
            end_pts=times[stop],
            pixel_aspect=self._survey.pixel_aspect,
            sound=self.path if self._survey.has_sound else None,
        )

    @property
    def info(self) -> ClipInfo:
        """The properties of the stretch, known before its frames are read."""
        return self._info

    def read(self, first: int = 0) -> Iterator[Frame]:
        """Yield the frames of the stretch in order, from its frame `first` on, one in memory at a time.

        Raises `ClipBroke` after the last good frame if the file cannot be read to the end of the stretch.
        """
        # Decoding from the beginning rather than seeking: frame numbers are exact in every container, and a
        # frame takes milliseconds to decode but seconds to paint.
        source_index, pts = 0, None
        reformatter = VideoReformatter()
        try:
            with open_clip(self.path) as container:
                pictures = container.decode(picture_stream(container, self.path))
                for picture in islice(pictures, self._start + self._info.frames):
                    pts = self._time(source_index, picture.pts, pts)
                    if source_index >= self._start + first:
                        content = _to_tensor(upright(picture, reformatter), self._info)
                        yield Frame(content, source_index - self._start, source_index, pts)
                    source_index += 1
        except av.FFmpegError as error:
            raise ClipBroke(self.path, source_index, reason_of(error)) from error
        if source_index < self._start + self._info.frames and (pts is None or pts < self._survey.times[-1]):
            raise ClipBroke(self.path, source_index, f"{len(self._survey.times)} frames were expected")
        if self._to_the_end and self._survey.fault:
            raise ClipBroke(self.path, source_index, self._survey.fault)

    def _time(self, source_index: int, pts: int | None, previous: int | None) -> int:
        """Return the time of a frame: the file's, if there is one and it is later than that of the frame before."""
        if self._survey.by_number:
            return self._survey.times[source_index]
        if pts is not None and (previous is None or pts > previous):
            return pts
        return self._survey.times[0] if previous is None else previous + self._survey.step


def _stop(path: Path, count: int, start: int, frames: int | None) -> int:
    """Return the end of the stretch (exclusive), in frames of the file."""
    if not 0 <= start < count:
        raise InputError(
            f"{path} has {count} frames, so no stretch can start at {start}; set video.start between 0 and {count - 1}"
        )
    if frames is None:
        return count
    if frames < 1 or start + frames > count:
        raise InputError(
            f"{path} has {count} frames, so {frames} frames from frame {start} on do not exist; "
            f"set video.frames between 1 and {count - start}"
        )
    return start + frames


def _fit(height: int, width: int, size: int | None) -> tuple[int, int]:
    """Return height and width with the longer one at `size`, rounded to the nearest pixel and at least 1."""
    if size is None:
        return height, width
    longer = max(height, width)
    fitted_height, fitted_width = (
        max(1, (2 * side * size + longer) // (2 * longer)) for side in (height, width)
    )
    return fitted_height, fitted_width


def _to_tensor(image: NDArray[np.float32], info: ClipInfo) -> torch.Tensor:
    """Return an image (H, W, 3) as a tensor (1, 3, H, W) of the size at which the clip is read."""
    import torch  # slow to load, and an unusable file should be refused at once

    height, width = image.shape[:2]
    if (height, width) != (info.height, info.width):
        shrinks = info.height <= height and info.width <= width
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        resized = cv2.resize(image, (info.width, info.height), interpolation=method)
        image = np.clip(resized, 0, 1).astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
