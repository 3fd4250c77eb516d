from __future__ import annotations

import numpy as np
import torch
from torch import Generator, Tensor

from vst.synthesis.patchmatch import improved, inside


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=Generator().manual_seed(seed))


def places(lanes: int, height: int, width: int) -> Tensor:
    """Every pixel's own place."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([columns, rows])[None].repeat(lanes, 1, 1, 1)


def at(image: Tensor, field: Tensor) -> Tensor:
    """An image's values at whole columns and rows: (L, C, H, W)."""
    index = (field[:, 1:] * image.shape[-1] + field[:, :1]).flatten(2)
    return image.flatten(2).gather(2, index.expand(-1, image.shape[1], -1)).unflatten(2, field.shape[-2:])


def difference(here: Tensor, there: Tensor):
    """The cost of a place: how much an image of many channels differs from another one's there."""
    return lambda field: (here - at(there, field)).square().sum(1, keepdim=True)


def scattered(lanes: int, height: int, width: int, seed: int = 1) -> Tensor:
    """Places at random."""
    return (rand(lanes, 2, height, width, seed=seed) * torch.tensor([width, height]).view(1, 2, 1, 1)).long()


def test_values_are_read_at_columns_and_rows():
    image = rand(2, 3, 5, 7)
    field = scattered(2, 5, 7)
    found = at(image, field).numpy()
    for lane, row, column in ((0, 0, 0), (1, 4, 6), (1, 2, 3)):
        x, y = field[lane, :, row, column].tolist()
        np.testing.assert_array_equal(found[lane, :, row, column], image[lane, :, y, x].numpy())


def test_of_an_image_with_itself_nothing_is_left():
    image = rand(1, 8, 24, 32)
    field, cost = improved(
        scattered(1, 24, 32), difference(image, image), Generator().manual_seed(0), 32, sweeps=6
    )
    assert (cost == 0).float().mean() > 0.99
    assert torch.equal(field[:, :, 4:-4, 4:-4], places(1, 24, 32)[:, :, 4:-4, 4:-4])


def test_a_moved_image_is_found_by_its_one_offset():
    image = rand(2, 8, 28, 36)
    moved = image.roll((3, -5), dims=(-2, -1))  # what was at (row, column) is at (row + 3, column - 5)
    field, cost = improved(
        scattered(2, 28, 36), difference(moved, image), Generator().manual_seed(0), 36, sweeps=6
    )
    whole = (..., slice(3, None), slice(0, -5))
    offsets = (field - places(2, 28, 36))[whole]
    assert (offsets[:, 0] == 5).all()
    assert (offsets[:, 1] == -3).all()
    assert (cost[whole] == 0).all()


def test_it_comes_near_to_what_brute_force_finds():
    here, there = rand(1, 4, 20, 24, seed=2), rand(1, 4, 20, 24, seed=3)
    # neighbours resemble each other, as patches do
    here, there = (torch.nn.functional.avg_pool2d(image, 5, 1, 2) for image in (here, there))
    _, cost = improved(scattered(1, 20, 24), difference(here, there), Generator().manual_seed(0), 24, 16)
    a, b = (image[0].flatten(1).T.numpy().astype(np.float64) for image in (here, there))
    best = ((a[:, None] - b[None]) ** 2).sum(-1).min(1)
    found = cost.flatten().numpy()
    assert (found >= best - 1e-6).all()
    assert found.mean() < 2 * best.mean()
    at_random = ((a - b[np.random.default_rng(0).permutation(len(b))]) ** 2).sum(-1)
    assert found.mean() < 0.1 * at_random.mean()


def test_it_never_gets_worse_and_repeats_itself_by_its_generator():
    here, there, begun = rand(1, 4, 16, 20, seed=2), rand(1, 4, 16, 20, seed=3), scattered(1, 16, 20)
    cost = difference(here, there)
    first = improved(begun, cost, Generator().manual_seed(5), 8, 1)
    again = improved(begun, cost, Generator().manual_seed(5), 8, 1)
    other = improved(begun, cost, Generator().manual_seed(6), 8, 1)
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first[0], other[0])
    assert (first[1] <= cost(begun)).all()
    torch.testing.assert_close(first[1], cost(first[0]))


def test_places_stay_inside():
    field = torch.tensor([[-3, 2], [50, 1], [4, -1], [5, 99]]).view(2, 2, 2, 1)
    assert inside(field)[:, 0].max() <= 0  # the image is one pixel wide
    assert inside(field)[:, 1].max() <= 1
    assert inside(field).min() >= 0


def test_lanes_do_not_depend_on_each_other():
    here, there, begun = rand(2, 4, 16, 20, seed=2), rand(2, 4, 16, 20, seed=3), scattered(2, 16, 20)
    changed = torch.cat([there[:1], rand(1, 4, 16, 20, seed=9)])
    one, two = (
        improved(begun, difference(here, image), Generator().manual_seed(0), 8, 2)[0]
        for image in (there, changed)
    )
    assert torch.equal(one[0], two[0])
    assert not torch.equal(one[1], two[1])
