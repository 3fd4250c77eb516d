from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from vst.bounds import Count, Seed, Side
from vst.synthetic.brush import Generator, Noise, ramp, smoothstep
from vst.synthetic.layers import Cel, Layer, Motion, Pose, rounded
from vst.synthetic.scene import Scene, Shot, check_size

DAY = ["6a7a8c", "9aa8b0", "d8d0bc"]
DUSK = ["2a1626", "8a3424", "f0a048"]


class Battle(Scene):
    """A battle in two shots, with one hard cut in the middle.

    First the camera races over a plain in front of mountains, with ranks of warriors, arrows and a dragon, each at
    its own speed; then past a burning town at dusk, in the other direction, turning and zooming. The background
    moves by 3 to 6 % of the width per frame.
    """

    def __init__(self, height: Side = 192, width: Side = 256, frames: Count = 50, seed: Seed = 0):
        check_size("battle", height, width, frames)
        side = min(height, width)
        wide, high = width / side, height / side
        plain, town = np.random.default_rng(seed).spawn(2)
        shots = [Shot(0, partial(ride, side, wide, high, plain))]
        if frames > 1:
            shots.append(Shot(frames // 2, partial(siege, side, wide, high, town)))
        super().__init__("battle", height, width, frames, shots)


def pan(wide: float, speed: float, camera: Callable[[int], Pose]) -> Motion:
    """Move by `speed` widths per frame, under a camera that shakes, turns or zooms."""
    return lambda time: camera(time) @ Pose.of(speed * wide * time, 0.0)


def camera_about(wide: float, high: float, turn: float, zoom: float, shake: float) -> Callable[[int], Pose]:
    """Sway by `turn` radians and `zoom` about the picture's centre, and shake up and down."""

    def camera(time: int) -> Pose:
        away = Pose.of(-wide / 2, -high / 2)
        x, y = wide / 2, high / 2 + shake * np.sin(0.9 * time)
        return Pose.of(x, y, turn * np.sin(0.21 * time), 1.02 + zoom * np.sin(0.16 * time)) @ away

    return camera


def ride(side: int, wide: float, high: float, rng: Generator) -> list[Layer]:
    """The first shot: mountains, a plain, two armies, arrows, a dragon, near banners."""
    parts = rng.spawn(7)
    camera = camera_about(wide, high, 0.012, 0.01, 0.004)
    return [
        mountains(side, wide, high, parts[0], DAY, pan(wide, -0.031, camera)),
        plain(side, wide, high, parts[1], ["4a4a34", "7a7248", "a89868"], pan(wide, -0.042, camera)),
        ranks(side, wide, high, parts[2], 0.70, 0.11, 34, pan(wide, -0.036, camera)),
        dragon(side, wide, high, parts[3]),
        arrows(side, wide, high, parts[4], pan(wide, 0.022, camera)),
        ranks(side, wide, high, parts[5], 0.86, 0.22, 16, pan(wide, -0.055, camera)),
        ranks(side, wide, high, parts[6], 1.12, 0.46, 5, pan(wide, -0.060, camera)),
    ]


def siege(side: int, wide: float, high: float, rng: Generator) -> list[Layer]:
    """The second shot: a burning town at dusk, warriors that come from the other side, flying embers."""
    parts = rng.spawn(6)
    camera = camera_about(wide, high, 0.05, 0.05, 0.006)
    return [
        mountains(side, wide, high, parts[0], DUSK, pan(wide, 0.030, camera)),
        towers(side, wide, high, parts[1], pan(wide, 0.036, camera)),
        plain(side, wide, high, parts[2], ["1c1418", "4a2c20", "8a5430"], pan(wide, 0.046, camera)),
        ranks(side, wide, high, parts[3], 0.80, 0.16, 20, pan(wide, 0.055, camera)),
        embers(side, wide, high, parts[4], pan(wide, -0.025, camera)),
        ranks(side, wide, high, parts[5], 1.08, 0.42, 5, pan(wide, 0.036, camera)),
    ]


def mountains(side: int, wide: float, high: float, rng: Generator, sky: list[str], motion: Motion) -> Layer:
    """A cloudy sky over craggy mountains; it fills the frame however the camera sways."""
    period = 3.0 * wide
    cel = Cel(side, 0.0, -0.5, period, high + 0.5, periodic=True)
    noise = Noise(rng)
    clouds = cel.noise(noise, 3, 7, 5)
    tone = np.clip(cel.y / high / 0.7 + 0.75 * clouds, 0, 1)
    picture = ramp(sky, tone)
    stone = ramp(
        ["1d2026", "4a4a50", "8a8478", "c8c0b4"], np.clip(0.45 + 1.0 * cel.noise(noise, 9, 12, 5), 0, 1)
    )
    for base, height, cells in ((0.40, 0.75, 2.6), (0.55, 0.42, 4.3)):
        ridge = base * high - height * 0.5 * cel.noise(Noise(rng), cells, 0.0, 5)
        body = smoothstep(-0.004, 0.004, cel.y - ridge)[..., None]
        haze = 0.40 if base < 0.5 else 0.12
        picture = picture + body * (stone * (1 - haze) + ramp(sky, np.array(0.6)) * haze - picture)
        snow = smoothstep(0.10, 0.0, cel.y - ridge - 0.05 * stone[..., 0])[..., None]
        picture = picture + body * snow * 0.45 * (ramp(sky, np.array(1.0)) - picture)
    cel.paint(picture)
    cel.shade(0.10 * cel.noise(noise, 60, 60, 2))
    return cel.layer(motion)


def plain(side: int, wide: float, high: float, rng: Generator, earth: list[str], motion: Motion) -> Layer:
    """Trampled ground with stones and grass, from the foot of the mountains down."""
    period = 3.0 * wide
    cel = Cel(side, 0.0, 0.5 * high, period, high + 0.5, periodic=True)
    noise = Noise(rng)
    shore = np.linspace(-0.1, period + 0.1, 200)
    edge = (
        0.62 * high
        + 0.012 * np.sin(40 / period * 2 * np.pi * shore)
        + 0.01 * np.sin(14 / period * np.pi * shore)
    )
    outline = np.concatenate([np.stack([shore, edge], -1), [[period + 0.1, high + 0.6], [-0.1, high + 0.6]]])
    cel.polygon(outline, "808080")
    colours = ramp(earth, np.clip(0.5 + 1.1 * cel.noise(noise, 8, 26, 4), 0, 1))
    cel.canvas[..., :3] = np.round(colours * cel.canvas[..., 3:])
    for _ in range(round(150 * wide)):
        x, y = rng.uniform(0, period), rng.uniform(0.64, 1.1) * high
        size = 0.05 * (y / high - 0.55) * rng.uniform(0.5, 1.5)
        stone = [(-size, 0), (-0.5 * size, -0.8 * size), (0.6 * size, -0.7 * size), (size, 0.1 * size)]
        cel.polygon(np.array(stone) + np.array([x, y]), ["2c2824", "5c564c", "8c8474"][rng.integers(3)])
    cel.shade(0.16 * cel.noise(noise, 55, 75, 2))
    return cel.layer(motion)


def ranks(
    side: int, wide: float, high: float, rng: Generator, foot: float, size: float, count: int, motion: Motion
) -> Layer:
    """A row of warriors with shields, spears and banners: feet at `foot` heights, `size` tall."""
    period = 3.0 * wide
    top, bottom = foot * high - 1.9 * size, foot * high + 0.6 * size
    cel = Cel(side, 0.0, top, period, bottom, periodic=True)
    for n in rng.permutation(count):
        x = (n + rng.uniform(-0.4, 0.4)) * period / count
        warrior(cel, x, foot * high + rng.uniform(-0.08, 0.15) * size, size * rng.uniform(0.85, 1.1), rng)
    noise = Noise(rng)
    cel.shade(0.22 * cel.noise(noise, 5 / size, 5 / size, 3) + 0.14 * cel.noise(noise, 50, 50, 2))
    return cel.layer(motion)


def warrior(cel: Cel, x: float, y: float, size: float, rng: Generator) -> None:
    """One warrior, `size` tall, standing at (x, y)."""
    cloth = ["5a2420", "24384c", "4a4a2c", "3a2a3c", "6a5230"][rng.integers(5)]
    steel = ["9aa2a8", "6c7278", "b8a878"][rng.integers(3)]
    flip = rng.choice([-1.0, 1.0])

    def at(points: list[tuple[float, float]]) -> np.ndarray:
        return np.array(points) * (flip * size, size) + np.array([x, y])

    edge = 0.012 * size
    lean = rng.uniform(-0.25, 0.35)
    cel.line(at([(0.25 - lean, 0.1), (0.25 + lean, -1.45)]), "4a3220", 0.028 * size)
    cel.polygon(at([(0.22 + lean, -1.40), (0.25 + 1.15 * lean, -1.62), (0.30 + lean, -1.40)]), steel, edge)
    if rng.random() < 0.35:
        flag = [
            (0.25 + lean, -1.42),
            (-0.2 + lean, -1.34),
            (-0.32 + lean, -1.15),
            (-0.12 + lean, -1.08),
            (0.25 + 0.8 * lean, -1.12),
        ]
        cel.polygon(at(flag), ["a82c24", "d8b040", "24507a", "e0d8c4"][rng.integers(4)], edge)
    for leg, out in ((-0.08, -0.14), (0.08, 0.16)):
        cel.polygon(
            at([(leg - 0.07, -0.4), (leg + 0.07, -0.4), (out + 0.07, 0.0), (out - 0.05, 0.0)]), "2c2420", edge
        )
    cel.polygon(
        at([(-0.17, -0.82), (0.17, -0.82), (0.14, -0.5), (0.24, -0.28), (-0.22, -0.28), (-0.13, -0.5)]),
        cloth,
        edge,
    )
    cel.polygon(at([(-0.13, -0.80), (0.13, -0.80), (0.1, -0.55), (-0.1, -0.55)]), steel, edge)
    cel.disc(x, y - 0.90 * size, 0.085 * size, "b8805c", edge)
    helmet = [(-0.105, -0.90), (-0.08, -1.0), (0.0, -1.1), (0.08, -1.0), (0.105, -0.90)]
    cel.polygon(at(helmet), steel, edge)
    sx, sy = x - 0.17 * flip * size, y - 0.58 * size
    cel.disc(sx, sy, 0.19 * size, ["8a2c24", "2c4a6c", "6a5a2c", "3c5a3c"][rng.integers(4)], edge)
    cel.disc(sx, sy, 0.13 * size, ["d8b860", "b8b0a0", "24282c"][rng.integers(3)], edge)
    cel.disc(sx, sy, 0.055 * size, steel, edge)


def arrows(side: int, wide: float, high: float, rng: Generator, motion: Motion) -> Layer:
    """A barrage of arrows, tiny and dense."""
    period = 3.0 * wide
    cel = Cel(side, 0.0, 0.0, period, 0.62 * high, periodic=True)
    for _ in range(round(34 * wide)):
        tail = np.array([rng.uniform(0, period), rng.uniform(0.04, 0.52) * high])
        way = np.array([1.0, rng.uniform(0.05, 0.3)]) * rng.uniform(0.07, 0.13)
        across = np.array([-way[1], way[0]])
        cel.line(np.stack([tail, tail + way]), "2c1c14", 0.007)
        head = np.stack(
            [tail + 1.15 * way, tail + 0.92 * way + 0.12 * across, tail + 0.92 * way - 0.12 * across]
        )
        cel.polygon(head, "c8ccd0")
        cel.line(np.stack([tail - 0.02 * way, tail + 0.18 * way]), "e0d4c0", 0.014)
    return cel.layer(motion)


def embers(side: int, wide: float, high: float, rng: Generator, motion: Motion) -> Layer:
    """Glowing flakes in the wind."""
    period = 3.0 * wide
    cel = Cel(side, 0.0, -0.1, period, high + 0.1, periodic=True)
    for _ in range(round(60 * wide)):
        x, y, r = rng.uniform(0, period), rng.uniform(0, 1) * high, rng.uniform(0.006, 0.016)
        cel.disc(x, y, (1.8 * r, r), "f8a030")
        cel.disc(x, y, (1.0 * r, 0.5 * r), "fff0a0")
    return cel.layer(motion)


def towers(side: int, wide: float, high: float, rng: Generator, motion: Motion) -> Layer:
    """Town walls with merlons, windows and flames."""
    period = 3.0 * wide
    cel = Cel(side, 0.0, 0.0, period, 0.9 * high, periodic=True)
    x = 0.0
    while x < period - 0.05:
        w = min(rng.uniform(0.12, 0.34), period - x)
        top = rng.uniform(0.22, 0.48) * high
        flames(cel, x + w / 2, top, rng)
        merlons: list[tuple[float, float]] = []
        for k in range(9):
            merlons += [(x + w * k / 9, top + 0.035 * (k % 2)), (x + w * (k + 1) / 9, top + 0.035 * (k % 2))]
        stone = ["3c3438", "4c4240", "2c2830", "5a4c44"][rng.integers(4)]
        cel.polygon(np.array([*merlons, (x + w, high), (x, high)]), stone, 0.006)
        for row in range(9):
            y = top + 0.07 + 0.05 * row
            cel.line(np.array([[x, y], [x + w, y]]), "241e20", 0.004)
        for _ in range(3):
            wx, wy = x + rng.uniform(0.2, 0.8) * w, top + rng.uniform(0.08, 0.3)
            pane = np.array([[-0.012, 0], [-0.012, -0.035], [0, -0.05], [0.012, -0.035], [0.012, 0]])
            cel.polygon(pane + np.array([wx, wy]), "ffc048", 0.005)
        x += w
    noise = Noise(rng)
    cel.shade(0.22 * cel.noise(noise, 14, 20, 3) + 0.14 * cel.noise(noise, 55, 55, 2))
    return cel.layer(motion)


def flames(cel: Cel, x: float, y: float, rng: Generator) -> None:
    """Tongues of fire behind a wall."""
    for colour, size in (("c8401c", 1.0), ("f08828", 0.7), ("ffe070", 0.4)):
        for _ in range(4):
            dx, tall, bend = rng.uniform(-0.06, 0.06), rng.uniform(0.10, 0.2) * size, rng.uniform(-0.04, 0.04)
            tongue = [
                (-0.035 * size, 0.05),
                (-0.04 * size, -0.3 * tall),
                (bend, -tall),
                (0.045 * size, -0.35 * tall),
                (0.035 * size, 0.05),
            ]
            cel.polygon(rounded(tongue, 2) + np.array([x + dx, y]), colour)


def dragon(side: int, wide: float, high: float, rng: Generator) -> Layer:
    """A dragon that glides across the sky and back, turning and growing."""
    cel = Cel(side, -0.36, -0.28, 0.38, 0.34)
    wing = [
        (0.10, 0.08),
        (-0.02, -0.24),
        (-0.18, -0.22),
        (-0.30, -0.08),
        (-0.22, -0.10),
        (-0.18, 0.0),
        (-0.11, -0.03),
        (-0.06, 0.10),
    ]
    cel.polygon(np.array(wing), "4a2420", 0.006)
    body = [
        (-0.33, 0.14),
        (-0.18, 0.06),
        (-0.05, 0.07),
        (0.10, 0.04),
        (0.20, -0.04),
        (0.32, -0.05),
        (0.35, -0.01),
        (0.24, 0.02),
        (0.14, 0.10),
        (-0.02, 0.14),
        (-0.16, 0.11),
    ]
    cel.polygon(rounded(body, 2), "6a3428", 0.006)
    cel.polygon(np.array(wing) * (0.8, -0.7) + np.array([0.06, 0.13]), "8a4430", 0.006)
    for n in range(3):
        tip = np.array([wing[1], wing[2], wing[3]][n])
        cel.line(np.stack([np.array([0.04, 0.06]), tip]), "2c1412", 0.007)
    cel.disc(0.29, -0.03, 0.01, "ffd040", 0.003)
    noise = Noise(rng)
    cel.shade(0.3 * cel.noise(noise, 22, 22, 3) + 0.2 * cel.noise(noise, 60, 60, 1))
    phase = rng.uniform(0, 6)

    def motion(time: int) -> Pose:
        x = wide * (0.5 + 0.42 * np.sin(0.075 * time + phase))
        y = high * (0.30 + 0.07 * np.sin(0.13 * time))
        return Pose.of(x, y, 0.25 * np.sin(0.1 * time), 0.85 + 0.2 * np.sin(0.05 * time))

    return cel.layer(motion)
