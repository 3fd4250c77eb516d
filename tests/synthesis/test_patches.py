from __future__ import annotations

import math

import numpy as np
import torch
from torch import Generator, Tensor

from vst.synthesis.patches import FOCUS, PATCH, PatchSpace, voted


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=Generator().manual_seed(seed))


def own_places(height: int, width: int) -> Tensor:
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([columns, rows])[None]


def patch(image: Tensor, row: int, column: int) -> np.ndarray:
    framed = np.pad(image[0].numpy(), ((0, 0), (2, 2), (2, 2)), mode="edge")
    return framed[:, row : row + PATCH, column : column + PATCH]


def test_with_all_components_distances_are_the_mean_over_the_pixels_of_patches():
    image, other = rand(1, 2, 9, 11), rand(1, 2, 9, 11, seed=1)
    space = PatchSpace(image, components=2 * PATCH**2)
    a, b = space(image)[0], space(other)[0]
    for here, there in (((0, 0), (8, 10)), ((4, 5), (4, 5)), ((3, 9), (7, 1))):
        expected = ((patch(image, *here) - patch(other, *there)) ** 2).sum(0).mean()
        found = (a[:, here[0], here[1]] - b[:, there[0], there[1]]).square().sum()
        np.testing.assert_allclose(float(found), expected, rtol=1e-3)


def test_a_few_components_tell_the_patches_of_a_picture_apart():
    rows, columns = torch.meshgrid(torch.arange(40.0), torch.arange(50.0), indexing="ij")
    image = torch.stack(
        [torch.sin(rows / 3 + c) * torch.cos(columns / 4) + torch.sin(columns / 7) for c in range(3)]
    )[None]
    few, all_ = (PatchSpace(image, components)(image)[0].flatten(1) for components in (8, 75))
    first, second = torch.randint(0, 2000, (2, 500), generator=Generator().manual_seed(0))
    short, whole = ((space[:, first] - space[:, second]).square().sum(0) for space in (few, all_))
    assert (short <= whole + 1e-5).all()
    assert short.sum() > 0.95 * whole.sum()


def test_patches_in_their_own_places_vote_for_the_image_itself():
    image = rand(1, 3, 12, 15)
    torch.testing.assert_close(voted(image, own_places(12, 15), torch.ones(1, 1, 12, 15)), image)


def test_patches_of_a_constant_offset_vote_for_the_moved_image():
    image = rand(1, 3, 16, 18)
    field = (own_places(16, 18) + torch.tensor([2, 1]).view(1, 2, 1, 1)).clamp(max=15)
    out = voted(image, field, torch.ones(1, 1, 16, 18))
    torch.testing.assert_close(out[..., 2:11, 2:10], image[..., 3:12, 4:12])


def test_a_bad_match_is_outvoted():
    image = torch.zeros(1, 1, 9, 9)
    image[..., 7:, 7:] = 1
    field = own_places(9, 9)
    field[..., 3, 3] = 8  # the brightest corner, for one pixel of the dark part
    even, cost = torch.ones(1, 1, 9, 9), torch.full((1, 1, 9, 9), 1e-3)
    cost[..., 3, 3] = 1
    assert voted(image, field, even)[..., 3, 3] > 0.03
    assert voted(image, field, cost)[..., 3, 3] < 0.01


def test_votes_by_hand():
    # two pixels of one row: the right one's patch is the left one's place
    image = torch.tensor([[[[0.0, 1.0]]]])
    field = torch.zeros(1, 2, 1, 2, dtype=torch.long)
    # left pixel: its own patch says 0; the right one's, centred on place 0, says what is one to the left of it, 0 again
    # right pixel: the left one's patch says 1, with the weight of a pixel beside its middle; its own says 0
    beside = math.exp(-1 / (2 * FOCUS**2))
    expected = torch.tensor([[[[0.0, beside / (1 + beside)]]]])
    torch.testing.assert_close(voted(image, field, torch.ones(1, 1, 1, 2)), expected)
