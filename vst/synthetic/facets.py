from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vst.synthetic.brush import Array, Generator, Noise, hex_colour, smoothstep, unit_grid

GROUND = [
    "b98d55",
    "8c8069",
    "55606b",
    "d2bd90",
    "6b4a33",
    "3c4a44",
    "9a9c98",
    "a8612f",
    "2f3f58",
    "7d7350",
    "cbb79a",
]
GUITAR = ["d08a3c", "a2592a", "e2b878", "7a3f24", "3a2a24", "c9a066", "b3392b", "8a8f92"]
BOTTLE = ["2f5a4c", "3f6f86", "16382f", "86a08c", "24405e", "b9c4b4"]
GLASS = ["c9d0cc", "7f95a6", "eee6d0", "4d6478"]
FRUIT = ["d9772b", "c23a2a", "e0b03a", "8fa04a", "7b2a22"]
TABLE = ["8a5a34", "6d4527", "a87444", "4f3524", "b58a5e"]
PAPER = ["e9dfc4", "d9ccb0", "f1ead8"]
OBJECTS = [GROUND, TABLE, PAPER, BOTTLE, GUITAR, GLASS, FRUIT]
GUITAR_SIZE = 1.22  # of the body and neck as drawn below, 0.9 long
GUITAR_AT = OBJECTS.index(GUITAR)
LINE = hex_colour("15110f")


@dataclass
class Plane:
    """How each facet views and paints its part of the picture: one row of each array per facet."""

    shift: Array  # (N, 2): shift of its view, in units of the shorter side
    turn: Array  # (N,): rotation of its view, radians
    shade: Array  # (N,): direction of its light, radians
    grain: Array  # (N,): direction of its brush, radians


def paint_facets(height: int, width: int, rng: Generator) -> Array:
    """Paint a still life broken into planes; returns (H, W, 3) in [0, 1]."""
    h, w = (2 * height, 2 * width) if min(height, width) < 1024 else (height, width)
    parts = rng.spawn(4)
    x, y = unit_grid(h, w)
    facet, centres = split(x, y, parts[0])
    plane = choose_planes(len(centres), parts[1])
    seen_x, seen_y = look(x, y, facet, centres, plane)
    seen_x, seen_y = seen_x - 0.5 * w / min(h, w), seen_y - 0.5 * h / min(h, w)
    shapes = still_life(seen_x, seen_y, w / min(h, w))
    picture = colour(x, y, facet, centres, plane, shapes, parts[2])
    picture = contours(picture, facet, shapes, guitar_marks(seen_x, seen_y), Noise(parts[3])(x * 9, y * 9, 2))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def split(x: Array, y: Array, rng: Generator) -> tuple[Array, Array]:
    """Cut the picture by straight lines, the largest piece first: facets (H, W) and centres (N, 2).

    Cuts are chosen on a coarse grid of fixed size, so that pictures of all sizes are cut alike.
    """
    side = min(x.shape)
    coarse_x, coarse_y = unit_grid(*(round(128 * length / side) for length in x.shape))
    coarse, facet = np.zeros(coarse_x.shape, np.int64), np.zeros(x.shape, np.int64)
    tilts = np.array([0.0, 0.35, -0.35, 0.9, -0.9, np.pi / 2, 1.25, -1.2])
    for count in range(1, 34):
        sizes = np.bincount(coarse.ravel(), minlength=count)
        piece = int(np.argmax(sizes * rng.uniform(0.7, 1.0, count)))
        inside = coarse == piece
        cx, cy = float(np.median(coarse_x[inside])), float(np.median(coarse_y[inside]))
        angle = float(tilts[rng.integers(len(tilts))] + rng.normal(0, 0.08))
        offset = rng.uniform(-0.04, 0.04)
        for pieces, px, py in ((coarse, coarse_x, coarse_y), (facet, x, y)):
            beyond = (px - cx) * np.cos(angle) + (py - cy) * np.sin(angle) > offset
            pieces[(pieces == piece) & beyond] = count
    count = int(coarse.max()) + 1
    sizes = np.maximum(np.bincount(coarse.ravel(), minlength=count), 1)
    centres = [np.bincount(coarse.ravel(), v.ravel(), minlength=count) / sizes for v in (coarse_x, coarse_y)]
    return facet, np.stack(centres, -1).astype(np.float32)


def choose_planes(count: int, rng: Generator) -> Plane:
    """Give each facet its view, its light and its brush."""
    return Plane(
        shift=rng.normal(0, 0.016, (count, 2)).astype(np.float32),
        turn=rng.normal(0, 0.075, count).astype(np.float32),
        shade=rng.uniform(0, 2 * np.pi, count).astype(np.float32),
        grain=rng.choice([0.0, 0.5, -0.5, np.pi / 2, 1.1], count).astype(np.float32),
    )


def look(x: Array, y: Array, facet: Array, centres: Array, plane: Plane) -> tuple[Array, Array]:
    """Coordinates at which each facet sees the objects: turned about its centre, and shifted."""
    dx, dy = x - centres[facet, 0], y - centres[facet, 1]
    c, s = np.cos(plane.turn)[facet], np.sin(plane.turn)[facet]
    seen_x = x + plane.shift[facet, 0] + (c - 1) * dx - s * dy
    seen_y = y + plane.shift[facet, 1] + s * dx + (c - 1) * dy
    return seen_x, seen_y


def still_life(x: Array, y: Array, wide: float) -> list[Array]:
    """Signed distances (negative inside) of the objects, back to front, in the order of `OBJECTS` from the table on.

    `x` and `y` count from the picture's centre, in units of the shorter side.
    """
    table = np.maximum(-(y - 0.20 - 0.12 * x), np.abs(x) - 0.47 * wide)
    paper = np.maximum(np.abs(x * 0.94 + y * 0.34 + 0.20) - 0.20, np.abs(y * 0.94 - x * 0.34 - 0.22) - 0.11)
    return [
        table,
        paper,
        bottle(x - 0.27, y + 0.08),
        guitar(x, y),
        glass(x + 0.30, y - 0.12),
        fruit(x - 0.2, y - 0.30),
    ]


def guitar(x: Array, y: Array) -> Array:
    """A guitar that leans: two bouts, a waist, a neck and a head."""
    u, v = along_guitar(x, y)
    half = 0.118 + 0.052 * np.tanh((v - 0.06) * 14) - 0.052 * np.exp(-(((v - 0.05) / 0.055) ** 2))
    ends = np.sqrt(np.clip(1 - np.abs((v - 0.10) / 0.235) ** 3.2, 0, 1))
    body = np.where(np.abs(v - 0.10) < 0.235, np.abs(u) - half * ends, 0.02 + np.abs(v - 0.10) - 0.235)
    neck = np.maximum(np.abs(u) - 0.024, np.abs(v + 0.27) - 0.20)
    head = np.maximum(np.abs(u + 0.01) - 0.042, np.abs(v + 0.455) - 0.05)
    return GUITAR_SIZE * np.minimum(np.minimum(body, neck), head)


def along_guitar(x: Array, y: Array) -> tuple[Array, Array]:
    """Coordinates across and along the guitar, in units of its size."""
    c, s = np.cos(0.32), np.sin(0.32)
    return (c * x + s * y) / GUITAR_SIZE + 0.02, (c * y - s * x) / GUITAR_SIZE - 0.02


def guitar_marks(x: Array, y: Array) -> Array:
    """Ink in [0, 1] of the guitar's hole, rosette, strings, frets and bridge."""
    u, v = along_guitar(x, y)
    r = np.hypot(u, v - 0.055)
    hole = smoothstep(0.046, 0.043, r)
    ring = smoothstep(0.003, 0.0015, np.abs(r - 0.058))
    string = smoothstep(0.0024, 0.0008, np.abs(u * 0.93 - 0.009 * np.round(u * 0.93 / 0.009)))
    string = string * (np.abs(u) < 0.021) * (np.abs(v + 0.12) < 0.33)
    fret = smoothstep(0.003, 0.001, np.abs(v - 0.035 * np.round(v / 0.035)))
    fret = fret * (np.abs(u) < 0.024) * (v < -0.08) * (v > -0.44)
    bridge = (np.abs(v - 0.215) < 0.009) * (np.abs(u) < 0.055)
    return np.maximum.reduce([hole, 0.8 * ring, 0.75 * string, 0.6 * fret, 0.9 * bridge])


def bottle(x: Array, y: Array) -> Array:
    """An upright bottle with shoulders."""
    half = 0.030 + 0.055 * smoothstep(-0.16, -0.02, y)
    return np.maximum(np.abs(x) - half, np.abs(y - 0.01) - 0.33)


def glass(x: Array, y: Array) -> Array:
    """A stemmed glass: a cup, a stem and a foot."""
    cup = np.maximum(np.abs(x) - 0.075 * np.sqrt(np.clip((0.03 - y) / 0.17, 0, 1)), np.abs(y + 0.055) - 0.085)
    stem = np.maximum(np.abs(x) - 0.010, np.abs(y - 0.08) - 0.06)
    foot = np.hypot(x / 0.065, (y - 0.145) / 0.016) - 1
    return np.minimum(np.minimum(cup, stem), 0.016 * foot)


def fruit(x: Array, y: Array) -> Array:
    """Three round fruits side by side."""
    discs = [
        np.hypot(x - dx, y - dy) - r
        for dx, dy, r in [(-0.085, 0.01, 0.062), (0.03, 0.0, 0.07), (0.135, 0.03, 0.05)]
    ]
    return np.minimum(np.minimum(discs[0], discs[1]), discs[2])


def colour(
    x: Array, y: Array, facet: Array, centres: Array, plane: Plane, shapes: list[Array], rng: Generator
) -> Array:
    """Colour each piece, a facet's part of one object, with a tone, a light, a rim and a texture."""
    count = len(centres)
    which = np.zeros(facet.shape, np.int64)
    rim = np.full(facet.shape, 9, np.float32)
    for n, distance in enumerate(shapes, 1):
        inside = distance < 0
        which[inside] = n
        rim = np.where(inside, -distance, np.minimum(rim, distance))
    tones = np.stack(
        [np.stack([hex_colour(c) for c in rng.choice(OBJECTS[n], count)]) for n in range(len(OBJECTS))]
    )
    flat = tones[which, facet]
    direction = plane.shade[facet] + 1.9 * which.astype(np.float32)
    along = (x - centres[facet, 0]) * np.cos(direction) + (y - centres[facet, 1]) * np.sin(direction)
    light = 0.42 * np.tanh(along / 0.10)
    dark = 0.55 * np.exp(-rim / 0.022) * (np.sin(direction) > -0.2)
    border = facet_border(facet) / min(facet.shape)
    fold = 0.45 * np.exp(-border / 0.028) * (np.cos(plane.shade * 3)[facet] > 0)
    value = light - dark - fold
    return textured(x, y, facet, which, plane, flat, value, rng)


def facet_border(facet: Array) -> Array:
    """Distance (H, W) of each pixel to the border of its facet, in pixels."""
    inner = np.ones(facet.shape, np.uint8)
    inner[:, 1:][facet[:, 1:] != facet[:, :-1]] = 0
    inner[1:][facet[1:] != facet[:-1]] = 0
    return cv2.distanceTransform(inner, cv2.DIST_L2, 5)


def textured(
    x: Array, y: Array, facet: Array, which: Array, plane: Plane, flat: Array, value: Array, rng: Generator
) -> Array:
    """Lay the tones with a brush of the facet's direction, and hatch, grain, stripe or print some pieces."""
    noise = Noise(rng)
    angle = plane.grain[facet] + 0.6 * which.astype(np.float32)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    brush = 0.6 * noise(u * 13, v * 120) + 0.55 * noise(u * 60 + 7, v * 230) + 0.5 * noise(x * 16, y * 16, 3)
    kind = rng.integers(0, 13, (len(OBJECTS), len(plane.turn)))[which, facet]
    swing = 1 + 0.5 * noise(u * 3, v * 3)
    wood = np.sin(2 * np.pi * (v * 46 + 2.2 * noise(u * 3, v * 9, 2))) + 0.5 * noise(u * 10, v * 200)
    hatch = smoothstep(0.15, 0.5, np.sin(2 * np.pi * (v * 62 + 0.35 * noise(u * 8, v * 8)))) * swing
    stripe = smoothstep(-0.25, 0.25, np.sin(2 * np.pi * u * 11))
    row = v * 58
    word = noise(u * 90, np.floor(row) * 3.7) + 0.6 * noise(u * 25, np.floor(row) * 5.1)
    script = smoothstep(0.0, 0.25, word) * (np.abs(row - np.floor(row) - 0.5) < 0.27)
    dots = smoothstep(0.42, 0.30, np.hypot(u * 60 - np.round(u * 60), v * 60 - np.round(v * 60)))
    value = value + 0.24 * brush
    value = value - 0.28 * wood * ((kind == 1) | ((which == 1) & (kind < 6)))
    value = value - 0.55 * hatch * (kind == 2) + 0.40 * (stripe - 0.5) * (kind == 3)
    value = value - 1.1 * script * ((which == 2) | ((which == 0) & (kind == 4))) - 0.4 * dots * (kind == 5)
    lit = flat + np.where(value[..., None] > 0, (1 - flat) * value[..., None] * 0.75, flat * value[..., None])
    warm = 0.04 * noise(x * 6 + 3, y * 6 + 5, 2)[..., None] * np.array([1, 0.2, -1], np.float32)
    return np.clip(lit + warm, 0, 1).astype(np.float32)


def contours(picture: Array, facet: Array, shapes: list[Array], marks: Array, wobble: Array) -> Array:
    """Draw the outlines of objects and planes, of uneven weight, and the guitar's strings and hole."""
    line = 0.0035 * (1 + 0.9 * wobble)
    ink = (
        0.75
        * smoothstep(1.5, 0.4, facet_border(facet) / min(facet.shape) / 0.0016)
        * smoothstep(-0.4, 0.3, wobble)
    )
    covered = np.zeros(facet.shape, bool)
    for n, distance in reversed(list(enumerate(shapes, 1))):
        stroke = smoothstep(1.4, 0.6, np.abs(distance) / line) * ~covered
        if n == GUITAR_AT:
            stroke = np.maximum(stroke, marks * (distance < 0) * ~covered)
        ink = np.maximum(ink, stroke)
        covered |= distance < 0
    return picture + (LINE - picture) * (0.92 * ink)[..., None].astype(np.float32)
