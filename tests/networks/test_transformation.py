from __future__ import annotations

import pytest
import torch
from torch import nn

from vst.networks.transformation import TransformationNetwork


@pytest.fixture(scope="module")
def network() -> TransformationNetwork:
    torch.manual_seed(0)
    return TransformationNetwork(width=4, blocks=2)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (18, 20), (19, 45)])
def test_it_paints_any_size_and_begins_about_grey(network, size):
    painted = network(torch.rand(2, 3, *size))
    assert painted.shape == (2, 3, *size)
    assert 0.2 < painted.mean() < 0.8


def test_every_lane_is_painted_for_itself(network):
    images = torch.rand(3, 3, 24, 32)
    together, alone = network(images), torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_no_convolution_is_transposed_and_every_border_is_reflected(network):
    convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    assert len(convolutions) == 3 + 2 * 2 + 2 + 1
    assert {part.padding_mode for part in convolutions} == {"reflect"}
    assert not any(isinstance(part, nn.ConvTranspose2d) for part in network.modules())


def test_the_path_up_leaves_no_checkerboard():
    # of a plain image every convolution is plain, and what is enlarged too, at the border as within
    network = TransformationNetwork(width=4, blocks=1)
    painted = network(torch.full((1, 3, 33, 47), 0.3))
    assert painted.flatten(2).std(2).max() < 1e-5


def test_johnson_s_own_size_has_as_many_weights():
    network = TransformationNetwork(width=32, blocks=5)
    kernels = 3 * 32 * 81 + 32 * 64 * 9 + 64 * 128 * 9 + 10 * 128 * 128 * 9 + 128 * 64 * 9 + 64 * 32 * 9
    scales_and_shifts = 2 * (32 + 64 + 128 + 10 * 128 + 64 + 32)
    last = 32 * 3 * 81 + 3
    assert sum(part.numel() for part in network.parameters()) == kernels + scales_and_shifts + last


def test_every_weight_has_a_part_in_the_painting(network):
    network.zero_grad()
    network(torch.rand(1, 3, 24, 32)).square().sum().backward()
    assert all(part.grad is not None and part.grad.any() for part in network.parameters())
