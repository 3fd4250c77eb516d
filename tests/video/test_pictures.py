from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vst.errors import ClipBroke, InputError
from vst.frames import Clip
from vst.video.pictures import PictureSequence


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eleven pictures whose names are in order by their numbers alone, each brighter than the one before."""
    for index in range(11):
        Image.new("RGB", (40, 30), (20 * index, 0, 0)).save(tmp_path / f"{index}.png")
    Image.new("RGB", (9, 9)).save(tmp_path / "._3.png")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_pictures_are_a_clip_in_the_order_of_their_numbers(folder: Path) -> None:
    clip = PictureSequence(folder, rate=12)
    assert isinstance(clip, Clip)
    info = clip.info
    assert (info.frames, info.height, info.width, info.frame_rate) == (11, 30, 40, 12)
    assert (info.name, info.start_pts, info.end_pts, info.time_base) == (folder.name, 0, 11, Fraction(1, 12))
    frames = list(clip.read())
    assert [round(float(frame.content[0, 0, 0, 0]) * 255) for frame in frames] == [20 * i for i in range(11)]
    assert [(frame.index, frame.source_index, frame.pts) for frame in frames] == [
        (i, i, i) for i in range(11)
    ]
    assert all(frame.opacity is None for frame in frames)


def test_a_stretch_is_counted_in_pictures(folder: Path) -> None:
    clip = PictureSequence(folder, start=4, frames=5, size=20)
    assert (clip.info.start, clip.info.start_pts, clip.info.end_pts) == (4, 4, 9)
    [frame] = clip.read(first=4)
    assert (frame.index, frame.source_index, frame.pts) == (4, 8, 8)
    assert frame.content.shape == (1, 3, 15, 20)


@pytest.mark.parametrize("size", [None, 20])
def test_transparency_is_kept(tmp_path: Path, size: int | None) -> None:
    levels = np.full((30, 40, 4), 255, np.uint8)
    levels[..., 1:3], levels[:, 20:, 3] = 0, 51
    Image.fromarray(levels).save(tmp_path / "0.png")
    [frame] = PictureSequence(tmp_path, size=size).read()
    assert frame.opacity is not None
    assert frame.opacity.shape == frame.content[:, :1].shape
    assert float(frame.opacity[..., 0, 0]) == 1
    assert float(frame.opacity[..., 0, -1]) == pytest.approx(0.2)
    assert frame.content[0, :, 0, 0].tolist() == [1, 0, 0]
    assert frame.content[0, :, 0, -1].tolist() == pytest.approx([1, 0.8, 0.8], abs=0.01), "over white"


def test_what_cannot_be_painted_is_named(folder: Path) -> None:
    with pytest.raises(InputError, match=r"is no folder; set video.path to a folder of pictures"):
        PictureSequence(folder / "none")
    with pytest.raises(InputError, match="has 11 frames, so no stretch can start at 11"):
        PictureSequence(folder, start=11)
    Image.new("RGB", (41, 30)).save(folder / "7.png")
    with pytest.raises(InputError, match=r"7.png is 41x30 pixels, but the first in its folder 40x30"):
        PictureSequence(folder)
    assert PictureSequence(folder, frames=7).info.frames == 7
    (folder / "5.png").write_text("no picture")
    with pytest.raises(InputError, match=r"5.png cannot be read as a picture"):
        PictureSequence(folder)
    (folder / "0.png").write_text("no picture")
    with pytest.raises(InputError, match=r"0.png cannot be read as a picture"):
        PictureSequence(folder)
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="contains no pictures"):
        PictureSequence(folder / "empty")


def test_a_picture_that_is_damaged_behind_its_header_breaks_the_clip(folder: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(noise).save(folder / "3.png")
    whole = (folder / "3.png").read_bytes()
    (folder / "3.png").write_bytes(whole[: len(whole) // 2])
    frames = PictureSequence(folder).read()
    assert [next(frames).index for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ClipBroke, match=r"breaks at frame 3 \(3.png is damaged\)"):
        next(frames)


def test_pictures_turned_by_exif_have_the_size_that_is_seen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(tmp_path / "0.jpg", exif=exif)
    Image.new("RGB", (30, 40)).save(tmp_path / "1.jpg")
    assert [frame.content.shape[2:] for frame in PictureSequence(tmp_path).read()] == [(40, 30)] * 2
