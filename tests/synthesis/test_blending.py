from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from vst.synthesis.blending import cross_fade


def strokes(seed: int, mean: float = 0.5) -> Tensor:
    generator = Generator().manual_seed(seed)
    return (mean + 0.1 * torch.randn(1, 3, 60, 80, generator=generator)).clamp(0, 1)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_equal_images_stay_as_they_are(share):
    torch.testing.assert_close(cross_fade(strokes(0), strokes(0), share), strokes(0), atol=1e-4, rtol=0)


def test_the_ends_are_the_two_images():
    torch.testing.assert_close(cross_fade(strokes(0), strokes(1), 0.0), strokes(0), atol=1e-4, rtol=0)
    torch.testing.assert_close(cross_fade(strokes(0), strokes(1), 1.0), strokes(1), atol=1e-4, rtol=0)


def test_unrelated_strokes_keep_their_contrast_where_their_mean_would_lose_it():
    first, second = strokes(0), strokes(1)
    mean = (first + second) / 2
    assert np.std(mean.numpy()) < 0.75 * np.std(first.numpy())
    assert np.std(cross_fade(first, second, 0.5).numpy()) == pytest.approx(np.std(first.numpy()), rel=0.05)


def test_colours_are_mixed_by_share():
    first, second = torch.full((1, 3, 30, 30), 0.2), torch.full((1, 3, 30, 30), 0.6)
    torch.testing.assert_close(cross_fade(first, second, 0.25), torch.full((1, 3, 30, 30), 0.3))


def test_the_result_stays_an_image():
    faded = cross_fade(strokes(0, mean=0.95), strokes(1, mean=0.05), 0.5)
    assert faded.min() >= 0
    assert faded.max() <= 1
