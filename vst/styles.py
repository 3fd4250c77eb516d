from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from vst.errors import InputError

Draw = Callable[[int, int, int], Tensor]


@dataclass(frozen=True)
class Painting:
    """The style image s: RGB float32 in [0, 1] of shape (1, 3, h, w)."""

    name: str
    image: Tensor


def draw_painting(name: str, draw: Draw, size: int, seed: int = 0, aspect: float = 1.25) -> Painting:
    """A procedural painting, `size` pixels on its longer side, which is `aspect` times the shorter."""
    return Painting(name, draw(round(size / aspect), size, seed))


def open_painting(path: str, size: int) -> Painting:
    """A picture file, its longer side scaled to `size` pixels, composited over white where transparent."""
    file = Path(path)
    try:
        with Image.open(file) as opened:
            picture = _eight_bits(ImageOps.exif_transpose(opened)).convert("RGBA")
    except FileNotFoundError as error:
        raise InputError(f"the painting {file} does not exist; set style.path to an image file") from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"the painting {file} cannot be read as a picture; give a PNG, JPEG or similar file"
        ) from error
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    scale = size / max(picture.size)
    shape = tuple(max(1, round(side * scale)) for side in picture.size)
    picture = picture.resize((shape[0], shape[1]), Image.Resampling.LANCZOS)
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None]
    return Painting(file.stem, pixels.contiguous().float() / 255)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Scale 16-bit grey levels to 8 bits; Pillow would clip them instead."""
    if not picture.mode.startswith("I"):
        return picture
    levels = np.asarray(picture).astype(np.float64) / 257
    return Image.fromarray(levels.round().clip(0, 255).astype(np.uint8))
