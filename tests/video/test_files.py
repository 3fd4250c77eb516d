"""What people's files are like: side data, empty packets, times that jump, HDR, fields."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from tests.video.conftest import make_clip, noise
from vst.errors import ClipBroke, InputError
from vst.video import container
from vst.video.reader import VideoReader
from vst.video.store import to_uint8


def seconds(reader: VideoReader) -> list[Fraction]:
    """When each frame is shown, and when the last one ends, from the first on."""
    info = reader.info
    times = [frame.pts for frame in reader.read()]
    return [(time - info.start_pts) * info.time_base for time in (*times, info.end_pts)]


def evenly(count: int, rate: int = 25) -> list[Fraction]:
    return [Fraction(number, rate) for number in range(count + 1)]


# Side data


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
@pytest.mark.parametrize(
    ("orientation", "undo"),
    [
        (1, None),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
        (3, Image.Transpose.ROTATE_180),
        (6, Image.Transpose.ROTATE_90),
        (8, Image.Transpose.ROTATE_270),
    ],
)
def test_a_still_with_exif_stands_upright(
    tmp_path: Path, suffix: str, orientation: int, undo: Image.Transpose | None
) -> None:
    upright = Image.new("RGB", (64, 48), (250, 250, 250))
    upright.paste((20, 30, 200), (0, 0, 32, 24))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "a camera"
    stored = upright if undo is None else upright.transpose(undo)
    stored.save(tmp_path / f"photo.{suffix}", exif=exif, quality=95)
    reader = VideoReader(tmp_path / f"photo.{suffix}")
    assert (reader.info.frames, reader.info.width, reader.info.height) == (1, 64, 48)
    image = to_uint8(next(reader.read()).content).astype(int)
    assert np.abs(image[4:20, 4:28] - [20, 30, 200]).mean() < 10
    assert image[28:, 36:].min() > 230


# Packets


def test_dropped_frames_of_an_avi_show_the_frame_before_again(tmp_path: Path) -> None:
    # its muxer writes an empty chunk for each number that is left out, and counts it as a frame
    path = make_clip(tmp_path / "clip.avi", noise(5), "mjpeg", "yuvj420p", times=[0, 1, 3, 4, 7])
    assert seconds(VideoReader(path)) == [Fraction(time, 25) for time in (0, 1, 3, 4, 7, 8)]


def emptied(source: Path, target: Path, numbers: set[int]) -> Path:
    """Copy a clip with the packets of some frames made empty."""
    with av.open(str(source)) as clip, av.open(str(target), "w") as output:
        stream = output.add_stream_from_template(clip.streams.video[0])
        for number, packet in enumerate(clip.demux(video=0)):
            if packet.dts is None:
                continue
            copy = av.Packet(b"" if number in numbers else bytes(packet))
            copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
            copy.time_base, copy.is_keyframe, copy.stream = packet.time_base, packet.is_keyframe, stream
            output.mux(copy)
    return target


def test_empty_packets_show_the_frame_before_again(tmp_path: Path) -> None:
    images = noise(6)
    path = emptied(make_clip(tmp_path / "a.nut", images, "png", "rgb24"), tmp_path / "b.nut", {2, 3, 5})
    reader = VideoReader(path)
    assert seconds(reader) == [Fraction(time, 25) for time in (0, 1, 4, 6)]
    for frame, index in zip(reader.read(), (0, 1, 4), strict=True):
        assert np.array_equal(to_uint8(frame.content), images[index])


# Times


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 1000), (1000, 0)])
def test_recordings_one_behind_the_other_play_on(tmp_path: Path, first: int, second: int) -> None:
    parts = [
        make_clip(
            tmp_path / f"{number}.ts",
            noise(25),
            sound="aac",
            container_options={"output_ts_offset": str(offset)},
        )
        for number, offset in enumerate((first, second))
    ]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert seconds(VideoReader(path)) == pytest.approx([float(time) for time in evenly(50)], abs=0.001)


def test_frames_with_the_time_of_the_one_before_do_not_move_the_later_ones(tmp_path: Path) -> None:
    times = [0, 40, 40, 80, 120, 120, 160, 200]
    path = make_clip(
        tmp_path / "clip.mkv", noise(8), "ffv1", "bgr0", times=times, time_base=Fraction(1, 1000)
    )
    shown = [round(1000 * time) for time in seconds(VideoReader(path))]
    assert shown == [0, 40, 60, 80, 120, 140, 160, 200, 240]


# Streams


def test_a_still_beside_the_clip_is_not_the_clip(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as output:
        streams = [output.add_stream("libx264", rate=25) for _ in range(2)]
        for stream in streams:
            stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for stream, count in zip(streams, (1, 5), strict=True):
            for image in noise(count):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            output.mux(stream.encode(None))
    assert len(list(VideoReader(path).read())) == 5


def test_pictures_that_are_too_large_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_clip(tmp_path / "clip.mkv", noise(2, 100, 200))
    monkeypatch.setattr(container, "LARGEST_PICTURE", 100 * 200 - 1)
    with pytest.raises(
        InputError, match=r"clip\.mkv has pictures of 200x100 pixels, more than the .* read; scale"
    ):
        VideoReader(path)


def test_pictures_that_grow_too_large_break_the_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = (
        make_clip(tmp_path / f"{side}.h264", noise(3, side, side)).read_bytes() for side in (64, 512)
    )
    (tmp_path / "grows.h264").write_bytes(small + large)
    assert len(list(VideoReader(tmp_path / "grows.h264").read())) == 6
    monkeypatch.setattr(container, "LARGEST_PICTURE", 256 * 256)
    with pytest.raises(ClipBroke):
        list(VideoReader(tmp_path / "grows.h264").read())


# Light and fields


@pytest.mark.parametrize(("transfer", "code"), [(18, 0.75), (16, 0.58)])
def test_hdr_is_shown_as_on_a_screen(tmp_path: Path, transfer: int, code: float) -> None:
    """A white page, with its code in HLG and PQ (BT.2408), is nearly as bright as a screen can be."""

    def tag(stream: VideoStream) -> None:
        codec = stream.codec_context
        codec.color_trc, codec.color_primaries, codec.colorspace, codec.color_range = transfer, 9, 9, 1

    image = np.full((48, 64, 3), round(code * 65535), np.uint16)
    path = make_clip(tmp_path / "clip.mkv", [image], "ffv1", "yuv444p10le", "rgb48le", prepare=tag)
    assert np.abs(next(VideoReader(path).read()).content.numpy() - 0.955).max() < 0.02


def interlaced(count: int, height: int = 64, width: int = 96) -> list[NDArray[np.uint8]]:
    """A white bar on black that moves 4 pixels from field to field; the upper field comes first."""
    images = []
    for number in range(count):
        image = np.zeros((height, width, 3), np.uint8)
        for field in range(2):
            left = 8 + 4 * (2 * number + field)
            image[field::2, left : left + 16] = 255
        images.append(image)
    return images


def comb(image: NDArray[np.uint8]) -> float:
    """How much each line differs from those above and below it."""
    lines = image.astype(float)
    return float(np.abs(lines[1:-1] - (lines[:-2] + lines[2:]) / 2).mean())


def test_fields_are_made_whole_frames(tmp_path: Path) -> None:
    images = interlaced(6)

    def fields(stream: VideoStream) -> None:
        stream.codec_context.options = {"flags": "+ildct+ilme", "x264-params": "tff=1", "crf": "8"}

    path = make_clip(tmp_path / "clip.mp4", images, prepare=fields)
    reader = VideoReader(path)
    assert seconds(reader) == evenly(6)
    for frame, image in zip(reader.read(), images, strict=True):
        assert comb(to_uint8(frame.content)) < 0.4 * comb(image)


def test_what_is_not_interlaced_is_not_touched(tmp_path: Path) -> None:
    images = interlaced(4)
    frames = VideoReader(make_clip(tmp_path / "clip.mkv", images, "ffv1", "bgr0")).read()
    for frame, image in zip(frames, images, strict=True):
        assert np.array_equal(to_uint8(frame.content), image)
