from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vst.features import weights
from vst.features.tiles import TILE, WHOLE, Tile, divide
from vst.features.vgg import VGG19
from vst.losses.functional import gram_matrix

LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv4_2", "conv5_1")


def rand(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def pixels(part: tuple[slice, slice]) -> int:
    return (part[0].stop - part[0].start) * (part[1].stop - part[1].start)


@pytest.mark.parametrize(
    ("lanes", "size", "tiles", "activations", "border"),
    [
        (2, (96, 128), 2, "before_relu", "replicate"),
        (1, (177, 233), 4, "before_relu", "replicate"),
        (1, (177, 233), 4, "after_relu", "zeros"),
        (1, (320, 50), 3, "after_relu", "zeros"),
    ],
)
def test_tiles_give_the_activations_and_the_gradient_of_the_whole(lanes, size, tiles, activations, border):
    network = VGG19(weights.random(), activations=activations, tiles=1, border=border)
    images = rand(lanes, 3, *size)
    results = []
    for parts in (1, tiles):
        network.tiles = parts
        canvas = images.clone().requires_grad_()
        found = network(canvas, LAYERS)
        losses = [gram_matrix(found[layer]).square().sum((1, 2)) for layer in LAYERS]
        value = torch.stack(losses).sum(0) + found["conv4_2"].square().mean((1, 2, 3))
        (gradient,) = torch.autograd.grad(value.sum(), canvas)
        results.append((found, value, gradient))
    for found, value, gradient in results[1:]:
        for layer in LAYERS:
            torch.testing.assert_close(found[layer], results[0][0][layer], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(value, results[0][1], rtol=1e-5, atol=0)
        largest = results[0][2].abs().max()
        assert (gradient - results[0][2]).abs().max() < 1e-4 * largest


def test_a_layer_that_is_asked_for_but_not_used_has_no_part_in_the_gradient():
    network = VGG19(weights.random(), tiles=2)
    canvas = rand(1, 3, 240, 300).requires_grad_()
    found = network(canvas, ["conv1_1", "conv3_1"])
    (gradient,) = torch.autograd.grad(found["conv1_1"].square().sum(), canvas)
    network.tiles = 1
    expected = torch.autograd.grad(network(canvas, ["conv1_1"])["conv1_1"].square().sum(), canvas)[0]
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [(1080, 1920), (2160, 3840), (1000, 3001), (6000, 500)])
@pytest.mark.parametrize("tiles", [None, 1, 2, 3, 6, 7])
def test_cores_cover_an_image_once_and_margins_hold_what_they_see(size, tiles):
    found = divide(*size, LAYERS, tiles)
    covered = torch.zeros(size)
    for tile in found:
        covered[tile.core] += 1
        for core, seen, side in zip(tile.core, tile.seen, size, strict=True):
            # conv5_1 sees 85 pixels to each side
            assert seen.start == 0 or core.start - seen.start >= 85
            assert seen.stop == side or seen.stop - core.stop >= 85
            assert core.start % 16 == seen.start % 16 == 0
    assert torch.equal(covered, torch.ones(size))
    if tiles is None:
        assert max(pixels(tile.seen) for tile in found) <= TILE
    else:
        assert len(found) == tiles


def test_small_frames_are_whole():
    assert divide(1000, WHOLE // 1000, LAYERS, None) == [Tile(*[(slice(0, 1000), slice(0, 1500))] * 2)]
    assert len(divide(1000, 1520, LAYERS, None)) > 1
    assert len(divide(32, 40, LAYERS, 9)) <= 4, "conv5_1 has two positions on each side"


def test_a_tile_sees_no_more_than_its_layers_need():
    (first, *_) = divide(400, 400, ["conv1_1"], 2)
    assert min(first.seen[0].stop - first.core[0].stop, first.seen[1].stop - first.core[1].stop) == 0
    assert max(first.seen[0].stop - first.core[0].stop, first.seen[1].stop - first.core[1].stop) == 1
