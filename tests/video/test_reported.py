"""Files of the kinds that people reported to other programs, and what is right for each."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vst.compare.evaluate.sources import open_source
from vst.errors import ClipBroke, InputError
from vst.styles import OpenedPainting
from vst.video.cuts import outline
from vst.video.reader import VideoReader
from vst.video.store import to_uint8
from vst.video.writer import Written, write_video

CLIPS = {  # frames, width and height, seconds, and the end of the reason if the clip breaks at its end
    "anim.avif": (4, (96, 64), 0.4, None),
    "au_libmp3lame.avi": (25, (96, 64), 1.04, None),
    "cat_back.ts": (20, (96, 64), 2.0, None),
    "cat_fwd.ts": (20, (96, 64), 2.0, None),
    "cat_same.ts": (20, (96, 64), 2.0, None),
    "dupextra_a.webm": (50, (96, 64), 1.6, None),
    "interlaced.mp4": (25, (96, 64), 1.0, None),
    "layout.ts": (50, (96, 64), 2.0, None),
    "multiview_fate.mp4": (11, (1920, 1080), 11 / 30, None),
    "noaudio.ts": (10, (96, 64), 1.0, None),
    "photo_exif.jpg": (1, (64, 96), 0.04, None),
    "photo_exif.webp": (1, (64, 96), 0.04, None),
    "theora.ogv": (10, (96, 64), 2.0, None),
    "trunc.avi": (18, (96, 64), 1.8, "its header promises 30 frames"),
    "trunc.mkv": (15, (96, 64), 1.5, "its header promises 3.00 s, but there are 1.50 s"),
    "zero_size_samples_fate.mp4": (45, (480, 272), 83 * 1001 / 30000, "its header promises 1319 frames"),
}

SOUND = {  # how it is handled, the seconds of it, and its sample rate
    "au_libmp3lame.avi": ("copied", 1.04, 44100),
    "cat_back.ts": ("encoded as AAC", 2.0, 44100),
    "cat_fwd.ts": ("encoded as AAC", 2.0, 44100),
    "cat_same.ts": ("encoded as AAC", 2.0, 44100),
    "dupextra_a.webm": ("copied", 1.6, 48000),
    "layout.ts": ("encoded as AAC", 2.0, 48000),
    "two_sounds_second_default.mkv": ("copied", 2.0, 48000),
}


@pytest.fixture(scope="module")
def reported(shared: Path) -> Path:
    folder = shared / "clips/reported"
    if not folder.is_dir():
        pytest.skip("the reported files are not beside the repository (../shared/clips/reported)")
    return folder


@pytest.mark.parametrize("name", CLIPS)
def test_a_reported_clip_is_read_as_it_plays(reported: Path, name: str) -> None:
    frames, size, seconds, fault = CLIPS[name]
    info = VideoReader(reported / name).info
    assert (info.frames, (info.width, info.height)) == (frames, size)
    assert float((info.end_pts - info.start_pts) * info.time_base) == pytest.approx(seconds, abs=0.011)
    times, broke = [], None
    try:
        times.extend(frame.pts for frame in VideoReader(reported / name, size=64).read())
    except ClipBroke as error:
        broke = error
    assert len(times) == frames
    assert times == sorted(set(times))
    assert times[0] == info.start_pts
    assert times[-1] < info.end_pts
    assert (info.fault, broke is not None) == (fault, fault is not None)
    if broke is not None:
        assert (broke.source_frame, broke.status) == (frames, 1)
        assert f"({fault})" in str(broke)


def repaint(clip: Path, path: Path) -> Written:
    reader = VideoReader(clip)
    return write_video(path, ((to_uint8(frame.content), frame.pts) for frame in reader.read()), reader.info)


@pytest.mark.parametrize("name", SOUND)
def test_a_reported_sound_goes_along(reported: Path, tmp_path: Path, name: str) -> None:
    handled, seconds, rate = SOUND[name]
    assert repaint(reported / name, tmp_path / "painted.mp4").sound == handled
    with av.open(str(tmp_path / "painted.mp4")) as clip:
        assert clip.streams.audio[0].codec_context.sample_rate == rate
        heard = sum(Fraction(frame.samples, frame.sample_rate) for frame in clip.decode(audio=0))
    assert float(heard) == pytest.approx(seconds, abs=0.1)
    info = VideoReader(tmp_path / "painted.mp4").info
    shown = float((info.end_pts - info.start_pts) * info.time_base)
    assert shown == pytest.approx(seconds, abs=0.03)


def test_a_sound_that_is_announced_alone_is_left_out_and_said_so(reported: Path, tmp_path: Path) -> None:
    written = repaint(reported / "noaudio.ts", tmp_path / "painted.mp4")
    assert written.frames == 10
    assert written.sound.startswith("left out: ")


def test_an_hdr_clip_looks_as_it_should(reported: Path) -> None:
    wanted = OpenedPainting(str(reported / "style_as_it_should_look.png")).at(192).image.numpy()
    frame = next(VideoReader(reported / "hdr_hlg.mp4").read()).content.numpy()
    assert frame.shape == wanted.shape
    assert np.abs(frame.mean((2, 3)) - wanted.mean((2, 3))).max() < 0.015
    assert abs(frame.std() - wanted.std()) < 0.01


def test_a_painting_with_a_profile_looks_as_it_should(reported: Path) -> None:
    found, wanted = (
        OpenedPainting(str(reported / name)).at(256).image.numpy()
        for name in ("style_adobe.jpg", "style_as_it_should_look.png")
    )
    assert np.abs(found.mean((2, 3)) - wanted.mean((2, 3))).max() < 0.001
    assert abs(found.std() - wanted.std()) < 0.002


def test_a_painting_of_floats_keeps_its_levels(reported: Path) -> None:
    image = OpenedPainting(str(reported / "st_float.tif")).at(64).image[0, :, 20].numpy()
    assert image.min() < 0.01
    assert image.max() > 0.99
    assert (np.diff(image, axis=1) > -0.005).all()


def test_a_painting_of_196_megapixels_is_read(reported: Path) -> None:
    image = OpenedPainting(str(reported / "painting_196_megapixels.png")).at(64).image
    assert image.shape == (1, 3, 47, 64)
    with pytest.raises(InputError, match="16384x12000 pixels, more than the 67 million that are read; scale"):
        VideoReader(reported / "painting_196_megapixels.png")


def test_frames_of_16_bits_keep_their_levels(reported: Path) -> None:
    source = open_source(str(reported / "frames_g16"))
    pictures = list(source.pictures())
    assert source.count == len(pictures) == 12
    assert 0.1 < pictures[0].mean() < 0.9
    assert pictures[0].std() > 0.05


def test_the_hidden_files_of_macos_are_no_frames(reported: Path) -> None:
    assert open_source(str(reported / "frames_mac")).count == 12


def test_the_comb_of_an_interlaced_clip_is_gone(reported: Path) -> None:
    with av.open(str(reported / "interlaced.mp4")) as clip:
        stored = [picture.to_ndarray(format="gray").astype(float) for picture in clip.decode(video=0)]
    shown = [to_uint8(frame.content).mean(2) for frame in VideoReader(reported / "interlaced.mp4").read()]

    def comb(images: list[np.ndarray]) -> float:
        return float(np.mean([np.abs(image[1:-1] - (image[:-2] + image[2:]) / 2).mean() for image in images]))

    assert comb(shown) < 0.85 * comb(stored)


@pytest.mark.parametrize("name", ["fog3.mp4", "plain2.mkv"])
def test_faint_frames_are_not_blank_beside_each_other(reported: Path, name: str) -> None:
    seen = [outline(frame.content) for frame in VideoReader(reported / name).read()]
    assert len(seen) == 7
    assert not any(one.blank_beside(other) for one in seen for other in seen)


def test_a_screen_too_large_for_memory_is_refused(shared: Path) -> None:
    with pytest.raises(InputError, match="4160x32824 pixels, more than the 67 million that are read; scale"):
        VideoReader(shared / "clips/odd/d_screen_of_32824x4160.gif")


def test_a_damaged_stream_has_the_frames_that_it_says(shared: Path) -> None:
    reader = VideoReader(shared / "clips/odd/d_says_15_frames_has_14.ts")
    times = [frame.pts for frame in reader.read()]
    assert reader.info.frames == len(times) == 14
    assert times == sorted(set(times))
