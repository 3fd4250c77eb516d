from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Generator = np.random.Generator

FINEST = 384  # a smaller picture is drawn this large on its shorter side, then averaged down
LATTICE = 64  # period of the noise, in cells
SHIFT = 4  # fractional bits of the coordinates handed to OpenCV


class Noise:
    """Smooth value noise over the plane: a random lattice interpolated by smoothsteps, in [-1, 1]."""

    def __init__(self, rng: Generator):
        self.lattice = rng.uniform(-1, 1, (LATTICE, LATTICE)).astype(np.float32)

    def __call__(self, x: Array, y: Array, octaves: int = 1) -> Array:
        """Evaluate at coordinates `x`, `y` of one shape; a lattice cell is 1 wide, each octave halves it."""
        total = np.zeros(np.broadcast(x, y).shape, np.float32)
        amplitude, weight = 1.0, 0.0
        for octave in range(octaves):
            shift = 17.3 * octave  # octaves that share lattice points would show them as crosses
            total += amplitude * self._single(x * 2**octave + shift, y * 2**octave + shift)
            weight += amplitude
            amplitude /= 2
        return total / weight

    def on_grid(self, x: Array, y: Array, octaves: int = 1) -> Array:
        """Evaluate as above, (h, w), on the grid of columns at `x` (w,) and rows at `y` (h,), much faster."""
        total = np.zeros((len(y), len(x)), np.float32)
        amplitude, weight = 1.0, 0.0
        for octave in range(octaves):
            shift = 17.3 * octave
            left, u = self._cell(x * 2**octave + shift)
            top, v = self._cell(y * 2**octave + shift)
            right = np.roll(self.lattice, -1, 1)
            across = (1 - u) * self.lattice[:, left] + u * right[:, left]
            total += (amplitude * (1 - v))[:, None] * across[top]
            total += (amplitude * v)[:, None] * across[(top + 1) % LATTICE]
            weight += amplitude
            amplitude /= 2
        return total / weight

    @staticmethod
    def _cell(x: Array) -> tuple[Array, Array]:
        """Lattice index left of `x`, and the smoothed fraction of the way to the next."""
        whole = np.floor(x)
        u = (x - whole).astype(np.float32)
        return whole.astype(np.int64) % LATTICE, u * u * (3 - 2 * u)

    def _single(self, x: Array, y: Array) -> Array:
        (left, u), (top, v) = self._cell(x), self._cell(y)
        right, bottom = (left + 1) % LATTICE, (top + 1) % LATTICE
        flat = self.lattice.ravel()
        above = (1 - u) * flat[top * LATTICE + left] + u * flat[top * LATTICE + right]
        below = (1 - u) * flat[bottom * LATTICE + left] + u * flat[bottom * LATTICE + right]
        return (1 - v) * above + v * below


def unit_grid(height: int, width: int) -> tuple[Array, Array]:
    """Return the pixel centres' (x, y), each (H, W), in units of the shorter side."""
    side = min(height, width)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return (x + 0.5) / side, (y + 0.5) / side


def smoothstep(low: float, high: float, value: Array) -> Array:
    """Rise smoothly from 0 at `low` to 1 at `high`; falls if `low` > `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def ramp(stops: list[str], t: Array) -> Array:
    """Colours (..., 3) at `t` in [0, 1] along evenly spaced `stops`, given as 'rrggbb'."""
    colours = np.array([hex_colour(s) for s in stops])
    steps = 1024  # four per grey level of an 8-bit picture
    at, fine = np.linspace(0, 1, len(stops)), np.linspace(0, 1, steps)
    table = np.stack([np.interp(fine, at, colours[:, c]) for c in range(3)], -1).astype(np.float32)
    return table[np.round(np.clip(t, 0, 1) * (steps - 1)).astype(np.int64)]


def hex_colour(code: str) -> Array:
    """Turn 'rrggbb' into RGB in [0, 1], shape (3,)."""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)], np.float32)


def drawing_size(height: int, width: int) -> tuple[int, int]:
    """Size to draw at: the picture's own, or a multiple whose shorter side has `FINEST` pixels or more."""
    factor = max(1, -(-FINEST // min(height, width)))
    return height * factor, width * factor


def trace(field: Array, starts: Array, length: Array, points: int) -> Array:
    """Follow a direction field from `starts`, half of `length` to either side.

    `field` is (H, W, 2) of unit vectors, `starts` (N, 2) in pixels, `length` (N,) in pixels.
    Returns (N, points, 2), from tail to head.
    """
    step = (length / (points - 1))[:, None]
    half = points // 2
    ahead, behind = [starts], []
    for _ in range(points - 1 - half):
        ahead.append(ahead[-1] + step * _sample(field, ahead[-1]))
    at = starts
    for _ in range(half):
        at = at - step * _sample(field, at)
        behind.append(at)
    return np.stack(behind[::-1] + ahead, 1)


def _sample(field: Array, at: Array) -> Array:
    height, width = field.shape[:2]
    column = np.clip(at[:, 0], 0, width - 1).astype(np.int64)
    row = np.clip(at[:, 1], 0, height - 1).astype(np.int64)
    return field[row, column]


def paint_strokes(
    canvas: NDArray[np.uint8],
    rng: Generator,
    paths: Array,
    width: Array,
    colours: Array,
    bristles: int = 5,
    streak: float = 0.06,
) -> None:
    """Lay brush strokes onto `canvas` (H, W, 4), whose fourth channel is the height of the paint.

    `paths` is (N, K, 2) in pixels, `width` (N,) in pixels, `colours` (N, 3) in [0, 1]. A stroke is a bundle
    of `bristles` lines that meet at its ends, each with its own lightness (by `streak`) and paint height.
    """
    count, points = paths.shape[:2]
    tangent = np.gradient(paths, axis=1)
    normal = np.stack([-tangent[..., 1], tangent[..., 0]], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-6
    along = np.linspace(-1, 1, points)
    taper = np.sqrt(np.maximum(1 - along**4, 0.02))
    across = np.linspace(-0.5, 0.5, bristles)
    spread = width[:, None, None] * across[None, :, None] * taper
    lines = paths[:, None] + spread[..., None] * normal[:, None]
    fixed = np.round(lines * 2**SHIFT).astype(np.int32)
    shade = rng.normal(0, streak, (count, bristles, 1)) + rng.normal(0, streak / 3, (count, bristles, 3))
    ridge = 0.45 + 0.3 * np.abs(2 * across) + rng.uniform(-0.3, 0.25, (count, bristles))
    inks = np.clip(np.concatenate([colours[:, None] + shade, ridge[..., None]], -1) * 255, 0, 255).tolist()
    thickness = np.maximum(1, np.round(width / bristles * 1.6)).astype(int).tolist()
    for stroke, colour_of_each, thick in zip(fixed, inks, thickness, strict=True):
        for line, colour in zip(stroke, colour_of_each, strict=True):
            cv2.polylines(canvas, [line], False, colour, thick, cv2.LINE_AA, SHIFT)


def impasto(canvas: NDArray[np.uint8], strength: float) -> Array:
    """Light the paint of `canvas` (H, W, 4) from the upper left by its height: (H, W, 3) in [0, 1]."""
    side = min(canvas.shape[:2])
    height = cv2.GaussianBlur(canvas[..., 3].astype(np.float32) / 255, (0, 0), side / 900)
    slope = (cv2.Sobel(height, cv2.CV_32F, 1, 0) + cv2.Sobel(height, cv2.CV_32F, 0, 1)) / 8
    light = np.tanh(2 * slope * side / 512)[..., None] * strength
    colour = canvas[..., :3].astype(np.float32) / 255
    return np.clip(colour + light * (0.35 + 0.65 * colour), 0, 1)


def scatter(rng: Generator, count: int, height: int, width: int) -> Array:
    """Uniformly random positions (count, 2) in pixels; the first ones do not depend on `count`."""
    return rng.random((count, 2)) * (width, height)
