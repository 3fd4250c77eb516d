from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from heapq import merge
from math import ceil
from pathlib import Path

import av
import av.filter
import numpy as np
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vst.errors import DISK_ERRORS, VstError
from vst.files import atomic_write
from vst.frames import ClipInfo
from vst.video.codecs import CODECS, Codec
from vst.video.container import open_clip
from vst.video.sound import copied_sound, encoded_sound, sound_track

# swscale's flags FULL_CHR_H_INP and ACCURATE_RND, without which it trades accuracy of chroma and rounding
# for speed. As numbers: PyAV has names for them only since version 17.
CHROMA_FILTER = int(Interpolation.BICUBIC) | 0x4000 | 0x40000

# A stream's codes for matrix, primaries and transfer (ITU-T H.273, tables 2 to 4).
RGB, BT709, BT601 = 0, 1, 6

# An mp4 counts how long a frame is shown in 31 bits.
MOST_TICKS = 2**31 - 1


@dataclass(frozen=True)
class Written:
    """What `write_video` wrote: the number of frames, and how the sound was handled.

    `sound` is "copied", "encoded as AAC", "none", or "left out: " and the reason.
    """

    frames: int
    sound: str


def write_video(
    path: str | Path,
    frames: Iterable[tuple[NDArray[np.uint8], int]],
    info: ClipInfo,
    codec: Codec = CODECS["h264"],
) -> Written:
    """Write frames as a video, by default one that browsers play, with the timing and sound of their source clip.

    `frames` are RGB images of shape (H, W, 3), or (H, W, 4) with transparency, all of one size, each with its pts in
    the clip's `time_base`, in order; there may be fewer than `info.frames`, and the sound then ends with the last of
    them. An odd side grows by one pixel where the codec asks for it, which repeats the edge. The file is written
    atomically, first without sound, which therefore stays whatever happens to the sound; errors of the disk are raised
    as `OSError`.
    """
    path = Path(path).absolute()
    frames, info = _countable(frames, info)
    with atomic_write(path) as pictures:
        count, end_pts = _write_pictures(pictures, frames, info, codec)
    sound = "none" if info.sound is None else _add_sound(path, info.sound, info, end_pts, codec.container)
    return Written(count, sound)


def _countable(
    frames: Iterable[tuple[NDArray[np.uint8], int]], info: ClipInfo
) -> tuple[Iterable[tuple[NDArray[np.uint8], int]], ClipInfo]:
    """Frames and clip in a time base in which an mp4 can count: the clip's, or a coarser one where that is too fine."""
    seconds = ceil((info.end_pts - info.start_pts) * info.time_base)
    time_base = max(info.time_base, Fraction(1, max(1, MOST_TICKS // max(1, seconds))))
    if time_base == info.time_base:
        return frames, info

    def moved(pts: int) -> int:
        return round(pts * info.time_base / time_base)

    start, end = moved(info.start_pts), moved(info.end_pts)
    return (
        ((image, moved(pts)) for image, pts in frames),
        replace(info, time_base=time_base, start_pts=start, end_pts=end),
    )


def _write_pictures(
    path: Path, frames: Iterable[tuple[NDArray[np.uint8], int]], info: ClipInfo, codec: Codec
) -> tuple[int, int]:
    """Write the frames without sound; return how many there were, and the pts at which the last one ends."""
    count, end_pts, shape = 0, info.start_pts, None
    durations: deque[int] = deque()
    with _create(path, info, codec.container) as output:
        for image, pts, duration in _with_durations(frames, info):
            if shape is None:
                shape = image.shape
                if shape[2] == 4 and codec.transparent is not None:
                    codec = codec.transparent
                stream = _add_picture_stream(output, image, info, codec)
                reformatter = VideoReformatter()
            elif image.shape != shape:
                raise ValueError(f"frame {count} has the shape {image.shape}, those before it {shape}")
            durations.append(duration)
            picture = _coded(image, reformatter, codec)
            picture.pts, picture.time_base = pts - info.start_pts, info.time_base
            _mux_pictures(output, stream.encode(picture), durations)
            count, end_pts = count + 1, pts + duration
        if shape is None:
            raise ValueError(f"there are no frames to write to {path}")
        _mux_pictures(output, stream.encode(None), durations)
    return count, end_pts


def _with_durations(
    frames: Iterable[tuple[NDArray[np.uint8], int]], info: ClipInfo
) -> Iterator[tuple[NDArray[np.uint8], int, int]]:
    """Yield each frame with its pts and duration, delaying each until its successor comes."""
    count, waiting = 0, None
    for image, pts in frames:
        if waiting is not None:
            if pts <= waiting[1]:
                raise ValueError(f"frame {count} at {pts} does not come after the one at {waiting[1]}")
            yield *waiting, pts - waiting[1]
        waiting = image, pts
        count += 1
    if waiting is not None:
        usual = max(1, round(1 / (info.frame_rate * info.time_base)))
        yield *waiting, max(1, info.end_pts - waiting[1]) if count == info.frames else usual


def _create(path: Path, info: ClipInfo, container: str) -> OutputContainer:
    # The pictures' timescale is the source's, so that times are exact; the start of the sound is given in the
    # movie's timescale, by default milliseconds.
    options = container in ("mp4", "mov") and {
        "movflags": "+faststart",
        "video_track_timescale": str(info.time_base.denominator),
        "movie_timescale": "90000",
    }
    return av.open(str(path), "w", format=container, options=options or {})


def _add_picture_stream(
    output: OutputContainer, image: NDArray[np.uint8], info: ClipInfo, codec: Codec
) -> VideoStream:
    stream = output.add_stream(codec.encoder, rate=info.frame_rate, options=dict(codec.options))
    assert isinstance(stream, VideoStream)
    height, width = _fitting(image, codec).shape[:2]
    stream.height, stream.width, stream.pix_fmt = height, width, codec.pixels
    context, rgb = stream.codec_context, av.VideoFormat(codec.pixels).is_rgb
    context.time_base = info.time_base
    context.sample_aspect_ratio = info.pixel_aspect
    context.color_range = ColorRange.JPEG if rgb else ColorRange.MPEG
    context.colorspace = RGB if rgb else BT709 if _is_hd(height) else BT601
    context.color_primaries = context.color_trc = BT709
    return stream


def _is_hd(height: int) -> bool:
    """Whether a player that ignores the tags assumes the matrix of BT.709, else of BT.601."""
    return height >= 720


def _fitting(image: NDArray[np.uint8], codec: Codec) -> NDArray[np.uint8]:
    """Return an image (H, W, C), its odd sides made even by repeating the edge where chroma is subsampled there."""
    height, width = image.shape[:2]
    pixels = av.VideoFormat(codec.pixels, 2, 2)
    down, across = height % 2 * (pixels.chroma_height() < 2), width % 2 * (pixels.chroma_width() < 2)
    return np.pad(image, ((0, down), (0, across), (0, 0)), mode="edge")


def _coded(image: NDArray[np.uint8], reformatter: VideoReformatter, codec: Codec) -> av.VideoFrame:
    """Return an image (H, W, 3), or (H, W, 4) with transparency, in a codec's pixels, of limited range if YUV."""
    layout = "rgba" if image.shape[2] == 4 else "rgb24"
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(_fitting(image, codec)), format=layout)
    if av.VideoFormat(codec.pixels).is_rgb:
        return reformatter.reformat(picture, format=codec.pixels)
    return reformatter.reformat(
        picture,
        format=codec.pixels,
        dst_colorspace=Colorspace.ITU709 if _is_hd(picture.height) else Colorspace.ITU601,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=CHROMA_FILTER,
    )


def _mux_pictures(output: OutputContainer, packets: list[Packet], durations: deque[int]) -> None:
    """Write encoded frames; `durations` are those of the frames not yet written, in order."""
    for packet in packets:
        packet.duration = durations.popleft()
        output.mux(packet)


def _add_sound(path: Path, sound_file: Path, info: ClipInfo, end_pts: int, container: str) -> str:
    """Give a clip of pictures the sound of their time; return how the sound was handled."""
    reason = ""
    for encode in (False, True):
        try:
            with atomic_write(path) as whole:
                _join(path, whole, sound_file, info, end_pts, encode, container)
            return "encoded as AAC" if encode else "copied"
        except _Silence:
            return "none"
        except (av.FFmpegError, ValueError, VstError) as error:
            # A broken sound track is no reason to lose the pictures; a full disk is left to the caller.
            if isinstance(error, OSError) and error.errno in DISK_ERRORS:
                raise
            reason = str(error)
    return f"left out: {reason}"


class _Silence(Exception):  # noqa: N818 - an event, not an error
    """The sound has no packet in the time of the pictures."""


def _join(
    pictures: Path, whole: Path, sound_file: Path, info: ClipInfo, end_pts: int, encode: bool, container: str
) -> None:
    """Mux the pictures and the sound of their time into one file; raises `_Silence` if there is none."""
    start, end = info.start_pts * info.time_base, end_pts * info.time_base
    silent = True
    with (
        open_clip(sound_file) as source,
        open_clip(pictures) as painted,
        _create(whole, info, container) as output,
    ):
        picture_stream = output.add_stream_from_template(painted.streams.video[0], opaque=True)
        add = encoded_sound if encode else copied_sound
        sound_stream, sound = add(sound_track(source, sound_file), output, start, end)
        both = merge(_pictures(painted, picture_stream), sound, key=_decoding_time)
        for packet in both:
            silent = silent and packet.stream is not sound_stream
            output.mux(packet)
    if silent:
        raise _Silence


def _pictures(painted: InputContainer, target: VideoStream) -> Iterator[Packet]:
    """Yield the packets of painted pictures, for the stream `target`."""
    for packet in painted.demux(video=0):
        if packet.dts is not None:  # otherwise it only marks the end
            packet.stream = target
            yield packet


def _decoding_time(packet: Packet) -> Fraction:
    return (packet.dts or 0) * packet.time_base
