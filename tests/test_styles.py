from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vst.errors import InputError
from vst.styles import DrawnPainting, OpenedPainting


def quarters(width: int = 40, height: int = 20) -> Image.Image:
    """Red, green, blue and white, from the upper left to the lower right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = 255, 0, 0
    pixels[: height // 2, width // 2 :] = 0, 255, 0
    pixels[height // 2 :, : width // 2] = 0, 0, 255
    pixels[height // 2 :, width // 2 :] = 255, 255, 255
    return Image.fromarray(pixels)


def corners(path: Path, size: int = 40) -> list[list[float]]:
    image = OpenedPainting(str(path)).at(size).image[0]
    return [image[:, y, x].tolist() for y in (2, -3) for x in (2, -3)]


RED, GREEN, BLUE, WHITE = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]


def test_a_painting_is_read_as_it_is(tmp_path):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8))
    picture.save(tmp_path / "night sky.png")
    painting = OpenedPainting(str(tmp_path / "night sky.png")).at(40)
    assert painting.name == "night sky"
    assert painting.image.dtype == torch.float32
    assert painting.image.is_contiguous()
    expected = np.asarray(picture).transpose(2, 0, 1)[None] / 255
    np.testing.assert_allclose(painting.image.numpy(), expected, atol=1e-7)
    assert corners_of_quarters(tmp_path) == [RED, GREEN, BLUE, WHITE]


def corners_of_quarters(folder: Path) -> list[list[float]]:
    quarters().save(folder / "quarters.png")
    return corners(folder / "quarters.png")


@pytest.mark.parametrize(
    ("given", "size", "shape"),
    [((40, 20), 80, (40, 80)), ((20, 40), 30, (30, 15)), ((40, 30), 17, (13, 17)), ((500, 2), 16, (1, 16))],
)
def test_the_longer_side_is_scaled(given, size, shape, tmp_path):
    Image.new("RGB", given, (51, 102, 204)).save(tmp_path / "plain.png")
    image = OpenedPainting(str(tmp_path / "plain.png")).at(size).image
    assert image.shape == (1, 3, *shape)
    expected = torch.tensor([0.2, 0.4, 0.8]).view(1, 3, 1, 1).expand_as(image)
    torch.testing.assert_close(image, expected)


def test_a_photographs_rotation_is_undone(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side
    quarters().transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    assert OpenedPainting(str(tmp_path / "turned.png")).at(40).image.shape == (1, 3, 20, 40)
    assert corners(tmp_path / "turned.png") == [RED, GREEN, BLUE, WHITE]


def test_what_is_transparent_shows_white(tmp_path):
    picture = quarters().convert("RGBA")
    alpha = np.full((20, 40), 255, np.uint8)
    alpha[:10, :20], alpha[:10, 20:] = 0, 51
    picture.putalpha(Image.fromarray(alpha))
    picture.save(tmp_path / "clear.png")
    found = corners(tmp_path / "clear.png")
    np.testing.assert_allclose(found, [WHITE, [0.8, 1.0, 0.8], BLUE, WHITE], atol=0.005)


def test_a_palette_with_a_transparent_colour(tmp_path):
    picture = quarters().convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    picture.save(tmp_path / "few.png", transparency=picture.getpixel((1, 1)))
    assert corners(tmp_path / "few.png") == [WHITE, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("mode", ["L", "1", "LA"])
def test_a_grey_picture_has_three_equal_channels(mode, tmp_path):
    quarters().convert("L").point([255 if level > 100 else 0 for level in range(256)]).convert(mode).save(
        tmp_path / "grey.png"
    )
    black = [0.0] * 3
    assert corners(tmp_path / "grey.png") == [black, WHITE, black, WHITE]


def test_a_grey_picture_of_16_bits_keeps_its_levels(tmp_path):
    levels = np.repeat(np.linspace(0, 65535, 40).astype(np.uint16)[None], 20, axis=0)
    Image.fromarray(levels).save(tmp_path / "deep.png")
    image = OpenedPainting(str(tmp_path / "deep.png")).at(40).image
    np.testing.assert_allclose(image[0, 0, 5].numpy(), levels[5] / 65535, atol=0.005)


def test_a_cmyk_jpeg(tmp_path):
    quarters(400, 200).convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    found = corners(tmp_path / "print.jpg", 400)
    np.testing.assert_allclose(found, [RED, GREEN, BLUE, WHITE], atol=0.03)


def test_a_missing_painting(tmp_path):
    with pytest.raises(InputError) as refused:
        OpenedPainting(str(tmp_path / "none.png")).at(64)
    assert str(refused.value) == (
        f"the painting {tmp_path / 'none.png'} does not exist; set style.path to an image file"
    )


@pytest.mark.parametrize("cut", [40, 200])
def test_a_painting_that_was_cut_off(cut, tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 40, 3), np.uint8)).save(
        tmp_path / "cut.png"
    )
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:cut])
    with pytest.raises(InputError, match=r"the painting .*cut\.png cannot be read as a picture; give a PNG"):
        OpenedPainting(str(tmp_path / "cut.png")).at(64)


@pytest.mark.parametrize("content", [b"", b"not a picture\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_a_file_that_is_no_picture(content, tmp_path):
    (tmp_path / "odd.png").write_bytes(content)
    with pytest.raises(InputError, match=r"odd\.png cannot be read as a picture"):
        OpenedPainting(str(tmp_path / "odd.png")).at(64)


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(InputError, match="is not a file; give a PNG"):
        OpenedPainting(str(tmp_path)).at(64)


def test_a_drawn_painting_is_asked_for_in_its_shape():
    asked = []

    def draw(height: int, width: int, seed: int) -> torch.Tensor:
        asked.append((height, width, seed))
        return torch.full((1, 3, height, width), 0.5)

    painting = DrawnPainting("facets", draw, 100, seed=7, aspect=1.6).at(300)
    assert (painting.name, painting.image.shape) == ("facets", (1, 3, 62, 100))
    DrawnPainting("facets", draw, scale=0.5).at(200)
    assert asked == [(62, 100, 7), (80, 100, 0)]


@pytest.mark.parametrize(("scale", "shape"), [(1.0, (60, 120)), (0.25, (15, 30)), (2.0, (120, 240))])
def test_a_painting_follows_the_frame(scale, shape, tmp_path):
    quarters(200, 100).save(tmp_path / "large.png")
    quarters(40, 20).save(tmp_path / "small.png")
    for file in ("large.png", "small.png"):
        image = OpenedPainting(str(tmp_path / file), scale=scale).at(120).image
        assert image.shape == (1, 3, *shape)
        assert [image[0, :, y, x].tolist() for y in (2, -3) for x in (2, -3)] == [RED, GREEN, BLUE, WHITE]
    assert OpenedPainting(str(tmp_path / "large.png"), 50, scale).at(120).image.shape == (1, 3, 25, 50)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_that_is_no_size(scale, tmp_path):
    quarters().save(tmp_path / "painting.png")
    with pytest.raises(
        InputError, match=r"^style\.scale=.* is not a size; give a number above 0, 1 for the frames'"
    ):
        OpenedPainting(str(tmp_path / "painting.png"), scale=scale).at(120)
