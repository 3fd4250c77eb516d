"""Conversion from the coded values of a video file to RGB, in floats and without rounding."""

from __future__ import annotations

import av
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

# The weights of red and blue in luma, by the stream's matrix coefficients code (ITU-T H.273, table 4).
LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, 625 lines
    6: (0.299, 0.114),  # BT.601, 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
    10: (0.2627, 0.0593),  # BT.2020, constant luminance, treated as non-constant
}

# swscale's flags FULL_CHR_H_INT, FULL_CHR_H_INP and ACCURATE_RND, without which it trades accuracy of chroma and
# rounding for speed. As numbers: PyAV has names for them only since version 17.
CHROMA_FILTER = int(Interpolation.BICUBIC) | 0x2000 | 0x4000 | 0x40000


def to_rgb(picture: av.VideoFrame, reformatter: VideoReformatter) -> NDArray[np.float32]:
    """Return a decoded picture as RGB in [0, 1] of shape (H, W, 3), composited over white where transparent.

    swscale only unpacks the format and upsamples chroma, at the file's bit depth. The colour conversion is
    done here in floats: swscale's own to 16-bit RGB maps white to less than 1 and rounds in between.
    """
    family, layout, bits = _planar_layout(picture.format)
    full = _is_full_range(picture, family)
    # The same matrix and range on both sides, so that no value is converted.
    same_range = ColorRange.JPEG if full else ColorRange.MPEG
    unpacked = reformatter.reformat(
        picture,
        format=layout,
        src_colorspace=Colorspace.ITU601,
        dst_colorspace=Colorspace.ITU601,
        src_color_range=same_range,
        dst_color_range=same_range,
        interpolation=CHROMA_FILTER,
    )
    planes = [_plane(plane, bits) for plane in unpacked.planes]
    depth = min(bits, 16)
    if family == "gbr":
        image = np.stack([planes[2], planes[0], planes[1]], axis=-1) / np.float32(_top(bits))
    elif family == "gray":
        image = np.repeat(_luma(planes[0], depth, full)[..., None], 3, axis=-1)
    else:
        image = _from_yuv(planes, depth, full, _luma_weights(picture))
    if len(planes) == 4:
        alpha = planes[3][..., None] / np.float32(_top(bits))
        image = image * alpha + (1 - alpha)
    return np.clip(image, 0, 1)


def opacity(picture: av.VideoFrame, reformatter: VideoReformatter) -> NDArray[np.float32] | None:
    """Return how opaque a decoded picture is, in [0, 1] of shape (H, W, 1); None where it is so everywhere."""
    _, layout, bits = _planar_layout(picture.format)
    if not layout.startswith(("gbra", "yuva")):
        return None
    values = _plane(reformatter.reformat(picture, format=layout).planes[3], bits)
    values /= np.float32(_top(bits))
    return None if values.min() >= 1 else values[..., None]


def _top(bits: int) -> int:
    """The value of white as coded."""
    return 1 if bits == 32 else 2 ** min(bits, 16) - 1


def _planar_layout(pixels: av.VideoFormat) -> tuple[str, str, int]:
    """Return family (gbr, gray or yuv), name and bits of the layout with a full-size plane per component."""
    name = pixels.name
    alpha = "a" if pixels.has_palette or any(part.is_alpha for part in pixels.components) else ""
    if "f16" in name or "f32" in name:
        return "gbr", f"gbr{alpha}pf32le", 32
    bits = max(8, *(part.bits for part in pixels.components))
    depth = f"{bits}le" if bits > 8 else ""
    if pixels.is_rgb or pixels.has_palette or name.startswith(("xyz", "ya")):
        return "gbr", f"gbr{alpha}p{depth}", bits
    if len(pixels.components) == 1:
        return "gray", f"gray{depth}", bits
    # A j in the name means full range; PyAV 16 would convert the values if the target had none.
    return "yuv", "yuvj444p" if name.startswith("yuvj") else f"yuv{alpha}444p{depth}", bits


def _plane(plane: VideoPlane, bits: int) -> NDArray[np.float32]:
    """Return the values of a plane, of shape (H, W), as coded."""
    kind = np.dtype({8: "u1", 32: "<f4"}.get(bits, "<u2"))
    lines = np.frombuffer(memoryview(plane), kind).reshape(plane.height, plane.line_size // kind.itemsize)
    return lines[:, : plane.width].astype(np.float32)


def _is_full_range(picture: av.VideoFrame, family: str) -> bool:
    """Whether black and white are the ends of the range (full range); untagged grey is taken to be."""
    if picture.format.name.startswith("yuvj") or picture.color_range == ColorRange.JPEG:
        return True
    return family == "gray" and picture.color_range != ColorRange.MPEG


def _luma_weights(picture: av.VideoFrame) -> tuple[float, float]:
    """Return the weights of red and blue in luma, by the picture's height if the stream is not tagged."""
    by_size = LUMA_WEIGHTS[1] if picture.height >= 720 else LUMA_WEIGHTS[6]
    return LUMA_WEIGHTS.get(int(picture.colorspace), by_size)


def _luma(values: NDArray[np.float32], bits: int, full: bool) -> NDArray[np.float32]:
    """Return luma in [0, 1] for values as coded."""
    if full:
        return (values / (2**bits - 1)).astype(np.float32, copy=False)
    unit = 2 ** (bits - 8)
    return (values - 16 * unit) / np.float32(219 * unit)


def _chroma(values: NDArray[np.float32], bits: int, full: bool) -> NDArray[np.float32]:
    """Return a colour difference in [-0.5, 0.5] for values as coded."""
    unit = 2 ** (bits - 8)
    return (values - 128 * unit) / np.float32(2**bits - 1 if full else 224 * unit)


def _from_yuv(
    planes: list[NDArray[np.float32]], bits: int, full: bool, weights: tuple[float, float]
) -> NDArray[np.float32]:
    """Return RGB of shape (H, W, 3) for planes of luma and colour difference (ITU-T H.273, section 8.3)."""
    of_red, of_blue = (np.float32(weight) for weight in weights)
    luma = _luma(planes[0], bits, full)
    red = luma + 2 * (1 - of_red) * _chroma(planes[2], bits, full)
    blue = luma + 2 * (1 - of_blue) * _chroma(planes[1], bits, full)
    green = (luma - of_red * red - of_blue * blue) / (1 - of_red - of_blue)
    return np.stack([red, green, blue], axis=-1).astype(np.float32, copy=False)
