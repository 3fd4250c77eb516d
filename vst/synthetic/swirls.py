from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vst.synthetic.brush import (
    Array,
    Generator,
    Noise,
    hex_colour,
    impasto,
    paint_strokes,
    ramp,
    scatter,
    smoothstep,
    trace,
    unit_grid,
)

SKY = ["0c1440", "14256b", "1f3f94", "2f5cb0", "4f80c4", "7fa6cf", "a9c4cc", "c9d4b4"]
GLOW = ["f0a818", "f7d038", "f8e878", "e4e6a0", "a8c4b0", "5f8fc0"]
HILLS = ["0c132e", "1a2a60", "2c4d90", "4f7ab4", "86a9ac"]
CYPRESS = ["060d0c", "0f1f18", "1d3323", "33402a", "4c3b25"]


@dataclass(frozen=True)
class Star:
    """A glowing disc: centre and radius in units of the shorter side."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Vortex:
    """A spiral of the sky: centre and radius in units of the shorter side, `turn` +1 or -1."""

    x: float
    y: float
    radius: float
    turn: float


@dataclass
class Night:
    """The layout of the picture, in units of the shorter side."""

    x: Array
    y: Array
    wide: float
    high: float
    stars: list[Star]
    vortices: list[Vortex]
    noise: Noise

    def horizon(self, x: Array, layer: int) -> Array:
        """Height of the skyline of hill `layer` (0 the farthest) at `x`."""
        wave = self.noise(x * 1.6 + 5.1 * layer, np.full_like(x, 2.7 + layer), 2)
        return self.high * (0.70 + 0.085 * layer) + 0.10 * wave - 0.06 * x / self.wide


def paint_swirls(height: int, width: int, rng: Generator) -> Array:
    """Paint a night sky in flowing strokes; returns (H, W, 3) in [0, 1]."""
    parts = rng.spawn(6)
    night = compose(height, width, parts[0])
    canvas = np.empty((height, width, 4), np.uint8)
    canvas[:] = (*(hex_colour(SKY[1]) * 255).tolist(), 90)
    paint_sky(canvas, night, parts[1])
    paint_hills(canvas, night, parts[2])
    paint_village(canvas, night, parts[3])
    paint_cypress(canvas, night, parts[4])
    return impasto(canvas, 0.75)


def compose(height: int, width: int, rng: Generator) -> Night:
    """Place the moon, the stars and the spirals."""
    x, y = unit_grid(height, width)
    wide, high = width / min(height, width), height / min(height, width)
    turn = rng.choice([-1.0, 1.0])
    centre = rng.uniform(0.50, 0.60) * wide
    vortices = [
        Vortex(centre, rng.uniform(0.36, 0.42) * high, 0.20, turn),
        Vortex(centre + 0.24 * wide, rng.uniform(0.48, 0.52) * high, 0.11, -turn),
    ]
    stars = [Star(0.87 * wide, rng.uniform(0.13, 0.17) * high, 0.068)]
    for _ in range(400):
        star = Star(rng.uniform(0.05, 0.95) * wide, rng.uniform(0.05, 0.55) * high, rng.uniform(0.018, 0.040))
        clear = all(np.hypot(star.x - o.x, star.y - o.y) > 2.3 * (star.radius + o.radius) for o in stars)
        free = all(np.hypot(star.x - v.x, star.y - v.y) > 0.9 * v.radius + star.radius for v in vortices)
        if clear and free and len(stars) < 12:
            stars.append(star)
    return Night(x, y, wide, high, stars, vortices, Noise(rng))


def sky_field(night: Night) -> Array:
    """Direction (H, W, 2) of the sky's strokes: a waving wind, spirals, and rings round the stars."""
    x, y = night.x, night.y
    bend = 0.9 * night.noise(x * 2.2, y * 3.0, 2) + 0.35 * np.sin(5.0 * x + 2.0 * y)
    u, v = np.cos(bend), np.sin(bend)
    for vortex in night.vortices:
        dx, dy = x - vortex.x, y - vortex.y
        r = np.hypot(dx, dy) + 1e-4
        weight = 5 * np.exp(-((r / (1.15 * vortex.radius)) ** 2.5))
        inward = 0.30
        u = u + weight * (-vortex.turn * dy - inward * dx) / r
        v = v + weight * (vortex.turn * dx - inward * dy) / r
    for star in night.stars:
        dx, dy = x - star.x, y - star.y
        r = np.hypot(dx, dy) + 1e-4
        weight = 9 * np.exp(-((r / (2.1 * star.radius)) ** 4))
        u, v = u - weight * dy / r, v + weight * dx / r
    length = np.hypot(u, v) + 1e-6
    return np.stack([u / length, v / length], -1).astype(np.float32)


def sky_colour(night: Night) -> tuple[Array, Array]:
    """Lightness of the sky in [0, 1] and distance to the nearest star in its radii, both (H, W)."""
    x, y = night.x, night.y
    value = 0.36 + 0.34 * night.noise(x * 2.5 + 9, y * 6.0, 3) + 0.16 * smoothstep(0.45, 0.72, y / night.high)
    for vortex in night.vortices:
        dx, dy = x - vortex.x, y - vortex.y
        r = np.hypot(dx, dy) / vortex.radius
        arm = np.cos(2 * np.arctan2(dy, dx) * vortex.turn + 3.2 * np.log(r + 0.05))
        near = np.exp(-((r / 1.25) ** 3))
        value = value + near * (0.14 + 0.30 * arm - 0.1 * (value - 0.4))
    band = np.abs(y - night.horizon(x, 0) + 0.10 + 0.06 * np.sin(4 * x))
    value = value + 0.42 * np.exp(-((band / 0.055) ** 2))
    nearest = np.full_like(x, 9)
    for star in night.stars:
        nearest = np.minimum(nearest, np.hypot(x - star.x, y - star.y) / star.radius)
    return np.clip(value, 0, 1), nearest


def paint_sky(canvas: NDArray[np.uint8], night: Night, rng: Generator) -> None:
    """Lay the sky from broad dark strokes to short bright ones."""
    field = sky_field(night)
    value, nearest = sky_colour(night)
    #        strokes   length  width  jitter
    passes = [(1100, 1 / 10, 1 / 26, 0.05), (2600, 1 / 13, 1 / 58, 0.10), (3600, 1 / 24, 1 / 90, 0.15)]
    passes.append((1800, 1 / 44, 1 / 130, 0.22))
    for count, length, breadth, jitter in passes:
        lay_sky(canvas, night, rng.spawn(1)[0], field, value, nearest, count, length, breadth, jitter)


def lay_sky(
    canvas: NDArray[np.uint8],
    night: Night,
    rng: Generator,
    field: Array,
    value: Array,
    nearest: Array,
    density: int,
    length: float,
    breadth: float,
    jitter: float,
) -> None:
    """One pass over the sky: `density` strokes per unit area; sizes in units of the shorter side."""
    height, width = value.shape
    side = min(height, width)
    count = round(density * night.wide * night.high * 0.85)
    start = scatter(rng, count, height, int(width))
    start[:, 1] *= 0.85
    column, row = start[:, 0].astype(int), start[:, 1].astype(int)
    near = nearest[row, column]
    draws = rng.random((count, 3))
    shade = np.clip(value[row, column] + jitter * 2.4 * (draws[:, 0] - 0.5), 0, 1)
    colour = ramp(SKY, shade)
    accents = 0.6 * jitter if breadth < 1 / 70 else 0.0
    colour[(draws[:, 1] < 0.4 * accents) & (shade > 0.35)] = hex_colour("b58a4a")
    colour[(draws[:, 1] > 1 - 0.5 * accents) & (shade < 0.6)] = hex_colour("0a0f2c")
    lit = 2.5 - 1.3 * draws[:, 2] ** 2
    glow = np.clip(near / 2.5 + jitter * (draws[:, 0] - 0.5), 0, 1)
    colour = np.where((near < lit)[:, None], ramp(GLOW, glow), colour)
    shorter = np.clip(0.35 + 0.25 * near, 0.35, 1)
    size = side * length * (0.7 + 0.6 * rng.random(count)) * shorter
    breadths = side * breadth * (0.75 + 0.5 * rng.random(count)) * np.clip(0.55 + 0.2 * near, 0.55, 1)
    paint_strokes(canvas, rng, trace(field, start, size, 9), breadths, colour)


def paint_hills(canvas: NDArray[np.uint8], night: Night, rng: Generator) -> None:
    """Three rows of hills, each with strokes along its slope, and a dark contour on top."""
    height, width = canvas.shape[:2]
    side = min(height, width)
    line = (np.arange(width, dtype=np.float32) + 0.5) / side
    for layer in range(3):
        top = night.horizon(line, layer)
        points = np.stack([line * side, top * side], -1)
        outline = np.concatenate([points, [[width, height + 9], [0, height + 9]]])
        base = ramp(HILLS, np.array([0.62 - 0.22 * layer]))[0] * 255
        cv2.fillPoly(canvas, [np.round(outline).astype(np.int32)], (*base.tolist(), 80))
        lay_hill(canvas, night, rng.spawn(1)[0], layer, top)
        edge = np.round(points[::6] * 16).astype(np.int32)
        cv2.polylines(canvas, [edge], False, (10, 14, 40, 150), max(1, side // 170), cv2.LINE_AA, 4)


def lay_hill(canvas: NDArray[np.uint8], night: Night, rng: Generator, layer: int, top: Array) -> None:
    """Strokes on one hill: they follow its contour at the top and curl into bushes further down."""
    height, width = canvas.shape[:2]
    side = min(height, width)
    count = round(1500 * night.wide)
    draws = rng.random((count, 5))
    column = np.minimum(draws[:, 0] * width, width - 1)
    depth = draws[:, 1] ** 0.9 * (0.12 + 0.30 * (layer == 2))
    row = (top[column.astype(int)] + 0.012 + depth) * side
    start = np.stack([column, row], -1)
    slope = np.gradient(top)[np.clip(np.arange(width), 0, width - 1)] * side
    bushes = 1.9 * np.sin(26 * night.x + 7 * night.noise(night.x * 5, night.y * 5)) * (layer == 2)
    angle = np.arctan(slope)[None, :] + 0.5 * night.noise(night.x * 6 + layer, night.y * 6) + bushes * 0.6
    field = np.stack([np.cos(angle), np.sin(angle)], -1).astype(np.float32)
    shade = 0.62 - 0.15 * layer + 0.5 * (draws[:, 2] - 0.5) - 0.9 * depth
    colour = ramp(HILLS, np.clip(shade, 0, 1))
    green = (draws[:, 3] < 0.22) & (layer > 0)
    colour[green] = colour[green] * 0.6 + hex_colour("7f9a5a") * 0.3
    size = side * (0.025 + 0.045 * draws[:, 4])
    breadth = side * (1 / 120 + 1 / 160 * draws[:, 2])
    paint_strokes(canvas, rng, trace(field, start, size, 7), breadth, colour, bristles=4)


def paint_village(canvas: NDArray[np.uint8], night: Night, rng: Generator) -> None:
    """Small houses with dark outlines and lit windows, and a church with a spire, below the hills."""
    height, width = canvas.shape[:2]
    side = min(height, width)
    for n in range(round(11 * night.wide)):
        x, y = rng.uniform(0.30, 0.98) * night.wide, (rng.uniform(0.86, 0.97)) * night.high
        w, h = rng.uniform(0.030, 0.060), rng.uniform(0.022, 0.040)
        house(canvas, rng, x * side, y * side, w * side, h * side, lit=n % 2 == 0)
    x, y = 0.60 * night.wide * side, 0.915 * night.high * side
    house(canvas, rng, x, y, 0.06 * side, 0.05 * side, lit=True)
    spire = np.array(
        [[x, y - 0.05 * side], [x + 0.012 * side, y - 0.20 * side], [x + 0.024 * side, y - 0.05 * side]]
    )
    fill(canvas, spire, "4a628c", 0.006 * side)


def house(
    canvas: NDArray[np.uint8], rng: Generator, x: float, y: float, w: float, h: float, lit: bool
) -> None:
    """One house, its lower left corner at (x, y), all in pixels."""
    wall = ["3d5580", "5b76a0", "2b3c66", "6d7f90"][rng.integers(4)]
    roof = ["1c2748", "5a4a4a", "34507c", "7a5a44"][rng.integers(4)]
    fill(canvas, np.array([[x, y], [x, y - h], [x + w, y - h], [x + w, y]]), wall, 0.08 * w)
    ridge = np.array([[x - 0.1 * w, y - h], [x + 0.2 * w, y - 1.7 * h], [x + 0.8 * w, y - 1.7 * h]])
    fill(canvas, np.concatenate([ridge, [[x + 1.1 * w, y - h]]]), roof, 0.08 * w)
    if lit:
        left, top = x + 0.3 * w, y - 0.7 * h
        pane = np.array(
            [[left, top], [left + 0.22 * w, top], [left + 0.22 * w, top + 0.4 * h], [left, top + 0.4 * h]]
        )
        fill(canvas, pane, "f2c53a", 0.04 * w)


def fill(canvas: NDArray[np.uint8], corners: Array, code: str, outline: float) -> None:
    """Fill a polygon (pixels) and draw its dark outline."""
    fixed = np.round(corners * 16).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], (*(hex_colour(code) * 255).tolist(), 140), cv2.LINE_AA, 4)
    cv2.polylines(canvas, [fixed], True, (12, 16, 38, 190), max(1, round(outline)), cv2.LINE_AA, 4)


def paint_cypress(canvas: NDArray[np.uint8], night: Night, rng: Generator) -> None:
    """A dark cypress on the left, of long flickering strokes that rise like flames."""
    height, width = canvas.shape[:2]
    side = min(height, width)
    for axis, foot, top, breadth in [
        (0.19, 1.02, 0.07, 0.075),
        (0.29, 1.02, 0.52, 0.060),
        (0.12, 1.02, 0.55, 0.05),
    ]:
        count = 420
        draws = rng.random((count, 4))
        rise = draws[:, 0]
        swell = breadth * (0.03 + 0.97 * rise**0.9)
        y = night.high * (top + (foot - top) * rise)
        sway = 0.018 * np.sin(9 * y + axis * 40)
        offset = 2 * draws[:, 1] - 1
        x = axis * night.wide + sway + swell * offset
        bend = (
            -np.pi / 2
            + 0.55 * np.sin(23 * night.y + 8 * night.x + axis * 50)
            - 2.2 * (night.x - axis * night.wide)
        )
        field = np.stack([np.cos(bend), np.sin(bend)], -1).astype(np.float32)
        shade = np.clip(0.45 + 0.9 * (draws[:, 2] - 0.5) * np.abs(offset) + 0.35 * (draws[:, 3] - 0.5), 0, 1)
        order = np.argsort(-rise, kind="stable")
        size = side * (0.045 + 0.065 * rise)
        start = np.stack([x, y], -1) * side
        thick = side * (1 / 130 + 1 / 100 * draws[:, 3]) * (0.3 + 0.9 * rise)
        paths = trace(field, start, size, 9)
        paint_strokes(canvas, rng, paths[order], thick[order], ramp(CYPRESS, shade)[order], bristles=4)
