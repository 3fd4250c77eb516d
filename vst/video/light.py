"""What a screen of standard dynamic range shows of HDR and of wide colour: sRGB, in floats and without rounding.

Sources: ITU-R BT.2100 (PQ and HLG), BT.2087 (BT.2020 to BT.709), BT.2408 (what is white in HDR), BT.1886.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

# A stream's codes for its transfer function and its primaries (ITU-T H.273, tables 3 and 2).
PQ, HLG = 16, 18
BT2020, DISPLAY_P3 = 9, 12

TO_BT709 = {
    BT2020: (
        (1.660491, -0.587641, -0.072850),
        (-0.124550, 1.132900, -0.008349),
        (-0.018151, -0.100579, 1.118730),
    ),
    DISPLAY_P3: ((1.224940, -0.224940, 0.0), (-0.042057, 1.042057, 0.0), (-0.019638, -0.078636, 1.098274)),
}
"""Linear RGB to that of BT.709, by the code of the primaries."""

WHITE = 203.0
"""Candelas per square metre of a white page in HDR, which is white on a screen."""

HLG_PEAK, HLG_GAMMA = 1000.0, 1.2
"""The display that HLG is seen on: the candelas per square metre of its peak, and its system gamma."""

KNEE = 0.75
"""Light, in units of white, above which highlights are compressed, so that all of them stay below 1."""

SCREEN_GAMMA = np.float32(2.4)


def for_a_screen(image: Image, transfer: int, primaries: int) -> Image:
    """Return an image (H, W, 3) in [0, 1], coded with that transfer function and those primaries, as sRGB.

    What is of standard dynamic range and has the primaries of BT.709, or others as near to them, is unchanged.
    """
    if transfer in (PQ, HLG):
        light = _pq_light(image) if transfer == PQ else _hlg_light(image)
        return _srgb(_compressed(_in_bt709(light, primaries if primaries in TO_BT709 else BT2020)))
    if primaries in TO_BT709:
        return np.clip(_in_bt709(image**SCREEN_GAMMA, primaries), 0, 1) ** (1 / SCREEN_GAMMA)
    return image


def _in_bt709(light: Image, primaries: int) -> Image:
    """Return light with the primaries of BT.709; what they cannot show is cut off at 0."""
    return np.maximum(light @ np.array(TO_BT709[primaries], np.float32).T, 0)


def _pq_light(image: Image) -> Image:
    """Return the light, in units of white, of values coded as PQ (BT.2100, table 4)."""
    coded = image ** np.float32(32 / 2523)
    ratio = np.maximum(coded - np.float32(107 / 128), 0) / (
        np.float32(2413 / 128) - np.float32(2392 / 128) * coded
    )
    return np.float32(10000 / WHITE) * ratio ** np.float32(8192 / 1305)


def _hlg_light(image: Image) -> Image:
    """Return the light, in units of white, of values coded as HLG (BT.2100, table 5)."""
    a, b, c = (np.float32(value) for value in (0.17883277, 0.28466892, 0.55991073))
    scene = np.where(image <= 0.5, image**2 / 3, (np.exp((image - c) / a) + b) / 12)
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593], np.float32)
    return np.float32(HLG_PEAK / WHITE) * luminance[..., None] ** np.float32(HLG_GAMMA - 1) * scene


def _compressed(light: Image) -> Image:
    """Return light in units of white with its highlights compressed to below 1, their hue unchanged.

    The largest of R, G and B stays what it is up to `KNEE`, and nears 1 exponentially above, without a bend.
    """
    largest = light.max(-1, keepdims=True)
    room = np.float32(1 - KNEE)
    above = np.maximum(largest - np.float32(KNEE), 0)
    wanted = np.minimum(largest, np.float32(KNEE)) + room * (1 - np.exp(-above / room))
    return light * (wanted / np.maximum(largest, np.float32(1e-9)))


def _srgb(light: Image) -> Image:
    """Return linear light in [0, 1] as sRGB."""
    curve = np.float32(1.055) * np.maximum(light, np.float32(0.0031308)) ** (1 / SCREEN_GAMMA) - np.float32(
        0.055
    )
    return np.where(light <= 0.0031308, np.float32(12.92) * light, curve)
