from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

Draw = Callable[[int, int, int], Tensor]


@pytest.fixture(scope="session")
def strokes() -> Callable[..., Tensor]:
    """Give strokes that are alike everywhere and differ by seed: (L, 3, H, W), about 0.25 around 0.5."""

    def make(lanes: int, height: int, width: int, seed: int = 0) -> Tensor:
        noise = torch.randn(lanes, 3, height + 4, width + 4, generator=torch.Generator().manual_seed(seed))
        return (0.5 + 0.75 * F.avg_pool2d(noise, 5, stride=1)).clamp(0, 1)

    return make


@pytest.fixture(scope="session")
def painted() -> Callable[..., Tensor]:
    """Give the content in other colours, as `shown` of a picture whose rest are the strokes of a painting."""

    drawn = cache(lambda draw, height, width: draw(height, width, 0))

    def make(content: Tensor, draw: Draw, scale: float = 1.0, shown: float = 0.4) -> Tensor:
        height, width = content.shape[-2:]
        size = round(1.5 * height * scale), round(1.5 * width * scale)
        # rolled, so that no part of it that is left empty lies in a region
        strokes = drawn(draw, *size).roll(size[1] // 3, -1)
        strokes = strokes.repeat(1, 1, -(-height // size[0]), -(-width // size[1]))[..., :height, :width]
        tinted = 0.7 * content.flip(1) + 0.15
        return (shown * tinted + (1 - shown) * strokes).clamp(0, 1)

    return make


@pytest.fixture(scope="session")
def regions() -> Callable[[int, int], dict[str, Tensor]]:
    """Give a strip at the border, as in a pan, and what a figure uncovers."""

    def make(height: int, width: int) -> dict[str, Tensor]:
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        figure = [
            ((x - at * width) / (0.12 * width)) ** 2 + ((y - height / 2) / (0.35 * height)) ** 2 < 1
            for at in (0.4, 0.5)
        ]
        return {
            name: mask.float()[None, None]
            for name, mask in (("strip", x >= 0.92 * width), ("figure", figure[0] & ~figure[1]))
        }

    return make
