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
from vst.video.appearance import Appearance, appearance_of
from vst.video.container import check_is_file, open_clip, picture_stream, reason_of
from vst.video.decoding import decoded
from vst.video.packets import may_jump, played
from vst.video.times import Schedule, increasing

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
    """The properties found by scanning a whole file."""

    schedule: Schedule  # when each picture is shown, in units of `time_base`
    appearance: Appearance
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
    repeats: list[_Times]  # of each packet without data, which repeats the picture before it
    count: int  # of all packets, including those not shown
    damaged: bool  # some have lost data, so perhaps their picture
    seconds: float  # when the last packet of any stream ends
    fault: str | None  # what stopped the scan before the end of the file


def survey(path: Path) -> Survey:
    """Scan a file, decoding only its first picture if the codec allows."""
    check_is_file(path)
    try:
        with open_clip(path) as container:
            stream = picture_stream(container, path)
            picture = _first_picture(container, stream, path)
            appearance = appearance_of(picture, stream)
            appearance.image(picture, VideoReformatter())
        with open_clip(path) as container:
            stream = picture_stream(container, path)
            packets = _read_packets(container, stream, picture.pts)
            return _summarise(path, container, stream, picture, appearance, packets)
    except av.FFmpegError as error:
        raise InputError(
            f"{path} cannot be read as a video ({reason_of(error)}): it is damaged, truncated or not a video; "
            f"fetch or export it again"
        ) from error


def _summarise(
    path: Path,
    container: InputContainer,
    stream: VideoStream,
    picture: av.VideoFrame,
    appearance: Appearance,
    packets: _Packets,
) -> Survey:
    time_base = stream.time_base or Fraction(1, 1000)
    frame_rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
    step = max(1, round(1 / (frame_rate * time_base)))
    shown, counted = packets.shown, False
    silent = stream.codec_context.name in CODECS_WITH_SILENT_PACKETS
    if silent or packets.damaged or picture.interlaced_frame:
        # An interlaced picture may come in two packets, one per field.
        found = _decode_times(path)
        shown, counted = found or shown, bool(found)
    schedule = _schedule(shown, packets.repeats, step, counted, "avi" in container.format.name)
    turned = appearance.turned
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return Survey(
        schedule=schedule,
        appearance=appearance,
        height=picture.width if turned else picture.height,
        width=picture.height if turned else picture.width,
        time_base=time_base,
        frame_rate=Fraction(frame_rate),
        pixel_aspect=1 / aspect if turned else aspect,
        has_sound=bool(container.streams.audio),
        fault=packets.fault or _missing_end(container, stream, packets, schedule, time_base),
    )


def _first_picture(container: InputContainer, stream: VideoStream, path: Path) -> av.VideoFrame:
    for picture in decoded(container, stream):
        return picture
    raise InputError(f"{path} has no frame that can be decoded; fetch or export it again")


def _read_packets(container: InputContainer, stream: VideoStream, first_pts: int | None) -> _Packets:
    """Scan the packets; those before the first picture that decodes are not counted as shown."""
    shown: list[_Times] = []
    repeats: list[_Times] = []
    count, damaged, seconds, fault = 0, False, 0.0, None
    try:
        for packet in played(container, stream, *container.streams):
            time = packet.pts if packet.pts is not None else packet.dts
            if time is not None and packet.time_base:
                seconds = max(seconds, float((time + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != stream.index:
                continue
            count += 1
            damaged = damaged or packet.is_corrupt
            precedes = packet.pts is not None and first_pts is not None and packet.pts < first_pts
            if not packet.is_discard and not precedes:
                times = _Times(packet.pts, packet.dts, packet.duration or 0)
                (shown if packet.size else repeats).append(times)
    except av.FFmpegError as error:
        fault = reason_of(error)
    return _Packets(shown, repeats, count, damaged, seconds, fault)


def _decode_times(path: Path) -> list[_Times] | None:
    """Return the times of the pictures by decoding them all, or None if that fails."""
    try:
        with open_clip(path) as container:
            pictures = decoded(container, picture_stream(container, path))
            return [_Times(picture.pts, picture.dts, picture.duration or 0) for picture in pictures]
    except av.FFmpegError:
        return None


def _schedule(shown: list[_Times], repeats: list[_Times], step: int, counted: bool, is_avi: bool) -> Schedule:
    """When the pictures are shown: one for each packet or, if `counted`, exactly those that were decoded."""
    # An avi only numbers its pictures; its pts are guesses, wrong where pictures are reordered.
    by_pts = not is_avi and all(times.pts is not None for times in shown)
    if not by_pts and any(times.dts is None for times in shown):
        times = [index * step for index in range(len(shown))]
        return Schedule(times, times[-1] + step, step)
    stamps = [
        (stamp, times.duration or step)
        for times in (*shown, *repeats)
        if (stamp := times.pts if by_pts else times.dts) is not None
    ]
    given = sorted(stamp for stamp, _ in stamps[: len(shown)])
    times = increasing(given, step)
    moved = times[-1] > given[-1]
    end = max(sum(max(stamps)), times[-1] + (step if moved else 1))
    return Schedule(times, end, step, given if by_pts and not counted else None)


def _missing_end(
    container: InputContainer,
    stream: VideoStream,
    packets: _Packets,
    schedule: Schedule,
    time_base: Fraction,
) -> str | None:
    """Describe what a truncated file lacks of what its header promises; None if nothing."""
    if may_jump(container):
        return None  # it promises nothing: its duration is that of the times found at its end
    # In mp4 the header also counts the samples that an edit list leaves out, and an avi also frames without data.
    if "mov" not in container.format.name and stream.frames * schedule.step > max(
        packets.count * schedule.step, schedule.end
    ):
        return f"its header promises {stream.frames} frames"
    if container.duration is None:
        return None
    promised = container.duration / av.time_base
    found = packets.seconds - min(0.0, (container.start_time or 0) / av.time_base)
    # Not every container gives the duration of the last frame, so a frame may seem missing where none is.
    gaps = [later - earlier for earlier, later in pairwise(schedule.times)]
    if promised - found > max(0.1, 2 * float(max(gaps, default=0) * time_base)):
        return f"its header promises {promised:.2f} s, but there are {found:.2f} s"
    return None
