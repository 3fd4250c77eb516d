from __future__ import annotations

import shutil
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.video.conftest import make_clip, noise
from vst.errors import ClipBroke, InputError
from vst.frames import Frame
from vst.video.reader import VideoReader

CLIPS = {  # frames, height, width, and whether there is sound
    "a_carphone_closeup.mp4": (120, 144, 176, False),
    "b_dwanko_run_flash.mp4": (84, 360, 640, False),
    "b_pigs_cartoon.gif": (30, 273, 314, False),
    "c_sintel_trailer.mp4": (1252, 204, 480, True),
    "c_sintel_mountain_fast.mp4": (50, 436, 1024, False),
    "c_bikes_cuts.mp4": (250, 272, 640, False),
    "odd/d_vfr_pool.mp4": (32, 256, 340, False),
    "odd/d_rotation_90.mov": (3, 568, 320, False),
    "odd/d_h264_10bit.mp4": (30, 200, 200, False),
    "odd/d_nasa_multistream.mp4": (325, 180, 320, True),
    "odd/d_no_duration_vp9.webm": (74, 720, 1280, True),
    "odd/d_failing_audio.mp4": (280, 360, 640, True),
    "odd/d_1x1.mp4": (5, 1, 1, False),
    "odd/d_gif_1frame_30x24.gif": (1, 24, 30, False),
    "odd/d_gif_vfr_cradle.gif": (36, 150, 200, False),
    "odd/d_gray_raw_1frame.avi": (1, 144, 176, False),
}


LOSSLESS = {"libx264rgb": {"crf": "0"}}


def image_of(frame: Frame) -> NDArray[np.float32]:
    return frame.content[0].permute(1, 2, 0).numpy()


def bytes_of(frame: Frame) -> NDArray[np.uint8]:
    return np.rint(image_of(frame) * 255).astype(np.uint8)


@pytest.mark.parametrize("name", CLIPS)
def test_every_real_clip_is_read_to_its_end(shared: Path, name: str) -> None:
    frames, height, width, sound = CLIPS[name]
    path = shared / "clips" / name
    reader = VideoReader(path)
    info = reader.info
    assert (info.frames, info.height, info.width) == (frames, height, width)
    assert info.sound == (path if sound else None)
    times = []
    for index, frame in enumerate(reader.read()):
        assert (frame.index, frame.source_index) == (index, index)
        assert frame.content.shape == (1, 3, height, width)
        assert frame.content.dtype == torch.float32
        times.append(frame.pts)
    assert len(times) == frames
    assert all(earlier < later for earlier, later in zip(times, [*times[1:], info.end_pts], strict=True))
    assert times[0] == info.start_pts


def test_a_clip_that_breaks_gives_its_good_frames_first(shared: Path) -> None:
    good = []
    with pytest.raises(ClipBroke, match="d_corrupted") as broke:
        good.extend(frame.source_index for frame in VideoReader(shared / "clips/odd/d_corrupted.mp4").read())
    assert good == list(range(28))
    assert broke.value.source_frame == 28
    assert len(list(VideoReader(shared / "clips/odd/d_corrupted.mp4", frames=28).read())) == 28


def test_a_clip_that_cannot_be_opened(shared: Path) -> None:
    with pytest.raises(InputError, match="d_truncated_60pct"):
        VideoReader(shared / "clips/odd/d_truncated_60pct.mp4")


def test_a_phone_clip_stands_upright(shared: Path) -> None:
    # The space bar, without a letter on it, is at the bottom left; the keys U and I are above it.
    frame = next(VideoReader(shared / "clips/odd/d_rotation_90.mov").read())
    space_bar, letters = frame.content[..., 470:530, 20:120], frame.content[..., 140:200, 20:120]
    assert space_bar.std() < 0.5 * letters.std()


@pytest.mark.parametrize(
    ("codec", "pixels", "given", "suffix"),
    [
        ("ffv1", "bgr0", "rgb24", "mkv"),
        ("ffv1", "bgr0", "rgb24", "avi"),
        ("libx264rgb", "rgb24", "rgb24", "mp4"),
        ("png", "rgb24", "rgb24", "mov"),
        ("rawvideo", "bgr24", "rgb24", "avi"),
    ],
)
def test_lossless_clips_are_read_bit_for_bit(
    tmp_path: Path, codec: str, pixels: str, given: str, suffix: str
) -> None:
    images = noise(9, 35, 53)
    path = make_clip(tmp_path / f"clip.{suffix}", images, codec, pixels, given, options=LOSSLESS.get(codec))
    frames = list(VideoReader(path).read())
    assert len(frames) == len(images)
    for frame, image in zip(frames, images, strict=True):
        assert np.array_equal(image_of(frame), image.astype(np.float32) / 255)
        assert frame.content.is_contiguous()


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        ("mp4", "libx264"),
        ("mkv", "libx264"),
        ("avi", "libx264"),
        ("mov", "mpeg4"),
        ("avi", "mpeg4"),
        ("ts", "libx264"),
        ("mpg", "mpeg2video"),
        ("flv", "libx264"),
        ("webm", "libvpx"),
        ("webm", "libvpx-vp9"),
        ("h264", "libx264"),
    ],
)
def test_healthy_clips_of_every_container(tmp_path: Path, suffix: str, codec: str) -> None:
    hidden = {"auto-alt-ref": "1", "lag-in-frames": "16", "b": "100k"} if codec == "libvpx" else None
    path = make_clip(tmp_path / f"clip.{suffix}", noise(60), codec, options=hidden)
    reader = VideoReader(path)
    frames = list(reader.read())
    assert reader.info.frames == len(frames) == 60
    assert reader.info.frame_rate == 25
    seconds = [(frame.pts - reader.info.start_pts) * reader.info.time_base for frame in frames]
    if suffix == "mpg":  # whose muxer leaves a gap of its own where the noise is too much for the stream
        assert seconds == sorted(seconds)
        return
    assert seconds == [Fraction(number, 25) for number in range(60)]
    assert (reader.info.end_pts - reader.info.start_pts) * reader.info.time_base == Fraction(60, 25)


def test_an_mpeg4_clip_with_skipped_frames(tmp_path: Path) -> None:
    still = noise(1)
    path = make_clip(
        tmp_path / "clip.avi", noise(3) + still * 3 + noise(3), "mpeg4", options={"mpv_flags": "+skip_rd"}
    )
    reader = VideoReader(path)
    assert reader.info.frames == len(list(reader.read()))


def test_variable_frame_rate_is_kept(tmp_path: Path) -> None:
    times = [0, 40, 47, 100, 101, 250, 300]
    path = make_clip(
        tmp_path / "clip.mkv", noise(7), "ffv1", "bgr0", times=times, time_base=Fraction(1, 1000)
    )
    reader = VideoReader(path)
    assert reader.info.time_base == Fraction(1, 1000)
    assert [frame.pts for frame in reader.read()] == times


CORNERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], dtype=np.uint8)


def corner_clip(path: Path) -> Path:
    image = CORNERS.repeat(16, axis=0).repeat(24, axis=1)  # 32 high, 48 wide: red, green / blue, white
    return make_clip(
        path,
        [image] * 2,
        pixels="yuv444p",
        prepare=lambda s: setattr(s, "sample_aspect_ratio", Fraction(4, 3)),
    )


def turn(source: Path, target: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write the 2 x 2 part (a, b, c, d) of the display matrix into the track header of an mp4."""
    data = bytearray(source.read_bytes())
    header = data.index(b"tkhd")
    # Version 0: flags 4, times 8, track 4, reserved 4, duration 4, reserved 8, layer to volume 8.
    at = header + 4 + 40
    for place, value in zip((0, 4, 12, 16), matrix, strict=True):
        data[at + place : at + place + 4] = (value * 65536).to_bytes(4, "big", signed=True)
    target.write_bytes(data)
    return target


@pytest.mark.parametrize(
    ("matrix", "expected", "swapped"),
    [
        ((1, 0, 0, 1), CORNERS, False),
        ((0, 1, -1, 0), np.rot90(CORNERS, -1), True),  # a quarter turn clockwise
        ((-1, 0, 0, -1), np.rot90(CORNERS, 2), False),
        ((0, -1, 1, 0), np.rot90(CORNERS, 1), True),
        ((-1, 0, 0, 1), CORNERS[:, ::-1], False),
    ],
)
def test_display_matrix_is_applied(
    tmp_path: Path, matrix: tuple[int, int, int, int], expected: NDArray[np.uint8], swapped: bool
) -> None:
    path = turn(corner_clip(tmp_path / "upright.mp4"), tmp_path / "clip.mp4", matrix)
    reader = VideoReader(path)
    assert (reader.info.height, reader.info.width) == ((48, 32) if swapped else (32, 48))
    assert reader.info.pixel_aspect == (Fraction(3, 4) if swapped else Fraction(4, 3))
    image = image_of(next(reader.read()))
    corners = image[np.ix_([4, -5], [4, -5])]
    assert np.abs(corners - expected / 255).max() < 0.06


def hand_converted(
    yuv: tuple[float, float, float], red: float, blue: float, full: bool, bits: int = 8
) -> NDArray[np.float64]:
    """Return RGB for one colour as coded, by the inverse of the matrix that defines Y, Cb and Cr."""
    unit = 2 ** (bits - 8)
    top = 2**bits - 1
    low, luma, chroma = (0, top, top) if full else (16 * unit, 219 * unit, 224 * unit)
    weights = np.array([red, 1 - red - blue, blue])
    to_yuv = np.stack(
        [
            weights,
            (np.array([0, 0, 1]) - weights) / (2 - 2 * blue),
            (np.array([1, 0, 0]) - weights) / (2 - 2 * red),
        ]
    )
    coded = np.array([(yuv[0] - low) / luma, (yuv[1] - 128 * unit) / chroma, (yuv[2] - 128 * unit) / chroma])
    return np.clip(np.linalg.solve(to_yuv, coded), 0, 1)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("matrix", "height", "red", "blue"),
    [
        (1, 48, 0.2126, 0.0722),
        (5, 48, 0.299, 0.114),
        (6, 720, 0.299, 0.114),
        (9, 48, 0.2627, 0.0593),
        (2, 718, 0.299, 0.114),
        (2, 720, 0.2126, 0.0722),
    ],
)
def test_colours_are_converted_as_the_stream_says(
    tmp_path: Path, matrix: int, height: int, red: float, blue: float, full: bool
) -> None:
    yuv = (120, 90, 160)
    luma, *chroma = (np.full(height * 64 // part, value) for part, value in zip((1, 4, 4), yuv, strict=True))
    coded = np.concatenate([luma, *chroma]).astype(np.uint8).reshape(height * 3 // 2, 64)

    def tag(stream: av.VideoStream) -> None:
        stream.height, stream.width = height, 64
        stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = 2 if full else 1

    path = make_clip(tmp_path / "clip.mkv", [coded], given="yuv420p", prepare=tag, options={"qp": "0"})
    pixel = image_of(next(VideoReader(path).read()))
    assert np.ptp(pixel, axis=(0, 1)).max() == 0
    assert np.abs(pixel[0, 0] - hand_converted(yuv, red, blue, full)).max() < 1e-6


def test_ten_bits_keep_their_precision(tmp_path: Path) -> None:
    # A ramp of luma by single steps of 10 bits, grey: four of them would fall together in 8 bits.
    ramp = np.arange(64, 940, dtype=np.uint16)[None].repeat(16, axis=0)
    grey = np.full_like(ramp, 512)
    frame = np.stack([ramp, grey, grey])
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 16, ramp.shape[1], "yuv444p10le"
        picture = av.VideoFrame(ramp.shape[1], 16, "yuv444p10le")
        for plane, values in zip(picture.planes, frame, strict=True):
            lines = np.zeros((16, plane.line_size // 2), np.uint16)
            lines[:, : ramp.shape[1]] = values
            plane.update(lines.tobytes())
        output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    image = image_of(next(VideoReader(path).read()))
    expected = (ramp[0].astype(float) - 64) / 876
    assert np.abs(image[0] - expected[:, None]).max() < 1e-6
    assert len(np.unique(image[0, :, 0])) == ramp.shape[1]


def test_sixteen_bit_colours_keep_their_precision(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 65536, (8, 16, 3), dtype=np.uint16)
    path = make_clip(tmp_path / "clip.mov", [image], "png", "rgb48be", "rgb48le")
    assert np.array_equal(image_of(next(VideoReader(path).read())), image.astype(np.float32) / 65535)


@pytest.mark.parametrize(("tag", "low", "high"), [(0, 0, 255), (1, 16, 235), (2, 0, 255)])
def test_grey(tmp_path: Path, tag: int, low: int, high: int) -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)

    def prepare(stream: av.VideoStream) -> None:
        stream.codec_context.color_range = tag

    path = make_clip(tmp_path / "clip.mkv", [image], "ffv1", "gray", "gray", prepare=prepare)
    read = image_of(next(VideoReader(path).read()))
    expected = np.clip((image.astype(float) - low) / (high - low), 0, 1)
    assert np.abs(read - expected[..., None]).max() < 1e-6


def test_transparent_gif_lies_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (20, 10), (0, 0, 0, 0))
    image.paste((200, 30, 60, 255), (10, 0, 20, 10))
    path = tmp_path / "clip.gif"
    image.save(path)
    reader = VideoReader(path)
    assert reader.info.frames == 1
    frame = bytes_of(next(reader.read()))
    assert (frame[:, :10] == 255).all()
    assert (frame[:, 10:] == (200, 30, 60)).all()


def test_half_transparent_pictures_mix_with_white(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    Image.new("RGBA", (6, 4), (255, 0, 0, 51)).save(path)
    pixel = image_of(next(VideoReader(path).read()))[0, 0]
    assert np.allclose(pixel, (1, 0.8, 0.8), atol=1e-6)


def test_gif_times(shared: Path) -> None:
    reader = VideoReader(shared / "clips/odd/d_gif_vfr_cradle.gif", start=1, frames=2)
    assert [frame.pts for frame in reader.read()] == [5, 7]
    assert (reader.info.start_pts, reader.info.end_pts, reader.info.time_base) == (5, 9, Fraction(1, 100))


def test_stretches(tmp_path: Path) -> None:
    images = noise(12)
    path = make_clip(tmp_path / "clip.mkv", images, "ffv1", "bgr0")
    reader = VideoReader(path, start=4, frames=5)
    assert reader.info.frames == 5
    assert (reader.info.start_pts, reader.info.end_pts) == (160, 360)
    frames = list(reader.read(first=2))
    assert [(frame.index, frame.source_index, frame.pts) for frame in frames] == [
        (2, 6, 240),
        (3, 7, 280),
        (4, 8, 320),
    ]
    assert np.array_equal(bytes_of(frames[0]), images[6])
    assert [frame.index for frame in reader.read()] == [0, 1, 2, 3, 4]
    assert VideoReader(path, start=11).info.frames == 1
    assert list(reader.read(first=5)) == []


@pytest.mark.parametrize(
    ("start", "frames"), [(12, None), (13, 1), (-1, None), (0, 0), (0, -3), (0, 13), (11, 2)]
)
def test_stretches_outside_the_clip(tmp_path: Path, start: int, frames: int | None) -> None:
    path = make_clip(tmp_path / "clip.mkv", noise(12), "ffv1", "bgr0")
    with pytest.raises(InputError, match="12 frames"):
        VideoReader(path, start, frames)


def test_downscaling_averages_areas(tmp_path: Path) -> None:
    images = noise(1, 40, 60)
    path = make_clip(tmp_path / "clip.mkv", images, "ffv1", "bgr0")
    frame = next(VideoReader(path, size=15).read())
    expected = images[0].astype(float).reshape(10, 4, 15, 4, 3).mean(axis=(1, 3)) / 255
    assert np.abs(image_of(frame) - expected).max() < 1e-6


@pytest.mark.parametrize(
    ("size", "expected"),
    [(None, (5, 70)), (700, (50, 700)), (35, (3, 35)), (20, (1, 20)), (3, (1, 3)), (1, (1, 1))],
)
def test_size_is_the_longer_side(tmp_path: Path, size: int | None, expected: tuple[int, int]) -> None:
    path = make_clip(tmp_path / "clip.mkv", noise(1, 5, 70), "ffv1", "bgr0")
    reader = VideoReader(path, size=size)
    frame = next(reader.read())
    assert (reader.info.height, reader.info.width) == frame.content.shape[2:] == expected
    assert frame.content.min() >= 0
    assert frame.content.max() <= 1


def test_size_of_no_pixels(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"video\.size"):
        VideoReader(make_clip(tmp_path / "clip.mkv", noise(1)), size=0)


@pytest.mark.parametrize(
    ("suffix", "codec"), [("mkv", "libx264"), ("webm", "libvpx"), ("avi", "mpeg4"), ("flv", "libx264")]
)
def test_a_clip_that_just_ends_is_noticed(tmp_path: Path, suffix: str, codec: str) -> None:
    whole = make_clip(tmp_path / f"whole.{suffix}", noise(60), codec).read_bytes()
    path = tmp_path / f"clip.{suffix}"
    path.write_bytes(whole[: int(len(whole) * 0.6)])
    reader = VideoReader(path)
    good = []
    with pytest.raises(ClipBroke, match=r"its header promises|frames were expected|Invalid data") as broke:
        good.extend(frame.source_index for frame in reader.read())
    assert 20 < len(good) < 45
    assert good == list(range(len(good)))
    assert broke.value.source_frame == len(good)
    assert len(list(VideoReader(path, frames=10).read())) == 10


def test_a_truncated_mp4_whose_header_comes_first(tmp_path: Path) -> None:
    whole = make_clip(
        tmp_path / "whole.mp4", noise(60), container_options={"movflags": "+faststart"}
    ).read_bytes()
    path = tmp_path / "clip.mp4"
    path.write_bytes(whole[: int(len(whole) * 0.6)])
    good = []
    with pytest.raises(ClipBroke) as broke:
        good.extend(frame.source_index for frame in VideoReader(path).read())
    assert 20 < len(good) < 45
    assert broke.value.source_frame == len(good)


def test_a_clip_with_sound_that_outlasts_it_is_whole(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", noise(10), sound="aac")
    reader = VideoReader(path)
    assert reader.info.sound == path
    assert len(list(reader.read())) == 10


def test_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "words.mp4").write_text("not a video\n" * 100)
    (tmp_path / "words.txt").write_text("not a video\n" * 100)
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    whole = make_clip(tmp_path / "whole.mp4", noise(10)).read_bytes()
    (tmp_path / "truncated.mp4").write_bytes(whole[: len(whole) // 2])
    for name in ("missing.mp4", "empty.mp4", "words.mp4", "words.txt", "noise.mp4", "truncated.mp4"):
        with pytest.raises(InputError, match=name):
            VideoReader(tmp_path / name)
    with pytest.raises(InputError, match="directory"):
        VideoReader(tmp_path)


def test_a_clip_damaged_from_its_first_frame(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mov", noise(4), "png", "rgb24")
    data = path.read_bytes().replace(b"\x89PNG", b"junk")
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"clip\.mov"):
        VideoReader(path)


def test_sound_alone(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", noise(10), sound="aac")
    alone = tmp_path / "sound.m4a"
    with av.open(str(path)) as source, av.open(str(alone), "w", format="mp4") as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    with pytest.raises(InputError, match="sound but no pictures"):
        VideoReader(alone)


def test_a_still_is_a_clip_of_one_frame(tmp_path: Path) -> None:
    image = noise(1)[0]
    Image.fromarray(image).save(tmp_path / "still.png")
    reader = VideoReader(tmp_path / "still.png")
    assert reader.info.frames == 1
    assert [bytes_of(frame).tolist() for frame in reader.read()] == [image.tolist()]


def test_names_that_look_like_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "clip.mkv", noise(2))
    monkeypatch.chdir(tmp_path)
    shutil.copy(path, "concat:ü %03d.mkv")
    assert VideoReader("concat:ü %03d.mkv").info.frames == 2


def test_a_title_in_an_old_encoding(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.avi", noise(2), "mpeg4", title="Gruesse")
    path.write_bytes(path.read_bytes().replace(b"Gruesse", b"Gr\xfc\xdfe.."))
    assert len(list(VideoReader(path).read())) == 2


def peak_of_reading(path: Path, frames: int) -> int:
    reader = VideoReader(path, frames=frames)
    tracemalloc.start()
    for _ in reader.read():
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "clip.mkv", noise(20, 90, 120) * 20, "mpeg4")
    few, many = peak_of_reading(path, 20), peak_of_reading(path, 400)
    assert many < few + 90 * 120 * 3 * 4
