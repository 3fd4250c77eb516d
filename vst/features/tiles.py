"""Activations of large images, tile by tile: exact, in the memory of a tile, for about twice the time.

Only what the losses ask for is kept of a whole image, and of the first layer, which has half of all values, not even
that where only sums over its positions are wanted. On the way back each tile is looked at again, for the gradient
alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vst.features.layers import LAYERS, stride
from vst.features.memory import give_back

WHOLE = 1_500_000
"""Most pixels of an image that is not divided: its activations and their gradients take about 4 GB in bfloat16."""

TILE = 750_000
"""Most pixels of a tile with its margin."""

Look = Callable[[Tensor, Sequence[str]], dict[str, Tensor]]


@dataclass(frozen=True)
class Tile:
    """Rows and columns of an image: the `core` whose activations are taken, and what they depend on."""

    core: tuple[slice, slice]
    seen: tuple[slice, slice]

    def at(self, layer: str) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """The core's positions at a layer, in the whole image's activations and in the tile's own."""
        step = stride(layer)
        whole = [slice(part.start // step, part.stop // step) for part in self.core]
        own = [
            slice(part.start - seen.start // step, part.stop - seen.start // step)
            for part, seen in zip(whole, self.seen, strict=True)
        ]
        return (whole[0], whole[1]), (own[0], own[1])


def divide(height: int, width: int, layers: Sequence[str], tiles: int | None) -> list[Tile]:
    """Divide an image into tiles, as many as asked for, None for as many as its size asks for.

    Of all divisions into rows and columns it takes the one that looks at the fewest pixels. There are fewer tiles than
    asked for where an image is too small for them.
    """
    step = max(map(stride, layers))
    margin = -(-_reach(layers) // step) * step
    most = height // step, width // step
    if tiles is None and height * width <= WHOLE:
        tiles = 1
    # each line once: an image of 4K has thirty thousand divisions, and every evaluation asks for one
    down, across = (
        [_Line(side, count, step, margin) for count in range(1, min(limit, tiles or limit) + 1)]
        for side, limit in zip((height, width), most, strict=True)
    )
    grids = list(itertools.product(down, across))
    if tiles is None:
        grids = [grid for grid in grids if grid[0].longest * grid[1].longest <= TILE] or grids[-1:]
    else:
        numbers = [len(rows.parts) * len(columns.parts) for rows, columns in grids]
        most_of_them = max((number for number in numbers if number <= tiles), default=0)
        grids = [grid for grid, number in zip(grids, numbers, strict=True) if number == most_of_them]
    if not grids:
        return []
    rows, columns = min(grids, key=lambda grid: grid[0].seen * grid[1].seen)
    return [
        Tile((row[0], column[0]), (row[1], column[1]))
        for row, column in itertools.product(rows.parts, columns.parts)
    ]


class _Line:
    """A side of an image, divided evenly."""

    def __init__(self, side: int, count: int, step: int, margin: int):
        # all but the last begin and end where the deepest layer has a position
        edges = [round(number * side / count / step) * step for number in range(count)] + [side]
        self.parts = [
            (slice(start, stop), slice(max(0, start - margin), min(side, stop + margin)))
            for start, stop in itertools.pairwise(edges)
        ]
        self.longest = max(seen.stop - seen.start for _, seen in self.parts)
        self.seen = sum(seen.stop - seen.start for _, seen in self.parts)


@dataclass(frozen=True)
class Unkept:
    """A layer's activations of images (L, 3, H, W), computed anew whenever they are asked for, tile by tile."""

    images: Tensor
    look: Look
    layer: str
    tiles: Sequence[Tile]

    def of(self, tile: Tile) -> Tensor:
        """The activations of the core of a tile, (L, C, h, w), differentiable in the images."""
        _, own = tile.at(self.layer)
        return self.look(self.images[..., *tile.seen], [self.layer])[self.layer][..., *own]


def look_at_tiles(
    look: Look, images: Tensor, layers: Sequence[str], tiles: Sequence[Tile]
) -> dict[str, Tensor]:
    """The activations of images (L, 3, H, W), as `look` gives them, differentiable in the images."""
    found = _Tiled.apply(images, look, layers, tiles)
    return dict(zip(layers, found, strict=True))


class _Tiled(torch.autograd.Function):
    """Activations of whole images; what lies between them is computed twice, and never kept."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, look: Look, layers: Sequence[str], tiles: Sequence[Tile]) -> Any:
        ctx.save_for_backward(images)
        ctx.look, ctx.layers, ctx.tiles = look, layers, tiles
        whole: dict[str, Tensor] = {}
        for tile in tiles:
            found = look(images[..., *tile.seen], layers)
            for layer in layers:
                part = found[layer]
                if layer not in whole:
                    sides = [side // stride(layer) for side in images.shape[-2:]]
                    shape = (*part.shape[:2], *sides)
                    whole[layer] = part.new_empty(shape).to(memory_format=torch.channels_last)
                there, own = tile.at(layer)
                whole[layer][..., *there] = part[..., *own]
        give_back()
        return tuple(whole[layer] for layer in layers)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (images,) = ctx.saved_tensors
        total = torch.zeros_like(images)
        for tile in ctx.tiles:
            seen = images[..., *tile.seen].detach().requires_grad_()
            with torch.enable_grad():
                found = ctx.look(seen, ctx.layers)
            wanted = []
            for layer, gradient in zip(ctx.layers, gradients, strict=True):
                there, own = tile.at(layer)
                of_tile = torch.zeros_like(found[layer])
                of_tile[..., *own] = gradient[..., *there]
                wanted.append(of_tile)
            (piece,) = torch.autograd.grad([found[layer] for layer in ctx.layers], seen, wanted)
            total[..., *tile.seen] += piece
        give_back()
        return total, None, None, None


def _reach(layers: Sequence[str]) -> int:
    """How many pixels away from it a position of the deepest layer still sees."""
    reach = 0
    for layer in LAYERS[: max(map(LAYERS.index, layers)) + 1]:
        if layer.endswith("_1") and layer != "conv1_1":
            reach += stride(layer) // 2  # the pooling before it
        reach += stride(layer)
    return reach
