from __future__ import annotations

from functools import partial

import numpy as np

from vst.bounds import Count, Seed, Side
from vst.synthetic.brush import Generator, Noise, ramp, smoothstep
from vst.synthetic.layers import Cel, Layer, Motion, Pose, rounded
from vst.synthetic.scene import Scene, Shot, check_size

SKIN = "d9a07c"


class Talk(Scene):
    """A nearly still close-up: a person talks in front of a bookshelf and a window.

    The head sways by 0.2 to 0.5 % of the width per frame; eyes, lids and mouth move; the rest is still.
    """

    def __init__(self, height: Side = 192, width: Side = 256, frames: Count = 50, seed: Seed = 0):
        check_size("talk", height, width, frames)
        side = min(height, width)
        wide, high = width / side, height / side
        shot = Shot(0, partial(close_up, side, wide, high, np.random.default_rng(seed)))
        super().__init__("talk", height, width, frames, [shot])


def close_up(side: int, wide: float, high: float, rng: Generator) -> list[Layer]:
    """The room, and the person in front of it."""
    parts = rng.spawn(8)
    head = head_motion(wide, high, parts[0])
    shoulders = shoulder_motion(wide, high)
    return [
        room(side, wide, high, parts[1]),
        bust(side, shoulders, parts[2]),
        face(side, head, parts[3]),
        *eyes(side, head, parts[4]),
        mouth(side, head, parts[5]),
        lamp(side, wide, high, parts[6]),
    ]


def head_motion(wide: float, high: float, rng: Generator) -> Motion:
    """Sway slowly about the neck; speeds are fractions of the width."""
    phase = rng.uniform(0, 2 * np.pi, 3)
    zoom = min(1.0, wide, high)

    def motion(time: int) -> Pose:
        x = 0.54 * wide + 0.020 * wide * np.sin(0.17 * time + phase[0])
        y = 0.43 * high + 0.009 * wide * np.sin(0.23 * time + phase[1])
        return Pose.of(x, y, 0.035 * np.sin(0.11 * time + phase[2]), zoom)

    return motion


def shoulder_motion(wide: float, high: float) -> Motion:
    """Breathe: rise and sink by a fraction of a pixel."""
    return lambda time: Pose.of(0.54 * wide, 0.74 * high + 0.003 * np.sin(0.15 * time), 0.0, (1.0, 1.0))


def room(side: int, wide: float, high: float, rng: Generator) -> Layer:
    """A wall with a bookshelf on the left and a window on the right."""
    cel = Cel(side, -0.05, -0.05, wide + 0.05, high + 0.05)
    noise = Noise(rng)
    wall = 0.5 + 0.3 * cel.noise(noise, 5, 5, 3) + 0.15 * np.sin(2 * np.pi * cel.x * 18)
    cel.paint(ramp(["4d5a52", "6d7a66", "8c9478"], np.clip(wall, 0, 1)))
    shelves(cel, -0.05, 0.40 * wide, high, rng)
    window(cel, 0.72 * wide, 0.06 * high, wide + 0.05, 0.66 * high, rng)
    grain = 0.09 * cel.noise(noise, 60, 60, 2) + 0.10 * cel.noise(noise, 14, 14, 2)
    cel.shade(grain - 0.25 * smoothstep(0.5, 1.0, cel.y / high))
    return cel.layer(lambda time: Pose.of(0.0, 0.0))


def shelves(cel: Cel, left: float, right: float, high: float, rng: Generator) -> None:
    """Books of many colours, standing on boards."""
    books = ["7a2f2a", "2f4a63", "b08a4a", "3d5a40", "5a3d5c", "c9b68a", "8a5a34", "24303c"]
    cel.polygon(box(left, -0.05, right, high + 0.05), "2a1d14")
    for row in range(5):
        floor = (0.16 + 0.24 * row) * high
        x = left
        while x < right - 0.02:
            thick, tall = rng.uniform(0.022, 0.05), rng.uniform(0.13, 0.19) * high
            colour = books[rng.integers(len(books))]
            cel.polygon(box(x, floor - tall, min(x + thick, right), floor), colour, 0.004)
            for band in rng.uniform(0.15, 0.9, 2):
                y = floor - band * tall
                cel.line(np.array([[x + 0.004, y], [min(x + thick, right) - 0.004, y]]), "d8c48a", 0.005)
            x += thick
        cel.polygon(box(left, floor, right + 0.015, floor + 0.022 * high), "6b4a2c", 0.003)


def window(cel: Cel, left: float, top: float, right: float, bottom: float, rng: Generator) -> None:
    """A bright view of leaves, crossed by a blind."""
    cel.polygon(box(left - 0.03, top - 0.03, right, bottom + 0.03), "d8cdb4", 0.005)
    cel.polygon(box(left, top, right, bottom), "bcd8e6", 0.005)
    leaves = ["5c8a4a", "7fa858", "3f6b3c", "a8c474"]
    for _ in range(140):
        x, y = rng.uniform(left + 0.02, right), rng.uniform(top + 0.25 * (bottom - top), bottom - 0.02)
        cel.disc(x, y, (rng.uniform(0.008, 0.022), rng.uniform(0.006, 0.016)), leaves[rng.integers(4)])
    for y in np.arange(top, bottom, 0.045):
        cel.line(np.array([[left, y], [right, y + 0.004]]), "e8e2d2", 0.007)


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """Corners (4, 2) of an upright rectangle."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def bust(side: int, motion: Motion, rng: Generator) -> Layer:
    """Shoulders in a tweed jacket, a shirt, a striped tie and the neck."""
    cel = Cel(side, -0.62, -0.22, 0.62, 1.6)
    noise = Noise(rng)
    cel.polygon(
        rounded(
            [
                (-0.11, 0.0),
                (-0.42, 0.10),
                (-0.56, 0.35),
                (-0.6, 1.7),
                (0.6, 1.7),
                (0.56, 0.35),
                (0.42, 0.10),
                (0.11, 0.0),
            ]
        ),
        "3a4658",
        0.008,
    )
    weave = np.sin(2 * np.pi * 34 * (cel.x + cel.y)) * np.sin(2 * np.pi * 34 * (cel.x - cel.y))
    cel.shade(0.30 * weave * (cel.y > 0) + 0.25 * cel.noise(noise, 22, 22, 3) - 0.5 * np.abs(cel.x))
    cel.polygon(np.array([[-0.12, 0.0], [0.12, 0.0], [0.0, 0.42]]), "ece6da", 0.005)
    cel.polygon(
        rounded([(-0.1, -0.2), (0.1, -0.2), (0.115, 0.03), (0.0, 0.12), (-0.115, 0.03)], 2), "b9805f", 0.004
    )
    cel.polygon(
        np.array([[-0.035, 0.10], [0.035, 0.10], [0.055, 0.40], [0.0, 0.47], [-0.055, 0.40]]), "8c2430", 0.004
    )
    for y in np.arange(0.14, 0.42, 0.035):
        cel.line(np.array([[-0.035, y + 0.02], [0.035, y - 0.01]]), "e0b84a", 0.007)
    for flip in (-1, 1):
        lapel = np.array([[0.115, -0.01], [0.24, 0.12], [0.17, 0.20], [0.01, 0.48], [0.10, 0.20]])
        cel.polygon(lapel * (flip, 1), "2c3646", 0.006)
    cel.shade(0.10 * cel.noise(noise, 50, 50, 2))
    return cel.layer(motion)


def face(side: int, motion: Motion, rng: Generator) -> Layer:
    """A head with hair, ears, brows, nose and cheeks; eyes and mouth are layers of their own."""
    cel = Cel(side, -0.32, -0.42, 0.32, 0.36)
    noise = Noise(rng)
    for flip in (-1, 1):
        cel.disc(0.218 * flip, 0.02, (0.036, 0.062), "c98e6b")
    outline = [
        (-0.2, -0.24),
        (0.2, -0.24),
        (0.235, 0.0),
        (0.17, 0.24),
        (0.06, 0.34),
        (-0.06, 0.34),
        (-0.17, 0.24),
        (-0.235, 0.0),
    ]
    cel.polygon(rounded(outline), SKIN, 0.003, "8a5a40")
    round_light = -2.2 * np.maximum(cel.x - 0.02, 0) - 1.2 * np.maximum(-cel.x - 0.1, 0)
    round_light = round_light - 1.6 * np.maximum(cel.y - 0.16, 0)
    cel.shade(0.08 + round_light + 0.09 * cel.noise(noise, 12, 12, 3) + 0.07 * cel.noise(noise, 50, 50, 2))
    for flip in (-1, 1):
        cel.disc(0.125 * flip, 0.12, (0.035, 0.026), "d6967a")
        cel.line(
            rounded([(0.05 * flip, -0.075), (0.10 * flip, -0.105), (0.165 * flip, -0.075)], 2, False),
            "3a2418",
            0.018,
        )
        cel.line(
            rounded([(0.05 * flip, 0.12), (0.085 * flip, 0.16), (0.10 * flip, 0.22)], 2, False),
            "b07858",
            0.006,
        )
    cel.polygon(
        rounded([(-0.02, -0.05), (0.025, -0.05), (0.055, 0.10), (0.0, 0.13), (-0.045, 0.10)]), "cf946f"
    )
    cel.line(
        rounded([(0.025, -0.05), (0.035, 0.04), (0.055, 0.10), (0.0, 0.13), (-0.04, 0.105)], 2, False),
        "94603f",
        0.007,
    )
    hair(cel, rng)
    return cel.layer(motion)


def hair(cel: Cel, rng: Generator) -> None:
    """Combed locks from the parting to both sides."""
    mass = [
        (-0.24, 0.02),
        (-0.27, -0.2),
        (-0.16, -0.38),
        (0.05, -0.41),
        (0.22, -0.33),
        (0.27, -0.15),
        (0.24, 0.02),
    ]
    mass += [(0.20, -0.12), (0.12, -0.20), (-0.05, -0.17), (-0.19, -0.12)]
    cel.polygon(rounded(mass, 2), "3b2417")
    tones = ["5d3a22", "2a180f", "7a4e2c", "482c1a"]
    for _ in range(150):
        x, reach = rng.uniform(-0.19, 0.15), rng.uniform(0.05, 0.09)
        y = -0.21 - rng.uniform(0.0, 0.13) * (1 - (x / 0.24) ** 2)
        swing = x + 0.06
        way = [
            (x, y),
            (x + 0.5 * swing * reach * 5, y + 0.01),
            (x + swing * reach * 6, y + reach * abs(swing) * 4),
        ]
        cel.line(rounded(way, 2, False), tones[rng.integers(4)], rng.uniform(0.004, 0.009))


def eyes(side: int, head: Motion, rng: Generator) -> list[Layer]:
    """Whites, irises that look around, and lids that close now and then."""
    layers = []
    beat, start = rng.integers(34, 46), rng.integers(5, 30)
    phase = rng.uniform(0, 6)

    def look(x: float) -> Motion:
        return lambda time: (
            head(time) @ Pose.of(x + 0.010 * np.sin(0.13 * time + phase), -0.02 + 0.003 * np.sin(0.2 * time))
        )

    def blink(x: float) -> Motion:
        def motion(time: int) -> Pose:
            shut = np.exp(-((((time + start) % beat - beat / 2) / 1.6) ** 2))
            return head(time) @ Pose.of(x, -0.058, 0.0, (1.0, 0.30 + 0.85 * float(shut)))

        return motion

    def still(x: float) -> Motion:
        return lambda time: head(time) @ Pose.of(x, -0.02)

    for x in (-0.105, 0.105):
        white, iris, lid = (Cel(side, -0.07, -0.06, 0.07, 0.09) for _ in range(3))
        white.polygon(
            rounded([(-0.055, 0.004), (-0.02, -0.034), (0.03, -0.03), (0.055, 0.008), (0.0, 0.034)]),
            "efe6dc",
            0.004,
            "5a3a2c",
        )
        iris.disc(0.0, 0.0, 0.023, "4a6a58", 0.004)
        iris.disc(0.0, 0.0, 0.011, "0c0c10")
        iris.disc(-0.007, -0.008, 0.005, "ffffff")
        lid.polygon(
            rounded([(-0.06, 0.0), (0.06, 0.0), (0.058, 0.05), (0.0, 0.078), (-0.058, 0.05)], 2),
            "c48c69",
            0.004,
            "6a4030",
        )
        layers += [white.layer(still(x)), iris.layer(look(x)), lid.layer(blink(x))]
    return layers


def mouth(side: int, head: Motion, rng: Generator) -> Layer:
    """Lips around a dark opening with teeth, which opens and closes with the words."""
    cel = Cel(side, -0.12, -0.09, 0.12, 0.09)
    cel.polygon(
        rounded(
            [
                (-0.095, 0.0),
                (-0.03, -0.045),
                (0.0, -0.035),
                (0.03, -0.045),
                (0.095, 0.0),
                (0.04, 0.055),
                (-0.04, 0.055),
            ]
        ),
        "a8504a",
        0.003,
        "7a3a34",
    )
    cel.polygon(rounded([(-0.07, 0.0), (0.0, -0.022), (0.07, 0.0), (0.03, 0.032), (-0.03, 0.032)]), "3a1214")
    cel.polygon(
        rounded([(-0.045, -0.008), (0.0, -0.018), (0.045, -0.008), (0.03, 0.004), (-0.03, 0.004)], 2),
        "eae2d4",
    )
    phase = rng.uniform(0, 6, 2)

    def motion(time: int) -> Pose:
        opening = 0.72 + 0.22 * np.sin(0.55 * time + phase[0]) + 0.10 * np.sin(0.91 * time + phase[1])
        return head(time) @ Pose.of(0.0, 0.205, 0.0, (0.92 + 0.05 * np.sin(0.4 * time), opening))

    return cel.layer(motion)


def lamp(side: int, wide: float, high: float, rng: Generator) -> Layer:
    """A still lamp and a plant in front of the shoulder, so that the bust moves behind something."""
    cel = Cel(side, -0.2, -0.3, 0.2, 0.5)
    greens = ["2f5a34", "4a7a40", "6b9a50", "244428"]
    for _ in range(60):
        angle, reach = rng.uniform(-2.7, -0.4), rng.uniform(0.08, 0.24)
        tip = np.array([np.cos(angle), np.sin(angle)]) * reach
        side_way = np.array([-tip[1], tip[0]]) * 0.14
        cel.polygon(
            np.stack([[0.0, 0.12], tip * 0.6 + side_way, tip, tip * 0.6 - side_way]),
            greens[rng.integers(4)],
            0.003,
        )
    cel.polygon(np.array([[-0.10, 0.08], [0.10, 0.08], [0.075, 0.5], [-0.075, 0.5]]), "a4583a", 0.006)
    cel.shade(0.15 * cel.noise(Noise(rng), 30, 30, 2))
    return cel.layer(lambda time: Pose.of(0.90 * wide, 0.80 * high))
