"""Whether what comes into view is painted."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vst.flow.prediction import explained
from vst.metrics.narrow import without_narrow_parts
from vst.metrics.octaves import octaves

UNIT = 256
"""The longer side divided by the unit of the octaves: strokes grow with the frame. At least a pixel."""

LARGEST = 512
"""Longer side, in pixels, of the frames that are measured: larger ones are reduced to it."""

CORE = 24
"""A region counts where it holds a square of the frame's longer side divided by this: narrower, it has no strokes."""

FEWEST = 0.005
"""Least share of the frame that a region must have."""

RADIUS = 32
"""The longer side divided by the radius of the windows in which the content may explain the painting."""

PLACES = 6
"""Most places that a region is compared with."""

KEPT = 0.6
"""Least part of a region that must lie in the frame, and on what was there before, at a place that it is compared
with."""


def newly_painted(stylized: Tensor, content: Tensor, revealed: Tensor) -> Tensor:
    """N: the amplitude of strokes in what came into view, relative to other places of the frame: (L,), 1 = as painted.

    `stylized` and `content` are V'[i] and V[i], (L, 3, H, W) in [0, 1]; `revealed` (L, 1, H, W) is nonzero where an
    earlier frame does not show what V[i] shows. Strokes are what the content does not explain: the remainder of V'
    regressed on V, colour by colour, in windows around each pixel, within the region alone. With e_k the mean energy
    of its octaves (`vst.metrics.octaves`) in the region, and ē_k that of the region's shape in up to `PLACES` other
    places,

        N = (Π_k e_k / ē_k)^(1/2K)

    The content itself has no remainder, nor has the content in other colours: N is 0 to about 0.3. N grows with the
    share of the painting in a mixture of the two. Painted as elsewhere N is near 1, and up to half as much off in one
    frame of one painting, because strokes are not alike everywhere: compare with the naive model, which paints all of
    a frame.

    Narrow parts of the region are left out (`CORE`). NaN where less than `FEWEST` of the frame is left of it, there
    is no place to compare with, or nothing is painted. Source: this project's own.
    """
    size = stylized.shape[-2:]
    if max(size) > LARGEST:
        smaller = [round(side * LARGEST / max(size)) for side in size]
        stylized, content, revealed = (
            F.interpolate(part, smaller, mode="area")
            for part in (stylized, content, (revealed > 0).to(content))
        )
    lanes = zip(stylized.split(1), content.split(1), (revealed > 0.5).split(1), strict=True)
    return torch.stack([_of_lane(*lane) for lane in lanes])


def _of_lane(stylized: Tensor, content: Tensor, revealed: Tensor) -> Tensor:
    undefined = torch.full((), torch.nan, dtype=torch.float64, device=stylized.device)
    core = max(2, round(max(revealed.shape[-2:]) / CORE))
    region = without_narrow_parts(revealed.to(stylized.dtype), core)
    if float(region.mean()) < FEWEST:
        return undefined
    elsewhere = _elsewhere(region, 1 - revealed.to(region))
    if not elsewhere:
        return undefined
    energies = torch.stack([_energies(stylized, content, place) for place in elsewhere]).mean(0)
    if float(energies.min()) <= 0:
        return undefined
    ratios = _energies(stylized, content, region) / energies
    return ratios.log().mean().div(2).exp()


_DIRECTIONS = ((0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))


def _elsewhere(region: Tensor, known: Tensor) -> list[Tensor]:
    """The region moved to other places of the frame, where they are known, (1, 1, H, W) each."""
    height, width = region.shape[-2:]
    found = []
    for step in range(1, 9):
        for down, across in _DIRECTIONS:
            distance = step * max(height, width) // 16
            moved = _moved(region, down * distance, across * distance) * known
            if float(moved.sum()) >= KEPT * float(region.sum()):
                found.append(moved)
    # evenly from near to far
    chosen = torch.linspace(0, len(found) - 1, min(PLACES, len(found))).round().long().tolist()
    return [found[number] for number in chosen]


def _moved(region: Tensor, down: int, across: int) -> Tensor:
    height, width = region.shape[-2:]
    wide = F.pad(region, (abs(across), abs(across), abs(down), abs(down)))
    top, left = abs(down) - down, abs(across) - across
    return wide[..., top : top + height, left : left + width]


def _energies(stylized: Tensor, content: Tensor, region: Tensor) -> Tensor:
    """Mean squares of the octaves of what the content does not explain, over the region: (K,), float64."""
    rows, columns = region[0, 0].sum(1).nonzero().flatten(), region[0, 0].sum(0).nonzero().flatten()
    box = (..., slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    longer, inside = max(region.shape[-2:]), region[box]
    remainder = stylized[box] - explained(
        stylized[box], inside, content[box], radius=max(2, round(longer / RADIUS)), least=1e-4
    )
    bands = octaves(remainder, inside, unit=max(1.0, longer / UNIT))
    return torch.stack([band.double().square().sum() for band in bands]) / region.sum()
