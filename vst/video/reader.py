from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
from av.video.reformatter import VideoReformatter

from vst.bounds import Count, Place, Side
from vst.errors import ClipBroke, InputError
from vst.frames import ClipInfo, Frame
from vst.video.container import open_clip, picture_stream, reason_of
from vst.video.decoding import decoded, deinterlaced
from vst.video.stretch import end_of_stretch, fitted, frame_of
from vst.video.survey import survey
from vst.video.times import Clock


class VideoReader:
    """A clip read from a file, frame by frame.

    `start` and `frames` choose a stretch, counted in frames of the file; without `frames` it goes to the end.
    `size` is the longer side, in pixels, that the frames are resized to; their aspect is unchanged.
    Raises `InputError` if the file or the stretch cannot be used.
    """

    def __init__(
        self, path: str | Path, start: Place = 0, frames: Count | None = None, size: Side | None = None
    ):
        self.path = Path(path)
        if size is not None and size < 1:
            raise InputError(f"{self.path} cannot be resized to {size} pixels; set video.size to 1 or more")
        self._survey = survey(self.path)
        self._start = start
        schedule = self._survey.schedule
        stop = end_of_stretch(self.path, len(schedule.times), start, frames)
        height, width = fitted(self._survey.height, self._survey.width, size)
        times = [*schedule.times, schedule.end]
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
            fault=self._survey.fault if frames is None else None,
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
        source_index, time = 0, None
        schedule, clock, reformatter = self._survey.schedule, Clock(self._survey.schedule), VideoReformatter()
        try:
            with open_clip(self.path) as container:
                stream = picture_stream(container, self.path)
                pictures = deinterlaced(decoded(container, stream), stream)
                for picture in islice(pictures, self._start + self._info.frames):
                    time = clock.time(picture.pts)
                    if source_index >= self._start + first:
                        image = self._survey.appearance.image(picture, reformatter)
                        opacity = self._survey.appearance.opacity(picture, reformatter)
                        yield frame_of(image, opacity, self._info, source_index, time)
                    source_index += 1
        except av.FFmpegError as error:
            raise ClipBroke(self.path, source_index, reason_of(error)) from error
        if source_index < self._start + self._info.frames and (time is None or time < schedule.times[-1]):
            raise ClipBroke(self.path, source_index, f"{len(schedule.times)} frames were expected")
        if self._info.fault:
            raise ClipBroke(self.path, source_index, self._info.fault)
