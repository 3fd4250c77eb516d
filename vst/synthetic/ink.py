from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vst.synthetic.brush import SHIFT, Array, Generator, Noise, hex_colour, smoothstep, unit_grid

INK = hex_colour("17120f")
RED = hex_colour("b3271e")


@dataclass
class Sheet:
    """The paper while it is painted: `density` (H, W) of ink, 0 is bare paper; lengths in shorter sides."""

    x: Array
    y: Array
    density: Array
    grain: Noise

    @property
    def side(self) -> int:
        """Pixels of the shorter side."""
        return min(self.density.shape)

    @property
    def wide(self) -> float:
        """Width in units of the shorter side."""
        return self.density.shape[1] / self.side

    @property
    def high(self) -> float:
        """Height in units of the shorter side."""
        return self.density.shape[0] / self.side

    def blank(self) -> NDArray[np.uint8]:
        """A layer to draw strokes on: their darkness from 0 to 255."""
        return np.zeros(self.density.shape, np.uint8)

    def dry(self, layer: NDArray[np.uint8], dryness: float) -> Array:
        """Density of a stroke layer whose brush skips over the grain of the paper, more with `dryness`."""
        rough = self.grain(self.x * 150, self.y * 210, 2) + 0.4 * self.grain(self.x * 22, self.y * 22)
        return layer.astype(np.float32) / 255 * (1 - dryness * smoothstep(-0.25, 0.35, rough))


@dataclass(frozen=True)
class Range:
    """One range of mountains: its peaks (x, top, half width), wash, strokes, folds per peak, mist."""

    peaks: list[tuple[float, float, float]]
    wash: float
    strokes: float
    folds: int
    mist: float
    steep: float = 1.0


def paint_ink(height: int, width: int, rng: Generator) -> Array:
    """Paint a landscape in ink; returns (H, W, 3) in [0, 1]."""
    parts = rng.spawn(7)
    x, y = unit_grid(height, width)
    sheet = Sheet(x, y, np.zeros((height, width), np.float32), Noise(parts[0]))
    mirrored = bool(parts[1].integers(2))
    for mountains in ranges(sheet, parts[1]):
        paint_range(sheet, mountains, parts[2].spawn(1)[0])
    paint_water(sheet, parts[3])
    paint_grove(sheet, parts[4])
    picture = paper(sheet, Noise(parts[5]))
    picture = picture + (INK - picture) * (1 - np.exp(-1.9 * sheet.density))[..., None]
    if mirrored:
        picture = np.ascontiguousarray(picture[:, ::-1])
    return inscribe(picture, 0.93 * sheet.wide if mirrored else 0.06 * sheet.wide, sheet.high, parts[6])


def paper(sheet: Sheet, noise: Noise) -> Array:
    """Toned silk: warm, darker at the edges, with blotches and a weave."""
    x, y = sheet.x, sheet.y
    edge = np.maximum(np.abs(2 * x / sheet.wide - 1), np.abs(2 * y / sheet.high - 1))
    tone = 0.05 * noise(x * 3, y * 3, 4) + 0.022 * noise(x * 9, y * 240) + 0.022 * noise(x * 240 + 5, y * 9)
    tone = tone + 0.02 * noise(x * 170, y * 170) - 0.10 * smoothstep(0.6, 1.05, edge)
    return hex_colour("dcc595") * (1 + tone[..., None] * np.array([1.0, 1.15, 1.5], np.float32))


def ranges(sheet: Sheet, rng: Generator) -> list[Range]:
    """Lay out the mountains, the farthest first; places in units of the shorter side."""
    w, h = sheet.wide, sheet.high
    peak = rng.uniform(0.62, 0.72) * w
    spires = [
        (rng.uniform(0.1, 0.95) * w, rng.uniform(0.26, 0.38) * h, rng.uniform(0.03, 0.06)) for _ in range(5)
    ]
    main = [(peak, 0.10 * h, 0.17), (peak - 0.14, 0.24 * h, 0.12), (peak + 0.19, 0.30 * h, 0.15)]
    main += [(peak - 0.25, 0.46 * h, 0.12), (peak + 0.34, 0.46 * h, 0.14)]
    middle = [(x * w, rng.uniform(0.52, 0.62) * h, rng.uniform(0.14, 0.22)) for x in (0.08, 0.42, 0.95)]
    rocks = [(x * w, rng.uniform(0.70, 0.80) * h, rng.uniform(0.13, 0.19)) for x in (0.02, 0.22, 0.98)]
    banks = [(x * w, rng.uniform(0.88, 0.92) * h, rng.uniform(0.20, 0.30)) for x in (0.10, 0.50, 0.85)]
    return [
        Range(spires, 0.14, 0.10, 2, 0.14),
        Range(main, 0.17, 0.80, 13, 0.40),
        Range(middle, 0.15, 0.75, 10, 0.16, 0.55),
        Range(rocks, 0.22, 1.05, 14, 0.22, 0.8),
        Range(banks, 0.22, 1.05, 14, 0.14, 0.35),
    ]


def skyline(mountains: Range, x: Array, noise: Noise) -> Array:
    """Height of the range's outline at `x`; larger than any picture where there is no mountain."""
    top = np.full_like(x, 9.0)
    jag = 0.050 * noise(x * 9, np.full_like(x, 3.3), 2) + 0.016 * noise(x * 42, np.full_like(x, 8.8), 2)
    for centre, summit, half in mountains.peaks:
        off = np.abs(x - centre) / half
        rise = half * (2.3 * (1 - np.exp(-(off**1.3))) + 0.30 * off**2)
        top = np.minimum(top, summit + rise * mountains.steep)
    return top + jag * mountains.steep**0.5


def paint_range(sheet: Sheet, mountains: Range, rng: Generator) -> None:
    """Cover what is behind, wash the mountains from the ridge down into mist, and lay the strokes."""
    noise = Noise(rng)
    line = (np.arange(sheet.density.shape[1], dtype=np.float32) + 0.5) / sheet.side
    top = skyline(mountains, line, noise)
    depth = sheet.y - top[None]
    body = smoothstep(-0.0015, 0.0015, depth)
    sheet.density *= 1 - body * smoothstep(2.6 * mountains.mist, 0.9 * mountains.mist, depth)
    cloudy = 0.6 + 0.9 * noise(sheet.x * 7, sheet.y * 7, 4)
    fade = np.exp(-np.maximum(depth, 0) / mountains.mist)
    sheet.density += body * mountains.wash * fade * np.clip(cloudy, 0.1, 1.4)
    dark, broad = sheet.blank(), sheet.blank()
    outline(sheet, dark, line, top, noise, mountains)
    for centre, summit, half in mountains.peaks:
        fold_mountain(sheet, dark, broad, mountains, (centre, summit, half), top, rng)
    soft = cv2.GaussianBlur(broad, (0, 0), sheet.side / 130).astype(np.float32) / 255
    hold = body * smoothstep(2.3 * mountains.mist, 0.6 * mountains.mist, depth)
    sheet.density += hold * soft * mountains.wash * 2.1
    sheet.density += sheet.dry(dark, 0.75) * mountains.strokes * (0.25 + 0.75 * hold) * (depth > -0.006)


def outline(
    sheet: Sheet, layer: NDArray[np.uint8], line: Array, top: Array, noise: Noise, mountains: Range
) -> None:
    """Draw the ridge in pieces of uneven weight."""
    weight = 0.5 + 0.9 * noise(line * 14, np.full_like(line, 1.7), 2)
    points = np.stack([line, top], -1)
    summit = min(peak[1] for peak in mountains.peaks)
    stride = max(2, sheet.side // 100)
    for start in range(0, len(line) - stride, stride):
        clear = 1 - float(smoothstep(0.7, 2.2, (top[start] - summit) / mountains.mist))
        if top[start] < sheet.high and clear > 0:
            width = 0.0014 + 0.0045 * max(0.0, float(weight[start])) * mountains.strokes
            stroke(
                sheet,
                layer,
                points[start : start + stride + 1],
                width,
                clear * (0.55 + 0.45 * float(weight[start])),
            )


def stroke(sheet: Sheet, layer: NDArray[np.uint8], points: Array, width: float, dark: float) -> None:
    """Draw a line through `points` (N, 2) with `width`, both in units of the shorter side."""
    fixed = np.round(points * sheet.side * 2**SHIFT).astype(np.int32)
    thickness = width * sheet.side
    dark = float(np.clip(dark, 0, 1)) * min(1.0, thickness)  # thinner than a pixel is drawn as paler
    cv2.polylines(layer, [fixed], False, dark * 255, max(1, round(thickness)), cv2.LINE_AA, SHIFT)


def fold_mountain(
    sheet: Sheet,
    dark: NDArray[np.uint8],
    broad: NDArray[np.uint8],
    mountains: Range,
    peak: tuple[float, float, float],
    top: Array,
    rng: Generator,
) -> None:
    """Folds run down from the ridge of one peak; dry strokes hang from each like hemp fibres."""
    centre, _, half = peak
    for start in np.sort(rng.normal(0, 0.55, mountains.folds)):
        x = centre + half * start
        column = int(x * sheet.side)
        if not 0 <= column < len(top):
            continue
        lean = 1.3 * start + rng.normal(0, 0.12)
        length = rng.uniform(0.35, 1.0) * mountains.mist * 1.3
        path = fold((x, float(top[column])), lean, length, rng)
        shaded = path + np.array([0.008 * np.sign(lean), 0.0])
        stroke(sheet, broad, shaded, 0.022 * rng.uniform(0.6, 1.5), 0.8)
        for n in range(len(path) - 3):
            strength = 1 - 0.6 * n / len(path)
            stroke(sheet, dark, path[n : n + 3], 0.0065 * strength * rng.uniform(0.3, 1.3), strength)
        hang(sheet, dark, path, lean, mountains, rng)


def fold(start: tuple[float, float], lean: float, length: float, rng: Generator) -> Array:
    """A crooked line (N, 2) from `start` down, leaning sideways."""
    count = 22
    turns = (
        lean + np.cumsum(rng.normal(0, 0.13, count)) + 0.35 * np.sin(np.arange(count) * rng.uniform(0.4, 0.9))
    )
    steps = np.stack([np.sin(turns), np.cos(turns)], -1) * length / count
    return np.concatenate([[start], np.asarray(start) + np.cumsum(steps, 0)])


def hang(
    sheet: Sheet, layer: NDArray[np.uint8], path: Array, lean: float, mountains: Range, rng: Generator
) -> None:
    """Texture strokes, from 1/80 to 1/12 long, that hang from a fold on both of its sides."""
    for point in path[1:-1]:
        for _ in range(4):
            sideways = np.sign(lean) * (1 if rng.random() < 0.8 else -1)
            begin = point + np.array([sideways * abs(rng.normal(0, 0.009)), rng.normal(0, 0.006)])
            size = float(np.clip(rng.lognormal(-3.5, 0.5), 1 / 80, 1 / 12)) * (0.5 + 1.2 * mountains.mist)
            angle = lean * 0.6 + sideways * rng.uniform(0.1, 0.65)
            bend = rng.normal(0, 0.35)
            t = np.linspace(0, 1, 5)[:, None]
            way = np.concatenate([np.sin(angle + bend * t), np.cos(angle + bend * t)], 1)
            dark = rng.uniform(0.25, 0.85) * (1.0 if sideways == np.sign(lean) else 0.65)
            stroke(sheet, layer, begin + t * way * size, rng.uniform(0.0006, 0.0024), dark)
    for point in path[rng.integers(0, len(path), 3)]:
        moss(sheet, layer, point, rng)


def moss(sheet: Sheet, layer: NDArray[np.uint8], at: Array, rng: Generator) -> None:
    """A cluster of dark dots, as shrubs on a ridge."""
    for _ in range(rng.integers(2, 7)):
        place = at + rng.normal(0, 0.008, 2)
        dot = np.stack([place, place + np.array([0.002, 0.001])])
        stroke(sheet, layer, dot, rng.uniform(0.003, 0.007), rng.uniform(0.7, 1.0))


def paint_water(sheet: Sheet, rng: Generator) -> None:
    """Thin level strokes of water between the near banks, and a boat."""
    layer = sheet.blank()
    for _ in range(60):
        x, y = rng.uniform(0.28, 0.95) * sheet.wide, rng.uniform(0.78, 0.90) * sheet.high
        length = rng.uniform(0.02, 0.09)
        t = np.linspace(0, 1, 6)[:, None]
        way = np.concatenate([t * length, 0.0015 * np.sin(9 * t + x * 40)], 1)
        stroke(sheet, layer, np.array([x, y]) + way, 0.0012, rng.uniform(0.15, 0.45))
    x, y = rng.uniform(0.52, 0.66) * sheet.wide, 0.82 * sheet.high
    hull = np.array([[-0.045, -0.008], [-0.03, 0.006], [0.02, 0.007], [0.05, -0.010]])
    stroke(sheet, layer, np.array([x, y]) + hull, 0.005, 0.95)
    cabin = np.array([[-0.012, 0], [-0.01, -0.028], [0.004, -0.022], [0.008, 0]])
    stroke(sheet, layer, np.array([x, y]) + cabin, 0.004, 0.8)
    sheet.density += sheet.dry(layer, 0.45) * 0.8


def paint_grove(sheet: Sheet, rng: Generator) -> None:
    """Bare trees: pale small ones far off, dark tall ones on the near bank."""
    for count, ground, size, strength in [(9, 0.70, 0.13, 0.40), (6, 0.84, 0.22, 0.75), (5, 0.97, 0.33, 1.0)]:
        layer = sheet.blank()
        for _ in range(round(count * (0.4 + 0.6 * sheet.wide))):
            x = rng.uniform(0.02, 0.55) if rng.random() < 0.6 else rng.uniform(0.8, 1.0)
            foot = np.array([x * sheet.wide, (ground + rng.normal(0, 0.015)) * sheet.high])
            tall = size * rng.uniform(0.6, 1.15)
            grow(sheet, layer, foot, rng.normal(0, 0.14), tall * 0.28, tall * 0.026, 7, rng)
            moss(sheet, layer, foot, rng)
        sheet.density += sheet.dry(layer, 0.35) * strength


def grow(
    sheet: Sheet,
    layer: NDArray[np.uint8],
    foot: Array,
    lean: float,
    length: float,
    width: float,
    levels: int,
    rng: Generator,
) -> None:
    """Draw a crooked branch and those that grow from it; `lean` is its angle from upright, in radians."""
    angles = lean + np.cumsum(rng.normal(0, 0.22, 5))
    steps = np.stack([np.sin(angles), -np.cos(angles)], -1) * length / 5
    path = np.concatenate([[foot], foot + np.cumsum(steps, 0)])
    stroke(sheet, layer, path, width, rng.uniform(0.75, 1.0))
    if levels == 0:
        return
    grow(
        sheet, layer, path[-1], lean * 0.8 + rng.normal(0, 0.3), length * 0.78, width * 0.66, levels - 1, rng
    )
    for _ in range(2 if levels > 2 else rng.integers(1, 3)):
        aside = rng.choice([-1, 1]) * rng.uniform(0.45, 1.0)
        joint = path[rng.integers(2, 6)]
        if levels > 1:
            shorter = length * rng.uniform(0.5, 0.75)
            grow(sheet, layer, joint, lean + aside, shorter, width * 0.55, levels - 2, rng)


def inscribe(picture: Array, x: float, high: float, rng: Generator) -> Array:
    """Write two columns of brush script at the upper edge, and press a red seal below them."""
    side = min(picture.shape[:2])
    script, seal = np.zeros(picture.shape[:2], np.uint8), np.zeros(picture.shape[:2], np.uint8)
    size = 0.026
    for column, count in enumerate([9, 6]):
        for row in range(count):
            glyph(script, side, x - 0.036 * column * np.sign(x - 0.2), 0.07 * high + 0.033 * row, size, rng)
    press(seal, side, x, 0.07 * high + 0.033 * 9 + 0.012, 0.036, rng)
    picture = picture + (INK - picture) * (0.85 / 255 * script[..., None].astype(np.float32))
    return np.clip(picture + (RED - picture) * (0.9 / 255 * seal[..., None].astype(np.float32)), 0, 1)


def glyph(layer: NDArray[np.uint8], side: int, x: float, y: float, size: float, rng: Generator) -> None:
    """A made-up character of a few level, upright and slanting strokes."""
    for _ in range(rng.integers(4, 8)):
        kind = rng.integers(3)
        a = rng.uniform(-0.45, 0.45, 2)
        way = np.array([[0.8, -0.08], [0.05, 0.8], [0.5 * rng.choice([-1, 1]), 0.5]])[kind] * rng.uniform(
            0.5, 1
        )
        ends = (np.array([x, y]) + size * np.stack([a - way / 2, a + way / 2]) * 0.8) * side * 2**SHIFT
        thickness = max(1, round(side * size * rng.uniform(0.05, 0.12)))
        cv2.polylines(layer, [np.round(ends).astype(np.int32)], False, 255.0, thickness, cv2.LINE_AA, SHIFT)


def press(layer: NDArray[np.uint8], side: int, x: float, y: float, size: float, rng: Generator) -> None:
    """A square seal with its characters left bare."""
    corners = np.array([[x, y], [x + size, y], [x + size, y + size], [x, y + size]]) - (size / 2, 0)
    cv2.fillPoly(layer, [np.round(corners * side * 2**SHIFT).astype(np.int32)], 255.0, cv2.LINE_AA, SHIFT)
    for n in range(4):
        centre = np.array([x, y + size / 2]) + size * 0.22 * np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]])[n]
        for _ in range(4):
            ends = centre + size * rng.uniform(-0.17, 0.17, (2, 2))
            ends[1, rng.integers(2)] = ends[0, rng.integers(2)]
            fixed = np.round(ends * side * 2**SHIFT).astype(np.int32)
            cv2.polylines(layer, [fixed], False, 0.0, max(1, round(side * size * 0.05)), cv2.LINE_AA, SHIFT)
