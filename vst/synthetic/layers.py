from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vst.synthetic.brush import SHIFT, Array, Noise, hex_colour, smoothstep

DENSITY = 1.4  # texels per pixel: above 1, so that sampling a texture does not soften the picture much
COARSEST = 260  # textures are drawn with at least this many texels per unit, then averaged down


@dataclass(frozen=True)
class Pose:
    """Where a layer lies in the picture: q -> `matrix` q + `offset`, in units of the shorter side."""

    matrix: Array
    offset: Array

    @classmethod
    def of(cls, x: float, y: float, angle: float = 0.0, zoom: float | tuple[float, float] = 1.0) -> Pose:
        """Scale by `zoom` (one factor, or one for x and one for y), turn by `angle` in radians, then move."""
        c, s = np.cos(angle), np.sin(angle)
        return cls(np.array([[c, -s], [s, c]]) * np.broadcast_to(zoom, 2), np.array([x, y], np.float64))

    def __matmul__(self, inner: Pose) -> Pose:
        """Apply `inner` first, then this pose, as for a hand on an arm."""
        return Pose(self.matrix @ inner.matrix, self.matrix @ inner.offset + self.offset)

    def inverse(self) -> Pose:
        """Return the exact inverse: from the picture to the layer."""
        back = np.linalg.inv(self.matrix)
        return Pose(back, -back @ self.offset)

    def __call__(self, points: Array) -> Array:
        """Map points (..., 2)."""
        return points @ self.matrix.T + self.offset


Motion = Callable[[int], Pose]


@dataclass(frozen=True)
class Layer:
    """A flat cut-out with its own picture, moved as a whole.

    `texture` is RGBA uint8 (h, w, 4), premultiplied by alpha, of `density` texels per unit, its upper
    left corner at layer coordinate `origin`. `motion` gives the pose at a frame, counted from the shot's
    first. With a `period` the texture repeats horizontally for ever; otherwise it is transparent outside.
    """

    texture: NDArray[np.uint8]
    density: float
    origin: tuple[float, float]
    motion: Motion
    period: float = 0.0

    def sample(self, points: Array) -> NDArray[np.uint8]:
        """Look up RGBA (h, w, 4) at layer coordinates (h, w, 2), bilinearly between texels."""
        u = points[..., 0] - self.origin[0]
        v = (points[..., 1] - self.origin[1]) * self.density - 0.5
        if self.period:
            u = np.mod(u, self.period)
        u = (
            u * self.density - 0.5 + (1 if self.period else 0)
        )  # a periodic texture has one more column at each end
        limit = 30000  # OpenCV's coordinates have 16 bits; farther out there is nothing anyway
        u, v = (np.clip(c, -limit, limit).astype(np.float32) for c in (u, v))
        return cv2.remap(self.texture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)  # ty: ignore

    def solid(self, points: Array) -> NDArray[np.bool_]:
        """Whether the layer is opaque, of alpha a half or more, at each of `points` (h, w, 2): (h, w)."""
        return self.sample(points)[..., 3] >= 128

    @property
    def end(self) -> tuple[float, float]:
        """Layer coordinate of the texture's lower right corner; infinitely far right if periodic."""
        height, width = self.texture.shape[:2]
        right = np.inf if self.period else self.origin[0] + width / self.density
        return right, self.origin[1] + height / self.density


class Cel:
    """A transparent sheet to draw a layer on, from layer coordinate (left, top) to (right, bottom).

    `side` is the picture's shorter side in pixels. A periodic cel repeats horizontally after its width:
    what is drawn across one end continues at the other.
    """

    def __init__(
        self, side: int, left: float, top: float, right: float, bottom: float, periodic: bool = False
    ):
        self.left, self.top = left, top
        self.period = right - left if periodic else 0.0
        # A period must be a whole number of texels, or its seam would show.
        self.columns = max(2, round((right - left) * DENSITY * side))
        self.density = self.columns / (right - left)
        self.rows = max(2, round((bottom - top) * self.density))
        self.fine = max(1, -(-COARSEST // round(self.density)))
        self.scale = self.density * self.fine
        self.canvas = np.zeros((self.rows * self.fine, self.columns * self.fine, 4), np.uint8)

    @property
    def x(self) -> Array:
        """Layer coordinate of each column of the canvas, (1, w)."""
        return ((np.arange(self.canvas.shape[1], dtype=np.float32) + 0.5) / self.scale + self.left)[None]

    @property
    def y(self) -> Array:
        """Layer coordinate of each row of the canvas, (h, 1)."""
        return ((np.arange(self.canvas.shape[0], dtype=np.float32) + 0.5) / self.scale + self.top)[:, None]

    def noise(self, noise: Noise, across: float, down: float, octaves: int = 1) -> Array:
        """Evaluate noise with cells of 1/`across` by 1/`down` over the canvas, (h, w), without a seam."""
        x, y = self.x[0], self.y[:, 0] * down
        value = noise.on_grid(x * across, y, octaves)
        if self.period:
            blend = smoothstep(0.75, 1.0, (x - self.left) / self.period)
            tail = len(x) - np.count_nonzero(blend)
            before = noise.on_grid((x[tail:] - self.period) * across, y, octaves)
            value[:, tail:] += blend[tail:] * (before - value[:, tail:])
        return value

    def paint(self, colours: Array) -> None:
        """Cover the whole cel with `colours`, broadcast to (h, w, 3), in [0, 1]."""
        self.canvas[..., :3] = np.round(np.clip(colours, 0, 1) * 255)
        self.canvas[..., 3] = 255

    def shade(self, value: Array) -> None:
        """Lighten or darken the drawing so far by the factor 1 + `value` (h, w)."""
        lit = self.canvas[..., :3] * (1 + value[..., None])
        self.canvas[..., :3] = np.round(np.clip(lit, 0, self.canvas[..., 3:]))

    def polygon(self, points: Array, colour: str, outline: float = 0.0, ink: str = "15121a") -> None:
        """Fill the polygon `points` (N, 2); draw its outline with width `outline`."""
        for fixed in self._copies(points):
            cv2.fillPoly(self.canvas, [fixed], self._rgba(colour), cv2.LINE_AA, SHIFT)
            if outline:
                cv2.polylines(
                    self.canvas, [fixed], True, self._rgba(ink), self._thick(outline), cv2.LINE_AA, SHIFT
                )

    def line(self, points: Array, colour: str, width: float) -> None:
        """Draw a line through `points` (N, 2)."""
        for fixed in self._copies(points):
            cv2.polylines(
                self.canvas, [fixed], False, self._rgba(colour), self._thick(width), cv2.LINE_AA, SHIFT
            )

    def disc(
        self, x: float, y: float, radius: float | tuple[float, float], colour: str, outline: float = 0.0
    ) -> None:
        """Fill a circle, or an ellipse of two radii."""
        turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        ring = np.stack([np.cos(turn), np.sin(turn)], -1) * np.broadcast_to(radius, 2)
        self.polygon(ring + np.array([x, y]), colour, outline)

    def layer(self, motion: Motion) -> Layer:
        """Finish the drawing."""
        texture = self.canvas
        if self.fine > 1:
            texture = cv2.resize(texture, (self.columns, self.rows), interpolation=cv2.INTER_AREA)
        if self.period:
            texture = np.concatenate([texture[:, -1:], texture, texture[:, :1]], 1)
        texture = np.ascontiguousarray(texture, np.uint8)
        return Layer(texture, self.density, (self.left, self.top), motion, self.period)

    def _copies(self, points: Array) -> list[NDArray[np.int32]]:
        shifts = (-self.period, 0.0, self.period) if self.period else (0.0,)
        corner = np.array([self.left, self.top])
        return [
            np.round(((points + np.array([s, 0.0]) - corner) * self.scale - 0.5) * 2**SHIFT).astype(np.int32)
            for s in shifts
        ]

    def _thick(self, width: float) -> int:
        return max(1, round(width * self.scale))

    @staticmethod
    def _rgba(code: str) -> tuple[float, ...]:
        return (*(hex_colour(code) * 255).tolist(), 255.0)


def rounded(points: list[tuple[float, float]], times: int = 3, closed: bool = True) -> Array:
    """Round the corners of a polygon (N, 2) by cutting them `times` times."""
    path = np.array(points, np.float64)
    for _ in range(times):
        following = np.roll(path, -1, 0)
        cut = np.stack([0.75 * path + 0.25 * following, 0.25 * path + 0.75 * following], 1).reshape(-1, 2)
        path = cut if closed else np.concatenate([path[:1], cut[:-2], path[-1:]])
    return path
