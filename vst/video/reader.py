from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vst.errors import ClipBroke, InputError
from vst.frames import ClipInfo, Frame

if TYPE_CHECKING:
    import torch

# Decoders that draw text files as pictures: a file of words is a mistake here, not a clip.
TEXT_CODECS = {"ansi", "bintext", "idf", "xbin"}

# Codecs with packets that hold no picture to show (VP8's hidden references, MPEG-4's skipped frames).
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

# A title in an old encoding is no reason to stop. PyAV from 19 on does not, and has no such option.
ANY_METADATA = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}

# The weights of red and blue in luma, by the stream's number for its matrix (ITU-T H.273, table 4).
LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, 625 lines
    6: (0.299, 0.114),  # BT.601, 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
    10: (0.2627, 0.0593),  # BT.2020, constant luminance, read as if it were not
}

# swscale's flags FULL_CHR_H_INT, FULL_CHR_H_INP and ACCURATE_RND, without which it trades chroma and rounding
# for speed. As numbers: PyAV has had names for them since version 17 only.
CHROMA_FILTER = int(Interpolation.BICUBIC) | 0x2000 | 0x4000 | 0x40000


class VideoReader:
    """A clip read from a file, frame by frame.

    `start` and `frames` choose a stretch, counted in frames of the file; without `frames` it goes to the end.
    `size` is the longer side in pixels that the frames are resized to, their aspect unchanged.
    Raises `InputError` where the file or the stretch cannot be used.
    """

    def __init__(self, path: str | Path, start: int = 0, frames: int | None = None, size: int | None = None):
        self.path = Path(path)
        if size is not None and size < 1:
            raise InputError(f"{self.path} cannot be resized to {size} pixels; set video.size to 1 or more")
        self._survey = _survey(self.path)
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
        """What is known of the stretch before its frames are read."""
        return self._info

    def read(self, first: int = 0) -> Iterator[Frame]:
        """Yield the frames of the stretch in order, from its frame `first` on, one in memory at a time.

        Raises `ClipBroke` after the last good frame where the file cannot be read to the end of the stretch.
        """
        # Decoding from the beginning rather than seeking: frame numbers are exact in every container, and a
        # frame takes milliseconds to decode where it takes seconds to paint.
        source_index, pts = 0, None
        reformatter = VideoReformatter()
        try:
            with open_clip(self.path) as container:
                pictures = container.decode(_picture_stream(container, self.path))
                for picture in islice(pictures, self._start + self._info.frames):
                    pts = self._time(source_index, picture.pts, pts)
                    if source_index >= self._start + first:
                        content = _to_tensor(_picture(picture, reformatter), self._info)
                        yield Frame(content, source_index - self._start, source_index, pts)
                    source_index += 1
        except av.FFmpegError as error:
            raise ClipBroke(self.path, source_index, _reason(error)) from error
        if source_index < self._start + self._info.frames and (pts is None or pts < self._survey.times[-1]):
            raise ClipBroke(self.path, source_index, f"{len(self._survey.times)} frames were expected")
        if self._to_the_end and self._survey.fault:
            raise ClipBroke(self.path, source_index, self._survey.fault)

    def _time(self, source_index: int, pts: int | None, previous: int | None) -> int:
        """Return when a frame is shown, by the file where it says so, later than the frame before it."""
        if self._survey.by_number:
            return self._survey.times[source_index]
        if pts is not None and (previous is None or pts > previous):
            return pts
        return self._survey.times[0] if previous is None else previous + self._survey.step


@dataclass(frozen=True)
class _Survey:
    """What a pass over the whole file found. Times are in units of `time_base`."""

    times: list[int]  # when each frame is shown, increasing
    end: int  # when the last one stops showing
    step: int  # the usual time from frame to frame
    by_number: bool  # the pictures do not bring their times along: the n-th is shown at the n-th of `times`
    height: int
    width: int
    time_base: Fraction
    frame_rate: Fraction
    pixel_aspect: Fraction
    has_sound: bool
    fault: str | None  # why the file is known to lack its end


class _Times(NamedTuple):
    """When a picture is shown and decoded, where known, and how long it shows, 0 where unknown."""

    pts: int | None
    dts: int | None
    duration: int


@dataclass(frozen=True)
class _Packets:
    """What the packets of the picture stream say, before any is decoded."""

    shown: list[_Times]  # of each that holds a picture
    count: int  # how many there are, those not to be shown too
    seconds: float  # when the last packet of any stream ends
    fault: str | None  # what stopped the pass before the end of the file


def _survey(path: Path) -> _Survey:
    """Go through a file once, without decoding more than its first picture where the codec allows."""
    _check_is_file(path)
    try:
        with open_clip(path) as container:
            stream = _picture_stream(container, path)
            picture = _first_picture(container, stream, path)
        with open_clip(path) as container:
            stream = _picture_stream(container, path)
            packets = _read_packets(container, stream, picture.pts)
            return _summarise(path, container, stream, picture, packets)
    except av.FFmpegError as error:
        raise InputError(
            f"{path} cannot be read as a video ({_reason(error)}): it is damaged, cut short or no video; "
            f"fetch or export it again"
        ) from error


def _summarise(
    path: Path, container: InputContainer, stream: VideoStream, picture: av.VideoFrame, packets: _Packets
) -> _Survey:
    time_base = stream.time_base or Fraction(1, 1000)
    frame_rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
    step = max(1, round(1 / (frame_rate * time_base)))
    shown = packets.shown
    if stream.codec_context.name in CODECS_WITH_SILENT_PACKETS or picture.interlaced_frame:
        # An interlaced picture may come in two packets, a field each.
        shown = _decode_times(path) or shown
    last_duration = max(shown, key=lambda times: times.pts or 0).duration
    times, by_number = _show_times(shown, step, "avi" in container.format.name)
    matrix = _display_matrix(picture)
    turned = matrix is not None and _swaps_axes(matrix)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return _Survey(
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


def _check_is_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a directory, not a video; set video.path to a file")
    if not path.exists():
        raise InputError(f"{path} does not exist; set video.path to a video")
    if not path.is_file():
        raise InputError(
            f"{path} is not a regular file, so it cannot be read twice; set video.path to a video"
        )
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; fetch or export the video again")


def open_clip(path: Path) -> InputContainer:
    """Open a file for reading its packets and frames."""
    # Absolute, so that no name can be taken for a protocol.
    return av.open(str(path.absolute()), **ANY_METADATA)  # ty: ignore[no-matching-overload]


def _picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the first video stream that is not a cover picture."""
    for stream in container.streams.video:
        if stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails):
            continue
        if stream.codec_context is None:
            raise InputError(f"{path} is in a format that no decoder here knows; convert it to H.264")
        if stream.codec_context.name in TEXT_CODECS:
            raise InputError(f"{path} is a text file, not a video; set video.path to a video")
        return stream
    held = "sound but no pictures" if container.streams.audio else "no pictures"
    raise InputError(f"{path} holds {held}; set video.path to a video")


def _first_picture(container: InputContainer, stream: VideoStream, path: Path) -> av.VideoFrame:
    for picture in container.decode(stream):
        _picture(picture, VideoReformatter())
        return picture
    raise InputError(f"{path} holds no frame that can be decoded; fetch or export it again")


def _read_packets(container: InputContainer, stream: VideoStream, first_pts: int | None) -> _Packets:
    """Go through the packets; those before the first picture that decodes are not counted as shown."""
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
            leads = packet.pts is not None and first_pts is not None and packet.pts < first_pts
            if not packet.is_discard and not leads:
                shown.append(_Times(packet.pts, packet.dts, packet.duration or 0))
    except av.FFmpegError as error:
        fault = _reason(error)
    return _Packets(shown, count, seconds, fault)


def _decode_times(path: Path) -> list[_Times] | None:
    """Return the times of the pictures by decoding them all, or None where that fails."""
    try:
        with open_clip(path) as container:
            pictures = container.decode(_picture_stream(container, path))
            return [_Times(picture.pts, picture.dts, picture.duration or 0) for picture in pictures]
    except av.FFmpegError:
        return None


def _show_times(shown: list[_Times], step: int, is_avi: bool) -> tuple[list[int], bool]:
    """Return when each picture is shown, in order, and whether a picture's number decides that."""
    given = [times.pts for times in shown if times.pts is not None]
    if len(given) == len(shown) and not is_avi:
        return _increasing(sorted(given), step), False
    # An avi only has a place for each picture; its pts are guesses, wrong where pictures are reordered.
    given = [times.dts for times in shown if times.dts is not None]
    if len(given) == len(shown):
        return _increasing(sorted(given), step), True
    return [index * step for index in range(len(shown))], True


def _increasing(times: list[int], step: int) -> list[int]:
    """Return the times with those that do not come after the one before moved behind it."""
    moved = times[:1]
    for time in times[1:]:
        moved.append(time if time > moved[-1] else moved[-1] + step)
    return moved


def _missing_end(
    container: InputContainer, stream: VideoStream, packets: _Packets, times: list[int], time_base: Fraction
) -> str | None:
    """Say that the file was cut off, where its header promises more than there is."""
    # In mp4 the header counts the samples that an edit list leaves out, too.
    if "mov" not in container.format.name and stream.frames > packets.count:
        return f"its header promises {stream.frames} frames"
    if container.duration is None:
        return None
    promised = container.duration / av.time_base
    found = packets.seconds - min(0.0, (container.start_time or 0) / av.time_base)
    # Not every container says how long a last frame shows, so a frame may seem missing where none is.
    gaps = [later - earlier for earlier, later in pairwise(times)]
    if promised - found > max(0.1, 2 * float(max(gaps, default=0) * time_base)):
        return f"its header promises {promised:.2f} s and there are {found:.2f} s"
    return None


def _stop(path: Path, count: int, start: int, frames: int | None) -> int:
    """Return where the stretch stops, in frames of the file."""
    if not 0 <= start < count:
        raise InputError(
            f"{path} has {count} frames, so no stretch can start at {start}; set video.start below it"
        )
    if frames is None:
        return count
    if frames < 1 or start + frames > count:
        raise InputError(
            f"{path} has {count} frames, so {frames} frames from frame {start} on are not to be had; "
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


def _reason(error: av.FFmpegError) -> str:
    return error.strerror or type(error).__name__


def _to_tensor(image: NDArray[np.float32], info: ClipInfo) -> torch.Tensor:
    """Return an image (H, W, 3) as a tensor (1, 3, H, W) of the size that the clip is read at."""
    import torch  # slow to load, and a file that cannot be used is to be answered at once

    height, width = image.shape[:2]
    if (height, width) != (info.height, info.width):
        shrinks = info.height <= height and info.width <= width
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        resized = cv2.resize(image, (info.width, info.height), interpolation=method)
        image = np.clip(resized, 0, 1).astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]


def _picture(picture: av.VideoFrame, reformatter: VideoReformatter) -> NDArray[np.float32]:
    """Return a decoded picture the right way up, as RGB in [0, 1] of shape (H, W, 3)."""
    image = _rgb(picture, reformatter)
    matrix = _display_matrix(picture)
    return image if matrix is None else _oriented(image, matrix)


def _display_matrix(picture: av.VideoFrame) -> NDArray[np.int32] | None:
    """Return how a picture is turned for display: x' = m00 x + m10 y, y' = m01 x + m11 y, y downwards."""
    data = picture.side_data.get(SideDataType.DISPLAYMATRIX)  # ty: ignore[no-matching-overload]
    return None if data is None else np.frombuffer(bytes(data), np.int32).reshape(3, 3)[:2, :2]


def _swaps_axes(matrix: NDArray[np.int32]) -> bool:
    return abs(int(matrix[0, 1])) > abs(int(matrix[0, 0]))


def _oriented(image: NDArray[np.float32], matrix: NDArray[np.int32]) -> NDArray[np.float32]:
    """Turn and mirror an image (H, W, 3) by the nearest quarter turn to its display matrix."""
    if _swaps_axes(matrix):
        image, from_x, from_y = image.transpose(1, 0, 2), matrix[1, 0], matrix[0, 1]
    else:
        from_x, from_y = matrix[0, 0], matrix[1, 1]
    return image[:: -1 if from_y < 0 else 1, :: -1 if from_x < 0 else 1]


def _rgb(picture: av.VideoFrame, reformatter: VideoReformatter) -> NDArray[np.float32]:
    """Return a decoded picture as RGB in [0, 1] of shape (H, W, 3), over white where it is transparent.

    swscale only unpacks the format and upsamples chroma, at the depth the file has. The colour conversion is
    done here in floats: swscale's own to 16-bit RGB maps white to less than 1 and rounds in between.
    """
    family, layout, bits = _planar_layout(picture.format)
    full = _is_full_range(picture, family)
    # The same matrix and range on both sides, so that no value is converted.
    same_range = ColorRange.JPEG if full else ColorRange.MPEG
    unpacked = reformatter.reformat(
        picture,
        format=layout,
        src_colorspace=Colorspace.ITU601,
        dst_colorspace=Colorspace.ITU601,
        src_color_range=same_range,
        dst_color_range=same_range,
        interpolation=CHROMA_FILTER,
    )
    planes = [_plane(plane, bits) for plane in unpacked.planes]
    depth = min(bits, 16)
    if family == "gbr":
        top = 1 if bits == 32 else 2**depth - 1
        image = np.stack([planes[2], planes[0], planes[1]], axis=-1) / np.float32(top)
    elif family == "gray":
        image = np.repeat(_luma(planes[0], depth, full)[..., None], 3, axis=-1)
    else:
        image = _from_yuv(planes, depth, full, _luma_weights(picture))
    if len(planes) == 4:
        alpha = planes[3][..., None] / np.float32(1 if bits == 32 else 2**depth - 1)
        image = image * alpha + (1 - alpha)
    return np.clip(image, 0, 1)


def _planar_layout(pixels: av.VideoFormat) -> tuple[str, str, int]:
    """Return family (gbr, gray or yuv), name and bits of the layout with a whole plane for each component."""
    name = pixels.name
    alpha = "a" if pixels.has_palette or any(part.is_alpha for part in pixels.components) else ""
    if "f16" in name or "f32" in name:
        return "gbr", f"gbr{alpha}pf32le", 32
    bits = max(8, *(part.bits for part in pixels.components))
    depth = f"{bits}le" if bits > 8 else ""
    if pixels.is_rgb or pixels.has_palette or name.startswith(("xyz", "ya")):
        return "gbr", f"gbr{alpha}p{depth}", bits
    if len(pixels.components) == 1:
        return "gray", f"gray{depth}", bits
    # A name with a j says full range; PyAV 16 would convert the values to go from it to one without.
    return "yuv", "yuvj444p" if name.startswith("yuvj") else f"yuv{alpha}444p{depth}", bits


def _plane(plane: VideoPlane, bits: int) -> NDArray[np.float32]:
    """Return the values of a plane, of shape (H, W), as the file has them."""
    kind = np.dtype({8: "u1", 32: "<f4"}.get(bits, "<u2"))
    lines = np.frombuffer(memoryview(plane), kind).reshape(plane.height, plane.line_size // kind.itemsize)
    return lines[:, : plane.width].astype(np.float32)


def _is_full_range(picture: av.VideoFrame, family: str) -> bool:
    """Say whether black and white are the ends of the range; grey without a word on it has it so."""
    if picture.format.name.startswith("yuvj") or picture.color_range == ColorRange.JPEG:
        return True
    return family == "gray" and picture.color_range != ColorRange.MPEG


def _luma_weights(picture: av.VideoFrame) -> tuple[float, float]:
    """Return the weights of red and blue in luma, by size where the stream does not say."""
    by_size = LUMA_WEIGHTS[1] if picture.height >= 720 else LUMA_WEIGHTS[6]
    return LUMA_WEIGHTS.get(int(picture.colorspace), by_size)


def _luma(values: NDArray[np.float32], bits: int, full: bool) -> NDArray[np.float32]:
    """Return luma in [0, 1] for values as coded."""
    if full:
        return (values / (2**bits - 1)).astype(np.float32, copy=False)
    unit = 2 ** (bits - 8)
    return (values - 16 * unit) / np.float32(219 * unit)


def _chroma(values: NDArray[np.float32], bits: int, full: bool) -> NDArray[np.float32]:
    """Return a colour difference in [-0.5, 0.5] for values as coded."""
    unit = 2 ** (bits - 8)
    return (values - 128 * unit) / np.float32(2**bits - 1 if full else 224 * unit)


def _from_yuv(
    planes: list[NDArray[np.float32]], bits: int, full: bool, weights: tuple[float, float]
) -> NDArray[np.float32]:
    """Return RGB of shape (H, W, 3) for planes of luma and colour difference (ITU-T H.273, section 8.3)."""
    of_red, of_blue = (np.float32(weight) for weight in weights)
    luma = _luma(planes[0], bits, full)
    red = luma + 2 * (1 - of_red) * _chroma(planes[2], bits, full)
    blue = luma + 2 * (1 - of_blue) * _chroma(planes[1], bits, full)
    green = (luma - of_red * red - of_blue * blue) / (1 - of_red - of_blue)
    return np.stack([red, green, blue], axis=-1).astype(np.float32, copy=False)
