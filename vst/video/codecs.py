"""How a painted clip may be coded, and in which container."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

CodecName = Literal["h264", "prores", "ffv1"]


@dataclass(frozen=True)
class Codec:
    """An encoder with its options, the format of its pixels, and the container with the ending of its files.

    All are FFmpeg's names. `transparent` is what pictures with transparency are coded as; without it, they lose theirs.
    """

    encoder: str
    options: Mapping[str, str]
    pixels: str
    container: str
    suffix: str
    transparent: Codec | None = None


def h264(crf: int = 16) -> Codec:
    """What browsers play; `crf` is x264's quality, 0 (nearly lossless) to 51."""
    # No B-frames: decoding order is then display order, so mp4 keeps every frame's own duration.
    return Codec("libx264", {"crf": str(crf), "bf": "0"}, "yuv420p", "mp4", ".mp4")


def _prores(profile: str, pixels: str, transparent: Codec | None = None) -> Codec:
    # vendor: some programs take a file only as Apple's own
    options = {"profile": profile, "vendor": "apl0"}
    return Codec("prores_ks", options, pixels, "mov", ".mov", transparent)


def _ffv1(pixels: str, transparent: Codec | None = None) -> Codec:
    # version 3, with checksums: what archives keep
    options = {"level": "3", "slicecrc": "1"}
    return Codec("ffv1", options, pixels, "matroska", ".mkv", transparent)


CODECS: dict[CodecName, Codec] = {
    "h264": h264(),
    "prores": _prores("hq", "yuv422p10le", transparent=_prores("4444", "yuva444p10le")),
    "ffv1": _ffv1("bgr0", transparent=_ffv1("bgra")),
}
"""ProRes 422 HQ, and 4444 with transparency, for editing; FFV1 without loss: the very pixels of frames/."""
