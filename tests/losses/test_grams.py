from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vst.features import weights
from vst.features.vgg import VGG19
from vst.losses.grams import gram

LAYERS = ("conv1_1", "conv2_1", "conv4_2")


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("normalisation", ["chw", "hw", "none"])
@pytest.mark.parametrize("region", [None, rand(1, 1, 177, 233, seed=1), torch.zeros(1, 1, 177, 233)])
def test_what_is_not_kept_has_the_gram_matrix_and_the_gradient_of_what_is(normalisation, region):
    network = VGG19(weights.random(width=16), tiles=4, border="replicate")
    images = rand(2, 3, 177, 233)
    results = []
    for summed in ((), LAYERS):
        canvas = images.clone().requires_grad_()
        found = network(canvas, LAYERS, summed)
        assert ("conv1_1" in found) == (summed == ())
        assert ("conv1_1" in found.unkept) == (summed == LAYERS)
        first = gram(found, "conv1_1", normalisation, region)
        # another layer's gradient, by the tiles of the rest
        value = first.square().mean((1, 2)) + gram(found, "conv2_1").square().mean((1, 2))
        (gradient,) = torch.autograd.grad(value.sum(), canvas)
        results.append((first.detach(), gradient))
    (expected, expected_gradient), (first, gradient) = results
    torch.testing.assert_close(first, expected, rtol=1e-4, atol=1e-6 * float(expected.abs().max()))
    assert (gradient - expected_gradient).abs().max() < 1e-4 * expected_gradient.abs().max()


def test_a_layer_that_is_more_than_summed_is_kept_and_so_is_a_frame_without_tiles():
    network = VGG19(weights.random(), tiles=2)
    assert set(network(rand(1, 3, 240, 300), LAYERS, ["conv2_1"])) == set(LAYERS)
    network.tiles = 1
    assert set(network(rand(1, 3, 240, 300), LAYERS, LAYERS)) == set(LAYERS)


def test_the_first_layer_alone_is_not_kept_either():
    network = VGG19(weights.random(), tiles=2)
    found = network(rand(1, 3, 240, 300), ["conv1_1"], ["conv1_1"])
    assert (dict(found), list(found.unkept)) == ({}, ["conv1_1"])
