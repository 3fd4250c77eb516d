"""PatchMatch: for every pixel a place in another image, by good guesses that neighbours hand on.

Source: Barnes et al., "PatchMatch: A Randomized Correspondence Algorithm for Structural Image Editing" (2009). Pixels
are not visited in turn: all are tried at once with what their neighbours at a few distances have, as in jump flooding
(Rong & Tan 2006), which suits vectors and GPUs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

Cost = Callable[[Tensor], Tensor]
"""The cost of places, (L, 2, H, W) whole columns and rows, at every pixel: (L, 1, H, W)."""

STEPS = (8, 1, 3, 1)
"""Distances, in pixels, at which neighbours hand on what they have found, in turn."""

LESS = 0.6
"""The share of the cost to which a place at random must lower it: neighbours whose places lie beside each other keep
strokes whole, and a little less cost is not worth breaking them."""


def improved(
    field: Tensor, cost: Cost, generator: Generator, radius: float, sweeps: int
) -> tuple[Tensor, Tensor]:
    """Better places than those of a field, where some are found, and their cost: (L, 2, H, W) and (L, 1, H, W).

    `field` are whole columns and rows. A place of a neighbour is tried with the offset between the two: what fits
    next to it. Then places at random around the best are tried, at most `radius` pixels away, half of that, and so on
    down to one. That is done `sweeps` times. Places outside of the image are not tried.
    """
    best, found = field, cost(field)
    for _ in range(sweeps):
        for step in STEPS:
            for across, down in ((step, 0), (-step, 0), (0, step), (0, -step)):
                best, found = _better(best, found, _handed_on(best, across, down), cost)
        reach = radius
        while reach >= 1:
            draw = torch.rand(best.shape, generator=generator).to(best.device)
            tried = best + ((2 * draw - 1) * reach).round().long()
            best, found = _better(best, found, tried, cost, LESS)
            reach /= 2
    return best, found


def _better(
    field: Tensor, cost_of_field: Tensor, tried: Tensor, cost: Cost, less: float = 1
) -> tuple[Tensor, Tensor]:
    tried = inside(tried)
    cost_of_tried = cost(tried)
    better = cost_of_tried < less * cost_of_field
    return torch.where(better, tried, field), torch.where(better, cost_of_tried, cost_of_field)


def _handed_on(field: Tensor, across: int, down: int) -> Tensor:
    """What the neighbours so many pixels to the right and below have, less their distance."""
    height, width = field.shape[-2:]
    rows = (torch.arange(height, device=field.device) + down).clamp(0, height - 1)
    columns = (torch.arange(width, device=field.device) + across).clamp(0, width - 1)
    theirs = field.index_select(-2, rows).index_select(-1, columns)
    own = torch.arange(height, device=field.device)[:, None], torch.arange(width, device=field.device)
    away = torch.stack(torch.broadcast_tensors(columns - own[1], rows[:, None] - own[0]))
    return theirs - away


def inside(field: Tensor) -> Tensor:
    """Places moved into the image, which is as large as the field."""
    height, width = field.shape[-2:]
    most = torch.tensor([width - 1, height - 1], device=field.device).view(1, 2, 1, 1)
    return torch.minimum(field.clamp(min=0), most)
