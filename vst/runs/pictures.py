"""Pictures for people: images side by side with their names, and residuals on one colour scale."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from vst.video.store import to_uint8

Picture = NDArray[np.uint8]

_MARGIN, _STRIP, _LEAST_WIDTH = 6, 22, 264
_BACKGROUND, _TEXT = (255, 255, 255), (30, 30, 30)


def side_by_side(pictures: Sequence[Picture], names: Sequence[str]) -> Picture:
    """Pictures of one size in a row, each under its name; small ones are enlarged by a whole factor."""
    factor = -(-_LEAST_WIDTH // pictures[0].shape[1])
    tiles = [picture.repeat(factor, axis=0).repeat(factor, axis=1) for picture in pictures]
    height, width = tiles[0].shape[:2]
    size = (len(tiles) * (width + _MARGIN) + _MARGIN, height + _STRIP + _MARGIN)
    sheet = Image.new("RGB", size, _BACKGROUND)
    for place, (tile, name) in enumerate(zip(tiles, names, strict=True)):
        left = _MARGIN + place * (width + _MARGIN)
        _write(sheet, name, left)
        sheet.paste(Image.fromarray(tile), (left, _STRIP))
    return np.array(sheet)


def residual_sheet(
    content: Tensor, previous_content: Tensor, stylized: Tensor, previous: Tensor, scale: float
) -> Picture:
    """|V[i] − V[i-1]| beside |V'[i] − V'[i-1]|, averaged over the channels, with a colour scale from 0 to `scale`.

    Images are (1, 3, H, W) in [0, 1]; values above `scale` have the scale's last colour.
    """
    residuals = [(content - previous_content).abs(), (stylized - previous).abs()]
    tiles = [coloured(residual.mean(1)[0], scale) for residual in residuals]
    names = ["content  |V[i] - V[i-1]|", "painted  |V'[i] - V'[i-1]|"]
    sheet = side_by_side(tiles, names)
    return np.concatenate([sheet, legend(sheet.shape[1], scale)], axis=0)


def coloured(values: Tensor, scale: float) -> Picture:
    """Values (H, W) from 0 to `scale` in the colours of magma, which also work in grey and for the colour-blind."""
    levels = (values / scale).clamp(0, 1).mul(255).round().byte().cpu().numpy()
    return np.ascontiguousarray(cv2.applyColorMap(levels, cv2.COLORMAP_MAGMA)[..., ::-1])


def key_frame_sheet(content: Tensor, stylized: Tensor) -> Picture:
    """The content frame beside the painted one, (1, 3, H, W) each."""
    return side_by_side([to_uint8(content), to_uint8(stylized)], ["content", "painted"])


def legend(width: int, scale: float, size: int = 13) -> Picture:
    """A bar of the colour scale, `width` wide with its margins, its ends and middle labelled in text `size` high."""
    margin, height, strip_height = (round(part * size / 13) for part in (_MARGIN, 10, _STRIP))
    ramp = np.tile(np.linspace(0, 255, width - 2 * margin).round().astype(np.uint8), (height, 1))
    colours = np.ascontiguousarray(cv2.applyColorMap(ramp, cv2.COLORMAP_MAGMA)[..., ::-1])
    strip = Image.new("RGB", (width, height + strip_height), _BACKGROUND)
    strip.paste(Image.fromarray(colours), (margin, 0))
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(size)
    marks = (
        ("0", margin, "la"),
        (f"{scale / 2:g}", width / 2, "ma"),
        (f"{scale:g}+", width - margin, "ra"),
    )
    for text, x, anchor in marks:
        draw.text((x, height + 2), text, _TEXT, font, anchor)
    return np.array(strip)


def _write(sheet: Image.Image, text: str, left: int) -> None:
    ImageDraw.Draw(sheet).text((left, 3), text, _TEXT, ImageFont.load_default(13))
