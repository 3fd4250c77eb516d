from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from numpy.typing import NDArray

from tests.video.conftest import RATE, make_clip, noise
from vst.video import sound, writer
from vst.video.reader import VideoReader
from vst.video.store import to_uint8
from vst.video.writer import Written, write_video


def repaint(reader: VideoReader, path: Path, count: int | None = None) -> Written:
    frames = ((to_uint8(frame.content), frame.pts) for frame in reader.read())
    return write_video(path, islice(frames, count), reader.info)


def smooth(count: int, height: int = 48, width: int = 64) -> list[NDArray[np.uint8]]:
    """Return images (H, W, 3) of slow gradients, which H.264 keeps nearly as they are."""
    down, right = np.meshgrid(np.linspace(40, 200, height), np.linspace(30, 220, width), indexing="ij")
    return [
        np.stack([down, right, (down + right) / 2 + number], axis=-1).astype(np.uint8)
        for number in range(count)
    ]


def sound_packets(path: Path) -> list[tuple[float, bytes]]:
    """Return the start in seconds and the content of every packet of sound."""
    with av.open(str(path)) as container:
        return [
            (float(packet.pts * packet.time_base), bytes(packet))
            for packet in container.demux(audio=0)
            if packet.pts is not None
        ]


def seconds_of_sound(path: Path) -> float:
    with av.open(str(path)) as container:
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


def only(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_frames_come_back(tmp_path: Path) -> None:
    images = smooth(10)
    source = VideoReader(make_clip(tmp_path / "clip.mkv", images, "ffv1", "bgr0"))
    assert repaint(source, tmp_path / "painted.mp4") == Written(10, "none")
    frames = list(VideoReader(tmp_path / "painted.mp4").read())
    assert len(frames) == 10
    for frame, image in zip(frames, images, strict=True):
        assert np.abs(to_uint8(frame.content).astype(int) - image).mean() < 1.5


@pytest.mark.parametrize(
    "name",
    [
        "a_carphone_closeup.mp4",
        "b_pigs_cartoon.gif",
        "odd/d_vfr_pool.mp4",
        "odd/d_gif_vfr_cradle.gif",
        "odd/d_rotation_90.mov",
        "odd/d_1x1.mp4",
        "odd/d_gray_raw_1frame.avi",
        "odd/d_failing_audio.mp4",
        "odd/d_nasa_multistream.mp4",
    ],
)
def test_real_clips_keep_count_timing_and_aspect(shared: Path, tmp_path: Path, name: str) -> None:
    whole = VideoReader(shared / "clips" / name)
    start = min(3, whole.info.frames - 1)
    source = VideoReader(shared / "clips" / name, start, min(20, whole.info.frames - start), size=128)
    written = repaint(source, tmp_path / "painted.mp4")
    assert written == Written(source.info.frames, "copied" if source.info.sound else "none")
    painted = VideoReader(tmp_path / "painted.mp4")
    info, original = painted.info, source.info
    assert info.time_base == Fraction(1, original.time_base.denominator)
    assert info.frames == original.frames
    scale = original.time_base / info.time_base
    expected = [(frame.pts - original.start_pts) * scale for frame in source.read()]
    assert [frame.pts for frame in painted.read()] == expected
    assert info.end_pts == (original.end_pts - original.start_pts) * scale
    assert info.pixel_aspect == original.pixel_aspect
    assert only(tmp_path) == ["painted.mp4"]


def test_variable_frame_rate_and_the_last_duration_are_kept(tmp_path: Path) -> None:
    images = smooth(6)
    clip = VideoReader(make_clip(tmp_path / "clip.mkv", images, "ffv1", "bgr0"))
    times = [7, 10, 40, 41, 90, 500]
    info = replace(clip.info, frames=6, time_base=Fraction(1, 600), start_pts=7, end_pts=1100)
    write_video(tmp_path / "painted.mp4", zip(images, times, strict=True), info)
    painted = VideoReader(tmp_path / "painted.mp4")
    assert [frame.pts for frame in painted.read()] == [time - 7 for time in times]
    assert (painted.info.time_base, painted.info.end_pts) == (Fraction(1, 600), 1093)


@pytest.mark.parametrize(("denominator", "hours"), [(90_000, 8), (1_000_000_000, 1)])
def test_a_frame_that_is_shown_for_hours(tmp_path: Path, denominator: int, hours: int) -> None:
    images = smooth(3)
    clip = VideoReader(make_clip(tmp_path / "clip.mkv", images, "ffv1", "bgr0"))
    hour = 3600 * denominator
    info = replace(
        clip.info, time_base=Fraction(1, denominator), start_pts=0, end_pts=hours * hour + denominator
    )
    times = [0, denominator // 25, hours * hour]
    write_video(tmp_path / "painted.mp4", zip(images, times, strict=True), info)
    painted = VideoReader(tmp_path / "painted.mp4")
    seconds = [float(frame.pts * painted.info.time_base) for frame in painted.read()]
    assert seconds == pytest.approx([0, 0.04, 3600 * hours], abs=1e-4)


def test_a_time_base_of_more_than_one_unit(tmp_path: Path) -> None:
    images = smooth(4)
    clip = VideoReader(make_clip(tmp_path / "clip.mkv", images, "ffv1", "bgr0"))
    info = replace(
        clip.info, time_base=Fraction(1001, 24000), frame_rate=Fraction(24000, 1001), start_pts=0, end_pts=4
    )
    write_video(tmp_path / "painted.mp4", zip(images, range(4), strict=True), info)
    painted = VideoReader(tmp_path / "painted.mp4")
    times = [frame.pts * painted.info.time_base for frame in painted.read()]
    assert times == [number * Fraction(1001, 24000) for number in range(4)]


@pytest.mark.parametrize("height", [48, 720])
def test_colours_are_tagged_and_converted_alike(tmp_path: Path, height: int) -> None:
    # A saturated orange, which the two matrices code 8 to 17 steps apart.
    image = np.full((height, 64, 3), (230, 110, 20), dtype=np.uint8)
    clip = VideoReader(make_clip(tmp_path / "clip.mkv", [image], "ffv1", "bgr0"))
    repaint(clip, tmp_path / "painted.mp4")
    with av.open(str(tmp_path / "painted.mp4")) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.colorspace, codec.color_range) == ((1, 1) if height == 720 else (6, 1))
        assert (codec.color_primaries, codec.color_trc) == (1, 1)
        assert codec.pix_fmt == "yuv420p"
        luma = np.frombuffer(memoryview(next(container.decode(video=0)).planes[0]), np.uint8)[0]
    red, blue = (0.2126, 0.0722) if height == 720 else (0.299, 0.114)
    expected = 16 + 219 * (red * 230 + (1 - red - blue) * 110 + blue * 20) / 255
    assert abs(float(luma) - expected) <= 1
    painted = next(VideoReader(tmp_path / "painted.mp4").read())
    assert np.abs(to_uint8(painted.content)[5, 5].astype(int) - image[0, 0]).max() <= 3


@pytest.mark.parametrize(("height", "width"), [(47, 63), (1, 1), (2, 3), (35, 64)])
def test_odd_sides_repeat_their_edge(tmp_path: Path, height: int, width: int) -> None:
    images = smooth(2, height, width)
    repaint(VideoReader(make_clip(tmp_path / "clip.mkv", images, "ffv1", "bgr0")), tmp_path / "painted.mp4")
    frame = to_uint8(next(VideoReader(tmp_path / "painted.mp4").read()).content).astype(int)
    assert frame.shape == (height + height % 2, width + width % 2, 3)
    assert np.abs(frame[-1] - frame[height - 1]).mean() < 3
    assert np.abs(frame[:, -1] - frame[:, width - 1]).mean() < 3


def test_the_header_comes_first(tmp_path: Path) -> None:
    repaint(VideoReader(make_clip(tmp_path / "clip.mkv", smooth(5), sound="aac")), tmp_path / "painted.mp4")
    data = (tmp_path / "painted.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("suffix", "sound"), [("mp4", "aac"), ("mkv", "aac"), ("mkv", "flac"), ("avi", "libmp3lame")]
)
def test_sound_of_the_stretch_is_copied_packet_by_packet(tmp_path: Path, suffix: str, sound: str) -> None:
    clip = make_clip(tmp_path / f"clip.{suffix}", smooth(75), sound=sound)
    source = VideoReader(clip, start=20, frames=30)
    assert repaint(source, tmp_path / "painted.mp4") == Written(30, "copied")
    start, end = source.info.start_pts * source.info.time_base, source.info.end_pts * source.info.time_base
    expected = [(time, data) for time, data in sound_packets(clip) if start <= time < end]
    copied = sound_packets(tmp_path / "painted.mp4")
    assert [data for _, data in copied] == [data for _, data in expected]
    assert len(copied) > 10
    assert np.allclose([time for time, _ in copied], [time - float(start) for time, _ in expected], atol=1e-4)


def test_sound_of_a_transport_stream(tmp_path: Path) -> None:
    source = VideoReader(make_clip(tmp_path / "clip.ts", smooth(50), sound="aac"))
    assert repaint(source, tmp_path / "painted.mp4") == Written(50, "copied")
    assert abs(seconds_of_sound(tmp_path / "painted.mp4") - 2) < 0.05


@pytest.mark.parametrize(("suffix", "start", "frames"), [("avi", 0, 50), ("mov", 0, 50), ("mkv", 20, 25)])
def test_sound_that_mp4_cannot_hold_is_encoded(tmp_path: Path, suffix: str, start: int, frames: int) -> None:
    clip = make_clip(tmp_path / f"clip.{suffix}", smooth(50), sound="pcm_s16le")
    assert repaint(VideoReader(clip, start, frames), tmp_path / "painted.mp4") == Written(
        frames, "encoded as AAC"
    )
    with av.open(str(tmp_path / "painted.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    assert abs(len(samples) / RATE - frames / 25) < 0.05
    middle = samples[4096 : 4096 + 8192] * np.hanning(8192)
    assert abs(np.abs(np.fft.rfft(middle)).argmax() * RATE / 8192 - 440) < 6


def test_sound_ends_with_the_last_painted_frame(tmp_path: Path) -> None:
    source = VideoReader(make_clip(tmp_path / "clip.mkv", smooth(75), sound="aac"))
    assert repaint(source, tmp_path / "painted.mp4", count=20) == Written(20, "copied")
    assert abs(seconds_of_sound(tmp_path / "painted.mp4") - 0.8) < 0.05
    painted = VideoReader(tmp_path / "painted.mp4").info
    assert (painted.end_pts - painted.start_pts) * painted.time_base == Fraction(20, 25)


def test_a_stretch_beyond_the_sound_has_none(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", smooth(10), sound="aac")
    info = VideoReader(clip).info
    later = replace(info, start_pts=info.end_pts + 1000, end_pts=info.end_pts + 1400)
    frames = ((image, later.start_pts + 40 * number) for number, image in enumerate(smooth(10)))
    assert write_video(tmp_path / "painted.mp4", frames, later) == Written(10, "none")
    with av.open(str(tmp_path / "painted.mp4")) as container:
        assert len(container.streams.audio) == 0


def test_a_copy_that_fails_is_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = VideoReader(make_clip(tmp_path / "clip.mkv", smooth(20), sound="aac"))

    def fail(*_: object) -> Iterator[av.Packet]:
        raise av.error.InvalidDataError(1, "no sound here")
        yield

    monkeypatch.setattr(sound, "_shifted", fail)
    assert repaint(source, tmp_path / "painted.mp4") == Written(20, "encoded as AAC")


def test_sound_that_is_gone_is_left_out(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", smooth(5), sound="aac")
    info = replace(VideoReader(clip).info, sound=tmp_path / "gone.mkv")
    written = write_video(tmp_path / "painted.mp4", zip(smooth(5), range(0, 200, 40), strict=True), info)
    assert written.sound.startswith("left out: ")
    assert VideoReader(tmp_path / "painted.mp4").info.frames == 5
    assert only(tmp_path) == ["clip.mkv", "painted.mp4"]


def test_sound_that_fails_both_ways_is_left_out(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mkv", smooth(5))
    info = replace(VideoReader(clip).info, sound=clip)
    written = write_video(tmp_path / "painted.mp4", zip(smooth(5), range(0, 200, 40), strict=True), info)
    assert written == Written(5, "left out: no decoder supports the sound, or there is no packet of it")


def joined(tmp_path: Path, *offsets: int) -> Path:
    """Transport streams of one second with a sine, one behind the other, each beginning at its own time."""
    parts = [
        make_clip(
            tmp_path / f"{number}.ts",
            smooth(25),
            sound="aac",
            container_options={"output_ts_offset": str(offset)},
        ).read_bytes()
        for number, offset in enumerate(offsets)
    ]
    (tmp_path / "joined.ts").write_bytes(b"".join(parts))
    return tmp_path / "joined.ts"


@pytest.mark.parametrize("offsets", [(0, 0), (0, 1000), (1000, 0)])
def test_sound_goes_on_where_the_times_of_the_clip_jump(tmp_path: Path, offsets: tuple[int, int]) -> None:
    written = repaint(VideoReader(joined(tmp_path, *offsets)), tmp_path / "painted.mp4")
    assert written.sound in ("copied", "encoded as AAC")
    assert abs(seconds_of_sound(tmp_path / "painted.mp4") - 2) < 0.1
    info = VideoReader(tmp_path / "painted.mp4").info
    assert float((info.end_pts - info.start_pts) * info.time_base) == pytest.approx(2, abs=0.001)


def test_sound_whose_channels_change_is_encoded(tmp_path: Path) -> None:
    parts = []
    for number, layout in enumerate(("mono", "stereo")):
        path = tmp_path / f"{number}.ts"
        with av.open(str(path), "w", options={"output_ts_offset": str(number)}) as output:
            pictures, audio = output.add_stream("mpeg2video", rate=25), output.add_stream("aac", rate=RATE)
            pictures.height, pictures.width, pictures.pix_fmt = 48, 64, "yuv420p"
            audio.codec_context.layout = layout
            for image in smooth(25):
                output.mux(pictures.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            output.mux(pictures.encode(None))
            channels = number + 1
            wave = np.zeros((1, RATE * channels), np.int16)
            samples = av.AudioFrame.from_ndarray(wave, format="s16", layout=layout)
            samples.sample_rate, samples.pts, samples.time_base = RATE, 0, Fraction(1, RATE)
            output.mux(audio.encode(samples))
            output.mux(audio.encode(None))
        parts.append(path.read_bytes())
    (tmp_path / "clip.ts").write_bytes(b"".join(parts))
    written = repaint(VideoReader(tmp_path / "clip.ts"), tmp_path / "painted.mp4")
    assert written == Written(50, "encoded as AAC")
    assert abs(seconds_of_sound(tmp_path / "painted.mp4") - 2) < 0.1


def test_the_default_track_of_several_is_taken(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "one.mp4", smooth(25), sound="aac")
    with av.open(str(clip)) as source, av.open(str(tmp_path / "two.mkv"), "w") as output:
        pictures = output.add_stream_from_template(source.streams.video[0])
        first = output.add_stream_from_template(source.streams.audio[0])
        second = output.add_stream("flac", rate=RATE, layout="stereo")
        second.disposition, first.disposition = Disposition.default, Disposition(0)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 2 * RATE), np.int16), format="s16", layout="stereo")
        silence.sample_rate, silence.pts, silence.time_base = RATE, 0, Fraction(1, RATE)
        for packet in (*second.encode(silence), *second.encode(None)):
            output.mux(packet)
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = pictures if packet.stream.type == "video" else first
                output.mux(packet)
    repaint(VideoReader(tmp_path / "two.mkv"), tmp_path / "painted.mp4")
    with av.open(str(tmp_path / "painted.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "flac"


def test_whatever_fails_with_the_sound_leaves_the_painted_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = VideoReader(make_clip(tmp_path / "clip.mkv", smooth(5), sound="aac"))

    def fail(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(writer, "_join", fail)
    with pytest.raises(KeyError):
        repaint(source, tmp_path / "painted.mp4")
    assert VideoReader(tmp_path / "painted.mp4").info.frames == 5
    assert only(tmp_path) == ["clip.mkv", "painted.mp4"]


@pytest.fixture
def source(tmp_path: Path) -> VideoReader:
    folder = tmp_path / "source"
    folder.mkdir()
    return VideoReader(make_clip(folder / "clip.mkv", noise(24, 64, 96), "ffv1", "bgr0", sound="flac"))


def test_a_failure_leaves_the_old_file_alone(tmp_path: Path, source: VideoReader) -> None:
    path = tmp_path / "run" / "painted.mp4"
    path.parent.mkdir()
    path.write_text("old")

    def frames() -> Iterator[tuple[NDArray[np.uint8], int]]:
        for frame in source.read():
            if frame.index == 20:
                raise KeyboardInterrupt
            yield to_uint8(frame.content), frame.pts

    with pytest.raises(KeyboardInterrupt):
        write_video(path, frames(), source.info)
    assert path.read_text() == "old"
    assert only(path.parent) == ["painted.mp4"]


@pytest.mark.parametrize("limit", [1_000, 60_000])
def test_a_full_disk_leaves_no_half_file(tmp_path: Path, source: VideoReader, limit: int) -> None:
    resource = pytest.importorskip("resource")
    folder = tmp_path / "run"
    folder.mkdir()
    whole = repaint(source, folder / "painted.mp4")
    assert whole == Written(24, "copied")
    assert (folder / "painted.mp4").stat().st_size > 80_000
    (folder / "painted.mp4").unlink()
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, old[1]))
    try:
        with pytest.raises(OSError, match="File too large") as error:
            repaint(source, folder / "painted.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert error.value.errno == errno.EFBIG
    assert only(folder) == []


def test_frames_that_do_not_fit_together(tmp_path: Path, source: VideoReader) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    path, image = folder / "painted.mp4", noise(1)[0]
    with pytest.raises(ValueError, match="no frames"):
        write_video(path, [], source.info)
    with pytest.raises(ValueError, match="shape"):
        write_video(path, [(image, 0), (image[:-2], 40), (image, 80)], source.info)
    with pytest.raises(ValueError, match="after"):
        write_video(path, [(image, 40), (image, 40)], source.info)
    assert only(folder) == []


def test_one_frame_in_memory_at_a_time(tmp_path: Path, source: VideoReader) -> None:
    alive: list[int] = []

    class Counted(np.ndarray):
        def __del__(self) -> None:
            alive.remove(id(self))

    def frames() -> Iterator[tuple[NDArray[np.uint8], int]]:
        most = 0
        for frame in source.read():
            image = to_uint8(frame.content).view(Counted)
            alive.append(id(image))
            most = max(most, len(alive))
            yield image, frame.pts
            del image
        assert most <= 3

    write_video(tmp_path / "painted.mp4", frames(), source.info)
