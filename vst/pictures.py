"""Reading a picture file as a screen shows it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps

from vst.errors import InputError
from vst.files import natural_key

LARGEST = 2**28
"""Pixels of the largest picture that is decoded, 16384 x 16384: in colours it takes 0.8 GB."""

SPARE = 4
"""A picture that is to be scaled down is first reduced to this many times its final size, by averaging: it is faster,
takes less memory, and looks the same."""

ON_ITS_SIDE = 5
"""The EXIF orientations from this one on exchange width and height."""

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm"})
"""Endings of the files in a folder that are taken for pictures."""


class PictureError(Exception):
    """A picture file cannot be used; the message follows its name, and says why and what to do."""


def read_picture(file: Path, longer: int | None = None) -> Image.Image:
    """Read a picture as sRGB of 8 bits, turned as its EXIF data says and composited over white where transparent.

    Its ICC profile is applied. Where it is to be scaled to a `longer` side, it may be read at a fraction of its size,
    not below that. Raises `PictureError`, and `FileNotFoundError`.
    """
    colours, alpha = read_with_alpha(file, longer)
    return over_white(colours, alpha) if alpha else colours


def over_white(colours: Image.Image, alpha: Image.Image) -> Image.Image:
    """A picture of that alpha channel as it looks over white."""
    return Image.composite(colours, Image.new("RGB", colours.size, "white"), alpha)


def read_with_alpha(file: Path, longer: int | None = None) -> tuple[Image.Image, Image.Image | None]:
    """Read a picture as `read_picture` does, but its colours and its alpha channel, None without one, by themselves."""
    if file.exists() and not file.is_file():  # a pipe would be waited for
        raise PictureError("is not a file; give a PNG, JPEG or similar file")
    try:
        with _of_any_size(), Image.open(file) as opened:
            return _read(opened, longer)
    except (FileNotFoundError, MemoryError, PictureError):
        raise
    # Pillow's parsers stumble over damaged files in many ways: struct.error, KeyError, …
    except Exception as error:
        raise PictureError("cannot be read as a picture; give a PNG, JPEG or similar file") from error


def size_of(file: Path) -> tuple[int, int]:
    """A picture's width and height, turned as its EXIF data says, by its header alone; raises `PictureError`."""
    try:
        with _of_any_size(), Image.open(file) as opened:
            # of a PNG without EXIF data in its header, Pillow would decode all of it to look behind
            known = opened.format != "PNG" or "exif" in opened.info
            turned = known and opened.getexif().get(ExifTags.Base.Orientation, 1) >= ON_ITS_SIDE
            return (opened.height, opened.width) if turned else opened.size
    except Exception as error:  # as in `read_with_alpha`
        raise PictureError("cannot be read as a picture; give a PNG, JPEG or similar file") from error


def read_scaled(file: Path, longer: int) -> Image.Image:
    """`read_picture`, scaled so that its longer side has that many pixels, and in its proportions."""
    picture = read_picture(file, longer)
    factor = longer / max(picture.size)
    width, height = (max(1, round(side * factor)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder, in the natural order of their names; hidden ones are none.

    Raises `InputError` where there are none.
    """
    # macOS puts a hidden ._NAME beside every file that it copies to a foreign disk
    files = [
        file for file in folder.iterdir() if file.suffix.lower() in PICTURES and not file.name.startswith(".")
    ]
    if not files:
        raise InputError(f"the folder {folder} contains no pictures; name a video or a folder of frames")
    return sorted(files, key=lambda file: natural_key(file.name))


def _read(opened: Image.Image, longer: int | None) -> tuple[Image.Image, Image.Image | None]:
    width, height = opened.size
    if width * height > LARGEST:
        raise PictureError(
            f"has {width}x{height} pixels, more than the {LARGEST / 1e6:.0f} million that are read; scale it down"
        )
    if longer is not None:
        opened.draft(None, (SPARE * longer, SPARE * longer))  # a JPEG is decoded at a fraction of its size
    opened.load()
    profile = opened.info.get("icc_profile")
    ImageOps.exif_transpose(opened, in_place=True)
    picture = _eight_bits(opened)
    if longer is not None and (factor := max(picture.size) // (SPARE * longer)) > 1:
        picture = picture.reduce(factor)
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    return _srgb(picture.convert("RGB") if alpha else picture, profile), alpha


def _eight_bits(picture: Image.Image) -> Image.Image:
    """A picture in one of the modes L, RGB, RGBA and CMYK; Pillow alone would clip what has more than 8 bits."""
    if picture.mode in ("L", "RGB", "CMYK") and "transparency" not in picture.info:
        return picture
    if picture.mode == "1":
        return picture.convert("L")
    if picture.mode == "F" or picture.mode.startswith("I"):
        return Image.fromarray(_levels(np.asarray(picture), 1 if picture.mode == "F" else 65535))
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _levels(values: NDArray[np.floating | np.integer], top: int) -> NDArray[np.uint8]:
    """Scale values in [0, top] to 8 bits."""
    lowest, highest = values.min(), values.max()
    if not (lowest >= 0 and highest <= top):  # also where they are not numbers
        raise PictureError(
            f"has levels from {lowest:g} to {highest:g}, and only 0 to {top} can be read; save it as a PNG"
        )
    levels = values.astype(np.float32)
    levels *= 255 / top
    return np.rint(levels, out=levels).astype(np.uint8)


def _srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture of mode L, RGB or CMYK with the colours of its ICC profile, as sRGB."""
    if profile:
        try:
            transform = ImageCms.buildTransform(
                ImageCms.ImageCmsProfile(BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                picture.mode,
                "RGB",
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
                ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
            return transform.apply(picture)
        except (OSError, ImageCms.PyCMSError):
            pass  # a profile that is damaged, or of other colours than the picture, is ignored, as browsers do
    return picture.convert("RGB")


@contextmanager
def _of_any_size() -> Generator[None]:
    """Let Pillow open pictures of any size: it would warn of those that `LARGEST` admits."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit
