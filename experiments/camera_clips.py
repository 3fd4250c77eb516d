"""Clips of a camera that moves over a still picture, the first frame of the bunny clip: a pan, and a shaking hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from vst.assets import fetch
from vst.files import atomic_write

WIDTH, HEIGHT = 640, 360
"""Size of the camera's window on the picture of 1280×720 pixels."""

View = tuple[float, float, float]
"""Position of the window's centre in the picture, in pixels, and its rotation in degrees."""


def pan() -> Iterator[View]:
    """A slow pan to the right, of 1 % of the window's width a frame, and slightly down."""
    for frame in range(40):
        yield 400 + 6.7 * frame, 320 + 1.3 * frame, 0.0


def shaky() -> Iterator[View]:
    """A hand-held camera: a walk around the same place, up to 2 % of the window's width and a degree a frame."""
    random = np.random.default_rng(0)
    state, speed = np.zeros(3), np.zeros(3)
    for _ in range(40):
        x, y, turn = state
        yield 640 + x, 360 + y, turn
        speed = 0.6 * speed - 0.15 * state + random.normal(0, (5, 4, 0.3))
        state = state + speed


CAMERAS = {"pan": pan, "shaky": shaky}


def camera_clip(name: str, path: Path) -> Path:
    """The file of a clip of CAMERAS, lossless, made where it is missing."""
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(fetch("bunny"))) as clip:
        picture = next(clip.decode(video=0)).to_ndarray(format="rgb24")
    with atomic_write(path) as aside, av.open(str(aside), "w", format="matroska") as out:
        stream = out.add_stream("ffv1", rate=24)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "bgr0"
        for x, y, turn in CAMERAS[name]():
            matrix = cv2.getRotationMatrix2D((x, y), turn, 1.0)
            matrix[:, 2] = matrix[:, 2] + np.array([WIDTH / 2 - x, HEIGHT / 2 - y])
            window = cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC).astype(np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(window, format="rgb24")))
        out.mux(stream.encode(None))
    return path
