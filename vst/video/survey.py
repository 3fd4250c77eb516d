"""The properties of a video file, found before its frames are read: times, size, and whether its end is missing."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import av
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from vst.errors import InputError
from vst.video.container import check_is_file, open_clip, picture_stream, reason_of
from vst.video.orientation import display_matrix, swaps_axes, upright

# Codecs with packets that contain no picture to show (VP8's hidden references, MPEG-4's skipped frames).
CODECS_WITH_SILENT_PACKETS = {
    "vp8",
    "mpeg4",
    "msmpeg4v1",
    "msmpeg4v2",
    "msmpeg4v3",
    "wmv1",
    "wmv2",
    "wmv3",
    "vc1",
}


@dataclass(frozen=True)
class Survey:
    """The properties found by scanning a whole file. Times are in units of `time_base`."""

    times: list[int]  # when each frame is shown, increasing
    end: int  # when the last one ends
    step: int  # the usual time from frame to frame
    by_number: bool  # the pictures have no times of their own: picture n is shown at times[n]
    height: int
    width: int
    time_base: Fraction
    frame_rate: Fraction
    pixel_aspect: Fraction
    has_sound: bool
    fault: str | None  # the evidence that the end of the file is missing, if it is


class _Times(NamedTuple):
    """When a picture is shown and decoded, None if unknown, and for how long it is shown, 0 if unknown."""

    pts: int | None
    dts: int | None
    duration: int


@dataclass(frozen=True)
class _Packets:
    """The packets of the picture stream, before any is decoded."""

    shown: list[_Times]  # of each packet with a picture to show
    count: int  # of all packets, including those not shown
    seconds: float  # when the last packet of any stream ends
    fault: str | None  # what stopped the scan before the end of the file


def survey(path: Path) -> Survey:
    """Scan a file, decoding only its first picture if the codec allows."""
    check_is_file(path)
    try:
        with open_clip(path) as container:
            stream = picture_stream(container, path)
            picture = _first_picture(container, stream, path)
        with open_clip(path) as container:
            stream = picture_stream(container, path)
            packets = _read_packets(container, stream, picture.pts)
            return _summarise(path, container, stream, picture, packets)
    except av.FFmpegError as error:
        raise InputError(
            f"{path} cannot be read as a video ({reason_of(error)}): it is damaged, truncated or not a video; "
            f"fetch or export it again"
        ) from error


def _summarise(
    path: Path, container: InputContainer, stream: VideoStream, picture: av.VideoFrame, packets: _Packets
) -> Survey:
    time_base = stream.time_base or Fraction(1, 1000)
    frame_rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
    step = max(1, round(1 / (frame_rate * time_base)))
    shown = packets.shown
    if stream.codec_context.name in CODECS_WITH_SILENT_PACKETS or picture.interlaced_frame:
        # An interlaced picture may come in two packets, one per field.
        shown = _decode_times(path) or shown
    last_duration = max(shown, key=lambda times: times.pts or 0).duration
    times, by_number = _show_times(shown, step, "avi" in container.format.name)
    matrix = display_matrix(picture)
    turned = matrix is not None and swaps_axes(matrix)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return Survey(
        times=times,
        end=times[-1] + (last_duration or step),
        step=step,
        by_number=by_number,
        height=picture.width if turned else picture.height,
        width=picture.height if turned else picture.width,
        time_base=time_base,
        frame_rate=Fraction(frame_rate),
        pixel_aspect=1 / aspect if turned else aspect,
        has_sound=bool(container.streams.audio),
        fault=packets.fault or _missing_end(container, stream, packets, times, time_base),
    )


def _first_picture(container: InputContainer, stream: VideoStream, path: Path) -> av.VideoFrame:
    for picture in container.decode(stream):
        upright(picture, VideoReformatter())
        return picture
    raise InputError(f"{path} has no frame that can be decoded; fetch or export it again")


def _read_packets(container: InputContainer, stream: VideoStream, first_pts: int | None) -> _Packets:
    """Scan the packets; those before the first picture that decodes are not counted as shown."""
    shown: list[_Times] = []
    count, seconds, fault = 0, 0.0, None
    try:
        for packet in container.demux():
            if packet.size == 0:  # the end of a stream
                continue
            time = packet.pts if packet.pts is not None else packet.dts
            if time is not None and packet.time_base:
                seconds = max(seconds, float((time + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != stream.index:
                continue
            count += 1
            precedes = packet.pts is not None and first_pts is not None and packet.pts < first_pts
            if not packet.is_discard and not precedes:
                shown.append(_Times(packet.pts, packet.dts, packet.duration or 0))
    except av.FFmpegError as error:
        fault = reason_of(error)
    return _Packets(shown, count, seconds, fault)


def _decode_times(path: Path) -> list[_Times] | None:
    """Return the times of the pictures by decoding them all, or None if that fails."""
    try:
        with open_clip(path) as container:
            pictures = container.decode(picture_stream(container, path))
            return [_Times(picture.pts, picture.dts, picture.duration or 0) for picture in pictures]
    except av.FFmpegError:
        return None


def _show_times(shown: list[_Times], step: int, is_avi: bool) -> tuple[list[int], bool]:
    """Return the time of each picture, in order, and whether times go by the number of the picture."""
    given = [times.pts for times in shown if times.pts is not None]
    if len(given) == len(shown) and not is_avi:
        return _increasing(sorted(given), step), False
    # An avi only numbers its pictures; its pts are guesses, wrong where pictures are reordered.
    given = [times.dts for times in shown if times.dts is not None]
    if len(given) == len(shown):
        return _increasing(sorted(given), step), True
    return [index * step for index in range(len(shown))], True


def _increasing(times: list[int], step: int) -> list[int]:
    """Return the times, strictly increasing: one that is not after the time before it is moved a `step` behind it."""
    moved = times[:1]
    for time in times[1:]:
        moved.append(time if time > moved[-1] else moved[-1] + step)
    return moved


def _missing_end(
    container: InputContainer, stream: VideoStream, packets: _Packets, times: list[int], time_base: Fraction
) -> str | None:
    """Describe what a truncated file lacks of what its header promises; None if nothing."""
    # In mp4 the header also counts the samples that an edit list leaves out.
    if "mov" not in container.format.name and stream.frames > packets.count:
        return f"its header promises {stream.frames} frames"
    if container.duration is None:
        return None
    promised = container.duration / av.time_base
    found = packets.seconds - min(0.0, (container.start_time or 0) / av.time_base)
    # Not every container gives the duration of the last frame, so a frame may seem missing where none is.
    gaps = [later - earlier for earlier, later in pairwise(times)]
    if promised - found > max(0.1, 2 * float(max(gaps, default=0) * time_base)):
        return f"its header promises {promised:.2f} s, but there are {found:.2f} s"
    return None
