from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from vst.painting.canvas import FourierCanvas, PixelCanvas

SIZES = [(8, 8), (7, 9), (8, 13), (15, 6), (1, 5), (4, 1)]


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def scale_by_formula(height: int, width: int, exponent: float) -> np.ndarray:
    """s = max(f, 1/max(H, W))^exponent over its mean, at the frequencies of a real transform."""
    scale = np.empty((height, width // 2 + 1))
    for row, column in np.ndindex(scale.shape):
        down = (row if row <= (height - 1) // 2 else row - height) / height
        scale[row, column] = max(np.hypot(down, column / width), 1 / max(height, width)) ** exponent
    return scale / scale.mean()


def image_by_formula(coefficients: np.ndarray, start: np.ndarray, exponent: float) -> np.ndarray:
    height, width = start.shape[-2:]
    spectrum = np.fft.rfft2(coefficients) * scale_by_formula(height, width, exponent)
    return start + np.fft.irfft2(spectrum, s=(height, width))


@pytest.mark.parametrize("canvas", [PixelCanvas(), FourierCanvas(), FourierCanvas(-1.0)])
@pytest.mark.parametrize("size", SIZES)
def test_the_first_coefficients_draw_the_start(canvas, size):
    start = rand(2, 3, *size).float()
    coefficients = canvas.coefficients(start)
    assert coefficients.shape == start.shape
    assert torch.equal(canvas.image(coefficients, start), start)


def test_pixels_are_their_own_coefficients():
    start, other = rand(2, 3, 4, 5), rand(2, 3, 4, 5, seed=1)
    coefficients = PixelCanvas().coefficients(start)
    assert PixelCanvas().image(other, start) is other
    coefficients += 1
    assert torch.equal(start, rand(2, 3, 4, 5))  # moving the coefficients leaves the start alone


@pytest.mark.parametrize("size", [*SIZES, (2, 2), (17, 16)])
@pytest.mark.parametrize("exponent", [-0.5, -1.0, 0.0, 0.25])
def test_a_fourier_canvas_by_formula(size, exponent):
    start, coefficients = rand(2, 3, *size), rand(2, 3, *size, seed=1) - 0.5
    found = FourierCanvas(exponent).image(coefficients, start)
    assert found.dtype == torch.float64
    expected = image_by_formula(coefficients.numpy(), start.numpy(), exponent)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_the_default_exponent_is_a_negative_half():
    start, coefficients = rand(1, 3, 9, 12), rand(1, 3, 9, 12, seed=1)
    expected = image_by_formula(coefficients.numpy(), start.numpy(), -0.5)
    np.testing.assert_allclose(FourierCanvas().image(coefficients, start).numpy(), expected, atol=1e-6)


def test_without_an_exponent_the_change_is_the_coefficients():
    start, coefficients = rand(1, 3, 9, 12), rand(1, 3, 9, 12, seed=1)
    torch.testing.assert_close(FourierCanvas(0.0).image(coefficients, start), start + coefficients)


@pytest.mark.parametrize("size", SIZES)
def test_a_fourier_canvas_is_linear_in_its_coefficients(size):
    canvas, start = FourierCanvas(), rand(1, 3, *size)
    first, second = rand(1, 3, *size, seed=1), rand(1, 3, *size, seed=2)
    change = 2 * (canvas.image(first, start) - start) - 3 * (canvas.image(second, start) - start)
    torch.testing.assert_close(
        canvas.image(2 * first - 3 * second, start) - start, change, atol=1e-12, rtol=0
    )


def test_lanes_and_colours_do_not_mix():
    canvas, start = FourierCanvas(), rand(2, 3, 8, 9)
    coefficients = torch.zeros(2, 3, 8, 9, dtype=torch.float64)
    coefficients[1, 2] = rand(8, 9, seed=1)
    change = canvas.image(coefficients, start) - start
    assert change[1, 2].abs().max() > 0.1
    change[1, 2] = 0
    assert change.abs().max() == 0


@pytest.mark.parametrize("size", [(4, 4), (3, 5), (5, 4)])
def test_gradients_of_a_fourier_canvas(size):
    # a channel alone: every number takes two transforms
    canvas, start = FourierCanvas(), rand(1, 1, *size).requires_grad_()
    coefficients = rand(1, 1, *size, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(canvas.image, (coefficients, start))


def check_sizes(sizes: list[tuple[int, int]]) -> None:
    canvas = FourierCanvas()
    for size in sizes:
        start, coefficients = rand(1, 3, *size), rand(1, 3, *size, seed=1)
        expected = image_by_formula(coefficients.numpy(), start.numpy(), -0.5)
        np.testing.assert_allclose(canvas.image(coefficients, start).numpy(), expected, atol=1e-6)


def test_the_scale_follows_the_size():
    check_sizes([(8, 12), (12, 8), (8, 12), (8, 16), (9, 16)])


def test_the_scale_tells_an_even_width_from_the_next():
    check_sizes([(8, 8), (8, 9)])
