"""The names of VGG-19's convolutions, and the smallest image that they accept; light to import."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from annotated_types import Len

from vst.errors import InputError

# Convolutions and channels per block (Simonyan & Zisserman 2015, configuration E).
BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))
LAYERS = tuple(
    f"conv{block}_{number}"
    for block, (convolutions, _) in enumerate(BLOCKS, start=1)
    for number in range(1, convolutions + 1)
)


Layers = Annotated[Sequence[str], Len(min_length=1)]
"""Names of one layer or more."""


def check_layers(layers: Iterable[str]) -> None:
    """Raise an `InputError` for a name that is not one of VGG-19's convolutions."""
    for layer in layers:
        if layer not in LAYERS:
            raise InputError(f"{layer} is not a layer of VGG-19; choose one of: {', '.join(LAYERS)}")


def stride(layer: str) -> int:
    """Pixels from one position of a layer to the next."""
    return 2 ** (int(layer[4]) - 1)


def smallest_side(layers: Iterable[str]) -> int:
    """The smallest shorter side, in pixels, at which the deepest of `layers` still has an activation."""
    return max(map(stride, layers))
