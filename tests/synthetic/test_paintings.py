from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from vst.errors import InputError
from vst.synthetic.paintings import _drawn, facets, ink, swirls

PAINTERS = [swirls, facets, ink]
Painter = Callable[[int, int, int], Tensor]


@cache
def painted(painter: Painter) -> Tensor:
    return painter(96, 120, 0)


@cache
def painted_larger(painter: Painter) -> Tensor:
    return painter(400, 500, 0)


@pytest.mark.parametrize("painter", PAINTERS)
def test_a_painting_is_a_picture_of_the_size_asked_for(painter: Painter) -> None:
    picture = painted(painter)
    assert picture.shape == (1, 3, 96, 120)
    assert picture.dtype == torch.float32
    assert picture.is_contiguous()
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert picture.std() > 0.1


@pytest.mark.parametrize("painter", PAINTERS)
def test_a_seed_gives_one_painting_at_any_number_of_threads(painter: Painter) -> None:
    expected = painted(painter)
    _drawn.cache_clear()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        again = painter(96, 120, 0)
    finally:
        cv2.setNumThreads(threads)
    assert torch.equal(again, expected)


def test_a_painting_that_is_kept_cannot_be_changed_from_outside() -> None:
    first = swirls(32, 32, 0)
    expected = first.clone()
    first.zero_()
    assert torch.equal(swirls(32, 32, 0), expected)


@pytest.mark.parametrize("painter", PAINTERS)
def test_another_seed_gives_another_painting(painter: Painter) -> None:
    assert (painted(painter) - painter(96, 120, 1)).abs().mean() > 0.02


def test_painting_leaves_the_global_random_state_alone() -> None:
    np.random.seed(5)
    expected = np.random.random(3)
    np.random.seed(5)
    swirls(32, 32, 0)
    assert np.array_equal(expected, np.random.random(3))


@pytest.mark.parametrize("painter", PAINTERS)
def test_detail_is_found_at_several_scales(painter: Painter) -> None:
    grey = painted_larger(painter).mean(1)[0].numpy()
    energies = []
    for _ in range(4):  # gradients of strokes from about 1/100 to 1/12 of the picture
        dy, dx = np.gradient(grey)
        energies.append(float(np.hypot(dx, dy).mean()))
        grey = cv2.pyrDown(grey)
    assert min(energies) > 0.015, energies


@pytest.mark.parametrize("painter", PAINTERS)
def test_the_composition_is_the_same_at_any_size(painter: Painter) -> None:
    pictures = (painted(painter), painted_larger(painter))  # compared with the fine strokes averaged away
    coarse = [torch.nn.functional.adaptive_avg_pool2d(picture, 16).flatten() for picture in pictures]
    assert torch.corrcoef(torch.stack(coarse))[0, 1] > 0.95


@pytest.mark.parametrize("size", [(1, 1), (33, 57)])
def test_odd_and_tiny_sizes_are_painted(size: tuple[int, int]) -> None:
    assert ink(*size, 0).shape == (1, 3, *size)


def test_a_painting_without_pixels_is_refused() -> None:
    with pytest.raises(InputError, match="0x5"):
        facets(5, 0, 0)
