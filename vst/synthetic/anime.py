from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from vst.bounds import Count, Seed, Side
from vst.synthetic.brush import Generator, ramp
from vst.synthetic.layers import Cel, Layer, Motion, Pose, rounded
from vst.synthetic.scene import Scene, Shot, check_size

INK = "1a1420"
PURPLE = (0.72, 0.22, 0.95)


class Anime(Scene):
    """Flat-coloured animation: a runner in bold outlines in front of a panning landscape, with flashes.

    Objects move by 1.5 to 4 % of the width per frame. Now and then a flash changes the lighting of a frame or two,
    to white, inverted or purple, while the motion continues: flow and masks stay valid, and there is no cut.
    """

    def __init__(self, height: Side = 192, width: Side = 256, frames: Count = 50, seed: Seed = 0):
        check_size("anime", height, width, frames)
        side = min(height, width)
        wide, high = width / side, height / side
        *parts, beat = np.random.default_rng(seed).spawn(7)
        self._beat = int(beat.integers(6, 9))
        super().__init__("anime", height, width, frames, [Shot(0, partial(chase, side, wide, high, parts))])

    @property
    def flashes(self) -> tuple[int, ...]:
        """Frames whose lighting is changed by a flash."""
        return tuple(i for i in range(self.info.frames) if self._flash(i))

    def lit(self, i: int, picture: Tensor) -> Tensor:
        """Flash: almost white, then inverted, then a purple glow of two frames."""
        kind = self._flash(i)
        if kind == "white":
            return 1 - 0.04 * (1 - picture)
        if kind == "inverted":
            return 1 - picture
        if kind == "purple":
            glow = torch.tensor(PURPLE).view(1, 3, 1, 1)
            return 0.42 * picture + 0.58 * glow
        return picture

    def _flash(self, i: int) -> str:
        later = self._beat // 2 + 2
        order = {0: "white", 1: "inverted", later: "purple", later + 1: "purple"}
        return order.get(i % (5 * self._beat) - self._beat, "")


def chase(side: int, wide: float, high: float, parts: Sequence[Generator]) -> list[Layer]:
    """The landscape and the runner, each drawn by a generator of its own."""
    return [
        sky(side, wide, high, parts[0]),
        hills(side, wide, high, parts[1]),
        trees(side, wide, high, parts[2]),
        ground(side, wide, high, parts[3]),
        *runner(side, wide, high, parts[4]),
        bushes(side, wide, high, parts[5]),
    ]


def pan(speed: float) -> Motion:
    """Move left by `speed` per frame, without end."""
    return lambda time: Pose.of(-speed * time, 0.0)


def sky(side: int, wide: float, high: float, rng: Generator) -> Layer:
    """Bands of flat blue and round clouds."""
    cel = Cel(side, 0.0, -0.1, 2.5 * wide, high + 0.1, periodic=True)
    bands = np.floor(np.clip(cel.y / high, 0, 0.99) * 9) / 9
    cel.paint(
        np.broadcast_to(ramp(["2b7fd0", "63b6e8", "c4ecf4", "f4f0d0"], bands), (*cel.canvas.shape[:2], 3))
    )
    for _ in range(round(11 * wide)):
        x, y, size = rng.uniform(0, 2.5 * wide), rng.uniform(0.04, 0.42) * high, rng.uniform(0.04, 0.10)
        puffs = [
            (rng.uniform(-1.6, 1.6) * size, rng.uniform(-0.35, 0.2) * size, rng.uniform(0.45, 0.9) * size)
            for _ in range(5)
        ]
        for colour, drop in (("9cc8e4", 0.02), ("ffffff", 0.0)):
            for dx, dy, radius in puffs:
                cel.disc(x + dx, y + dy + drop, (radius, 0.7 * radius), colour)
    return cel.layer(pan(0.016 * wide))


def hills(side: int, wide: float, high: float, rng: Generator) -> Layer:
    """Two rows of hills with houses."""
    period = 2.5 * wide
    cel = Cel(side, 0.0, 0.0, period, high + 0.05, periodic=True)
    for base, colour, count in ((0.56, "7fb89a", 8), (0.63, "4f9a78", 11)):
        for n in range(count):
            x, radius = (n + rng.uniform(-0.3, 0.3)) * period / count, rng.uniform(0.5, 0.9) * period / count
            cel.disc(x, base * high + 0.55 * radius, (radius, 0.65 * radius), colour, 0.005)
    cel.polygon(
        np.array([[-0.1, 0.72], [period + 0.1, 0.72], [period + 0.1, 1.2], [-0.1, 1.2]]) * (1, high), "4f9a78"
    )
    for _ in range(round(8 * wide)):
        x, y, w = rng.uniform(0, period), rng.uniform(0.62, 0.70) * high, rng.uniform(0.03, 0.05)
        wall = np.array([[-w, 0], [-w, -1.3 * w], [w, -1.3 * w], [w, 0]])
        cel.polygon(wall + np.array([x, y]), ["f4e4c0", "e8c8a0", "ffffff"][rng.integers(3)], 0.005)
        roof = np.array([[-1.25 * w, -1.3 * w], [0, -2.4 * w], [1.25 * w, -1.3 * w]])
        cel.polygon(roof + np.array([x, y]), ["d8503c", "3c6cb0", "b04878"][rng.integers(3)], 0.005)
        cel.polygon(
            np.array([[-0.3, -0.9], [0.3, -0.9], [0.3, -0.4], [-0.3, -0.4]]) * w + np.array([x, y]), "3a3040"
        )
    return cel.layer(pan(0.020 * wide))


def trees(side: int, wide: float, high: float, rng: Generator) -> Layer:
    """Round trees in two greens, with outlines."""
    period = 3.0 * wide
    cel = Cel(side, 0.0, 0.0, period, high, periodic=True)
    for _ in range(round(7 * wide)):
        x, foot, size = rng.uniform(0, period), rng.uniform(0.78, 0.82) * high, rng.uniform(0.07, 0.12)
        trunk = np.array([[-0.2, 0], [-0.15, -1.6], [0.15, -1.6], [0.2, 0]]) * size
        cel.polygon(trunk + np.array([x, foot]), "7a4a2c", 0.006)
        crown = [(rng.uniform(-0.7, 0.7), rng.uniform(-2.7, -1.5), rng.uniform(0.55, 0.85)) for _ in range(5)]
        for dx, dy, radius in crown:
            cel.disc(x + dx * size, foot + dy * size, radius * size, "2f7a3c", 0.007)
        for dx, dy, radius in crown:
            cel.disc(x + dx * size, foot + dy * size, 0.92 * radius * size, "3f9a48")
            cel.disc(x + (dx - 0.2) * size, foot + (dy - 0.2) * size, 0.5 * radius * size, "7cc85c")
        for _ in range(5):
            cel.disc(
                x + rng.uniform(-0.9, 0.9) * size,
                foot + rng.uniform(-2.9, -1.4) * size,
                0.09 * size,
                "e8483c",
                0.004,
            )
    return cel.layer(pan(0.026 * wide))


def ground(side: int, wide: float, high: float, rng: Generator) -> Layer:
    """A road with stones, tufts and stripes."""
    period = 3.0 * wide
    cel = Cel(side, 0.0, 0.6 * high, period, high + 0.1, periodic=True)
    strip = np.array(
        [[-0.1, 0.78 * high], [period + 0.1, 0.78 * high], [period + 0.1, high + 0.2], [-0.1, high + 0.2]]
    )
    cel.polygon(strip, "d8b878", 0.008)
    for _ in range(round(60 * wide)):
        x, y, r = rng.uniform(0, period), rng.uniform(0.80, 1.02) * high, rng.uniform(0.006, 0.02)
        cel.disc(x, y, (1.6 * r, 0.6 * r), ["b88f58", "c8a468", "8f7048", "ecd49c"][rng.integers(4)], 0.003)
    for _ in range(round(30 * wide)):
        x, y = rng.uniform(0, period), rng.uniform(0.79, 0.84) * high
        for lean in (-0.018, 0.0, 0.018):
            cel.polygon(
                np.array([[-0.008, 0], [lean, -0.05], [0.008, 0]]) + np.array([x, y]), "5cae48", 0.003
            )
    return cel.layer(pan(0.034 * wide))


def bushes(side: int, wide: float, high: float, rng: Generator) -> Layer:
    """Dark leaves that rush by in front."""
    period = 4.0 * wide
    cel = Cel(side, 0.0, 0.6 * high, period, high + 0.2, periodic=True)
    for _ in range(round(3.5 * wide)):
        x, size = rng.uniform(0, period), rng.uniform(0.08, 0.15)
        for _ in range(26):
            lean = rng.uniform(-1.2, 1.2)
            tip = np.array([np.sin(lean), -np.cos(lean)]) * size * rng.uniform(0.8, 1.6)
            across = np.array([-tip[1], tip[0]]) * 0.16
            leaf = np.stack([np.zeros(2), 0.5 * tip + across, tip, 0.5 * tip - across])
            cel.polygon(
                leaf + np.array([x, high + 0.03]), ["1f5c3c", "2c7a48", "174a3c"][rng.integers(3)], 0.004
            )
    return cel.layer(pan(0.040 * wide))


def _limb(side: int, length: float, width: float, colour: str, end: str) -> Cel:
    """A part of an arm or a leg, with a hand or a shoe where `end` is its colour."""
    cel = Cel(side, -0.12, -0.06, 0.16, length + 0.1)
    shape = [(-width, -0.02), (width, -0.02), (0.75 * width, length), (-0.75 * width, length)]
    cel.polygon(rounded(shape, 2), colour, 0.008)
    if end:
        toe = [
            (-width, length - 0.02),
            (width, length - 0.03),
            (2.0 * width, length + 0.03),
            (-width, length + 0.035),
        ]
        cel.polygon(rounded(toe, 2), end, 0.008)
    return cel


def runner(side: int, wide: float, high: float, rng: Generator) -> list[Layer]:
    """A running boy: far limbs, scarf, body, head and near limbs, each a layer that hangs on the body."""
    phase = rng.uniform(0, 2 * np.pi)
    pace = 0.42
    zoom = min(1.0, wide, high) * 1.05

    def body(time: int) -> Pose:
        x = wide * (0.48 + 0.20 * np.sin(0.085 * time + phase))
        y = high * 0.60 - 0.035 * abs(np.sin(pace * time))
        return Pose.of(x, y, 0.12 + 0.05 * np.sin(0.1 * time), zoom)

    def swing(x: float, y: float, amount: float, shift: float) -> Motion:
        return lambda time: body(time) @ Pose.of(x, y, amount * np.sin(pace * time + shift))

    def knee(motion: Motion, length: float, amount: float, shift: float) -> Motion:
        return lambda time: (
            motion(time) @ Pose.of(0, length, 0.5 * amount * (1 - np.sin(pace * time + shift)))
        )

    layers: list[Layer] = []
    for near, leg, shoe, sleeve, skin in (
        (False, "24407a", "8a2c2c", "1c7468", "e0a078"),
        (True, "3460b0", "d83c3c", "2ca090", "f8c49c"),
    ):
        shift = 0.0 if near else np.pi
        hip = swing(0.015 if near else -0.02, 0.12, 0.85, shift)
        shoulder = swing(0.02 if near else -0.03, -0.10, 0.9, shift + np.pi)
        limbs = [
            _limb(side, 0.12, 0.034, leg, "").layer(hip),
            _limb(side, 0.12, 0.028, leg, shoe).layer(knee(hip, 0.11, 1.3, shift)),
            _limb(side, 0.09, 0.028, sleeve, "").layer(shoulder),
            _limb(side, 0.08, 0.022, skin, skin).layer(knee(shoulder, 0.085, -1.1, shift)),
        ]
        layers += (
            limbs if near else [*limbs, scarf(side, body, pace), torso(side, body), head(side, body, pace)]
        )
    return layers


def torso(side: int, body: Motion) -> Layer:
    """A jacket with a belt and a badge."""
    cel = Cel(side, -0.15, -0.18, 0.15, 0.2)
    cel.polygon(
        rounded(
            [(-0.075, -0.14), (0.075, -0.14), (0.085, 0.02), (0.065, 0.15), (-0.065, 0.15), (-0.085, 0.02)], 2
        ),
        "2ca090",
        0.009,
    )
    cel.polygon(np.array([[0.0, -0.13], [0.03, -0.13], [0.04, 0.07], [0.0, 0.07]]), "24407a")
    cel.polygon(np.array([[-0.07, 0.07], [0.075, 0.07], [0.07, 0.105], [-0.068, 0.105]]), "5a3420", 0.006)
    cel.disc(-0.035, -0.045, 0.028, "fff4d0", 0.006)
    cel.disc(-0.035, -0.045, 0.012, "d83c3c")
    return cel.layer(body)


def head(side: int, body: Motion, pace: float) -> Layer:
    """Spiky red hair, a band with a plate, big eyes."""
    cel = Cel(side, -0.26, -0.30, 0.22, 0.16)
    spikes = [
        (-0.11, 0.04),
        (-0.20, 0.02),
        (-0.13, -0.05),
        (-0.23, -0.10),
        (-0.12, -0.12),
        (-0.16, -0.23),
        (-0.05, -0.16),
    ]
    spikes += [(0.0, -0.27), (0.045, -0.16), (0.14, -0.23), (0.11, -0.12), (0.18, -0.10), (0.11, -0.03)]
    cel.polygon(np.array(spikes), "d8402c", 0.009)
    cel.polygon(
        rounded(
            [(-0.11, -0.07), (0.11, -0.07), (0.125, 0.04), (0.05, 0.12), (-0.05, 0.11), (-0.11, 0.04)], 2
        ),
        "f8c49c",
        0.008,
    )
    cel.polygon(np.array([[-0.115, -0.10], [0.115, -0.10], [0.12, -0.045], [-0.12, -0.045]]), "24407a", 0.007)
    cel.polygon(np.array([[-0.02, -0.095], [0.09, -0.095], [0.09, -0.05], [-0.02, -0.05]]), "b8c4d0", 0.005)
    for x in (0.005, 0.075):
        cel.disc(x, 0.0, (0.02, 0.026), "ffffff", 0.005)
        cel.disc(x + 0.006, 0.003, (0.010, 0.017), "2860b8")
    cel.line(np.array([[0.02, 0.066], [0.05, 0.076], [0.08, 0.062]]), INK, 0.008)
    return cel.layer(lambda time: body(time) @ Pose.of(0.035, -0.235, 0.08 * np.sin(2 * pace * time)))


def scarf(side: int, body: Motion, pace: float) -> Layer:
    """Two long ends that flutter behind."""
    cel = Cel(side, -0.36, -0.12, 0.08, 0.14)
    for drop, colour in ((0.035, "d89420"), (0.0, "ffc83c")):
        wave = [
            (0.04, -0.03),
            (-0.08, -0.055 + drop),
            (-0.2, -0.02 + drop),
            (-0.34, -0.07 + drop),
            (-0.32, 0.0 + drop),
            (-0.2, 0.05 + drop),
            (-0.08, 0.02 + drop),
            (0.04, 0.03),
        ]
        cel.polygon(rounded(wave, 2), colour, 0.008)
    return cel.layer(
        lambda time: (
            body(time)
            @ Pose.of(-0.02, -0.13, 0.3 * np.sin(0.5 * pace * time + 1), (1, 1 + 0.3 * np.sin(pace * time)))
        )
    )
