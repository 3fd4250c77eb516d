"""Gram matrices of a layer by its name, whether or not its activations are kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from vst.features.layers import stride
from vst.features.tiles import Tile, Unkept
from vst.features.vgg import Activations
from vst.losses.functional import Normalisation, gram_matrix, normalised, region_gram_matrix


def gram(
    activations: Activations, layer: str, normalisation: Normalisation = "chw", region: Tensor | None = None
) -> Tensor:
    """The Gram matrix of a layer, (L, C, C), in a `region` (L, 1, h, w) of its positions if one is given.

    That of a layer whose activations are unkept is the sum over its tiles, each of which is computed again on the way
    back: neither its activations nor their gradients are ever there as a whole.
    """
    if layer in activations:
        whole = activations[layer]
        return (
            gram_matrix(whole, normalisation)
            if region is None
            else region_gram_matrix(whole, region, normalisation)
        )
    unkept = activations.unkept[layer]
    summed = torch.stack([_of_tile(unkept, tile, region) for tile in unkept.tiles]).sum(0)
    return normalised(
        summed, normalisation, _positions(unkept) if region is None else region.flatten(1).sum(1)
    )


def at_layers(region: Tensor, layers: Iterable[str]) -> list[Tensor]:
    """A region of a frame, (L, 1, H, W), at the positions of each layer."""
    height, width = region.shape[-2:]
    return [
        F.adaptive_avg_pool2d(region, (height // stride(layer), width // stride(layer))) for layer in layers
    ]


def _of_tile(unkept: Unkept, tile: Tile, region: Tensor | None) -> Tensor:
    def products(images: Tensor) -> Tensor:
        # the images are an argument so that the gradient reaches them
        found = replace(unkept, images=images).of(tile)
        if region is None:
            return gram_matrix(found, "none")
        there, _ = tile.at(unkept.layer)
        return region_gram_matrix(found, region[..., *there], "none")

    result = checkpoint(products, unkept.images, use_reentrant=False, preserve_rng_state=False)
    assert isinstance(result, Tensor)
    return result


def _positions(unkept: Unkept) -> int:
    return sum(
        (rows.stop - rows.start) * (columns.stop - columns.start)
        for rows, columns in (tile.at(unkept.layer)[0] for tile in unkept.tiles)
    )
