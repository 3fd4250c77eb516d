from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from vst import pictures
from vst.pictures import PictureError, read_picture


def levels_of(file: Path, longer: int | None = None) -> np.ndarray:
    return np.asarray(read_picture(file, longer)).astype(int)


def wider_than_srgb() -> bytes:
    """An ICC profile like sRGB, whose red is the purer one of Adobe RGB."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    entries = (struct.unpack(">4sII", profile[at : at + 12]) for at in range(132, 132 + 12 * count, 12))
    place = next(offset for name, offset, _ in entries if name == b"rXYZ")
    red = (0.60974, 0.31111, 0.01947)
    profile[place + 8 : place + 20] = struct.pack(">3i", *(round(value * 65536) for value in red))
    return bytes(profile)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_icc_profile_is_applied(tmp_path: Path, mode: str) -> None:
    plain = Image.new(mode, (8, 6), (150, 90, 60))
    plain.save(tmp_path / "plain.png")
    plain.save(tmp_path / "wide.png", icc_profile=wider_than_srgb())
    assert levels_of(tmp_path / "plain.png")[0, 0].tolist() == [150, 90, 60]
    red, green, blue = levels_of(tmp_path / "wide.png")[0, 0]
    assert red > 160
    assert abs(green - 90) < 20
    assert abs(blue - 60) < 20


def test_a_profile_of_srgb_changes_nothing_that_can_be_seen(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(image).save(tmp_path / "tagged.png", icc_profile=profile)
    assert np.abs(levels_of(tmp_path / "tagged.png") - image).max() <= 1


def test_what_is_no_file_is_not_waited_for(no_file: Path) -> None:
    with pytest.raises(PictureError, match="is not a file"):
        read_picture(no_file)


@pytest.mark.parametrize(
    "profile", [b"no profile", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()]
)
def test_a_profile_that_does_not_fit_is_ignored(tmp_path: Path, profile: bytes) -> None:
    Image.new("RGB", (8, 6), (150, 90, 60)).save(tmp_path / "odd.jpg", icc_profile=profile, quality=100)
    assert np.abs(levels_of(tmp_path / "odd.jpg")[0, 0] - [150, 90, 60]).max() <= 2


def test_floats_keep_their_levels_or_are_refused(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[None].repeat(4, axis=0)
    Image.fromarray(ramp).save(tmp_path / "ramp.tif")
    assert np.abs(levels_of(tmp_path / "ramp.tif")[0, :, 1] - ramp[0] * 255).max() <= 0.5
    for number, wrong in enumerate((ramp * 255, ramp - 0.5, ramp * np.nan)):
        Image.fromarray(wrong).save(tmp_path / f"{number}.tif")
        with pytest.raises(
            PictureError, match=r"^has levels from .* to .*, and only 0 to 1 can be read; save"
        ):
            read_picture(tmp_path / f"{number}.tif")


def test_sixteen_bits_keep_their_levels(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(4, axis=0)
    for name in ("ramp.png", "ramp.tif"):
        Image.fromarray(ramp).save(tmp_path / name)
        assert np.abs(levels_of(tmp_path / name)[0, :, 1] - ramp[0] / 257).max() <= 0.5
    Image.fromarray(np.full((4, 4), 70000, np.int32)).save(tmp_path / "deep.tif")
    with pytest.raises(PictureError, match="has levels from 70000 to 70000, and only 0 to 65535 can be read"):
        read_picture(tmp_path / "deep.tif")


@pytest.mark.parametrize("name", ["large.png", "large.jpg"])
def test_a_large_picture_is_read_reduced(tmp_path: Path, name: str) -> None:
    image = np.zeros((400, 800, 3), np.uint8)
    image[:, 400:] = 240, 120, 60
    Image.fromarray(image).save(tmp_path / name)
    reduced = levels_of(tmp_path / name, longer=20)
    assert reduced.shape in ((40, 80, 3), (50, 100, 3))
    assert np.abs(reduced[:, 5] - 0).max() <= 4
    assert np.abs(reduced[:, -5] - [240, 120, 60]).max() <= 4
    assert levels_of(tmp_path / name, longer=800).shape == (400, 800, 3)


def test_what_is_too_large_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch) -> None:
    Image.new("1", (70, 50)).save(tmp_path / "scan.png")
    limit = Image.MAX_IMAGE_PIXELS
    # more than Pillow admits, and not more than we do
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read_picture(tmp_path / "scan.png").size == (70, 50)
    assert limit != Image.MAX_IMAGE_PIXELS == 100, "Pillow's limit is as it was"
    monkeypatch.setattr(pictures, "LARGEST", 3_000)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(
        PictureError, match=r"^has 70x50 pixels, more than the .* million that are read; scale"
    ):
        read_picture(tmp_path / "scan.png")


@pytest.mark.parametrize("suffix", ["avif", "blp", "webp", "tif", "gif", "tga", "dds", "jp2", "ico", "pcx"])
def test_a_damaged_picture_is_read_or_refused(tmp_path: Path, suffix: str) -> None:
    draw = np.random.default_rng(0)
    image = Image.fromarray(draw.integers(0, 256, (24, 32, 3), np.uint8))
    (image.quantize() if suffix == "blp" else image).save(tmp_path / f"whole.{suffix}")
    whole = (tmp_path / f"whole.{suffix}").read_bytes()
    for number in range(60):
        damaged = bytearray(whole if number % 2 else whole[: int(draw.integers(8, len(whole)))])
        for place in draw.integers(0, min(len(damaged), 200), 6):
            damaged[place] = draw.integers(0, 256)
        (tmp_path / f"damaged.{suffix}").write_bytes(damaged)
        with suppress(PictureError):
            assert read_picture(tmp_path / f"damaged.{suffix}").mode == "RGB"
