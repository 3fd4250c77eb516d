from __future__ import annotations

import numpy as np
import pytest
import torch

from vst.metrics.residual import residual_correlation, residual_mse


@pytest.fixture
def four() -> np.ndarray:
    """Return V'[i], V'[i-1], V[i] and V[i-1] at random, of two lanes."""
    return np.random.default_rng(0).random((4, 2, 3, 7, 8))


def test_residual_mse_is_the_formula_written_as_loops(four):
    found = residual_mse(*map(torch.from_numpy, four))
    for lane in range(2):
        total = 0.0
        for place in np.ndindex(3, 7, 8):
            stylized, previous, content, previous_content = (image[lane][place] for image in four)
            total += ((stylized - previous) - (content - previous_content)) ** 2
        assert found[lane].item() == pytest.approx(total / (3 * 7 * 8), rel=1e-12)


def test_residual_correlation_is_numpys(four):
    found = residual_correlation(*map(torch.from_numpy, four))
    for lane in range(2):
        stylized, previous, content, previous_content = four[:, lane]
        painted = np.abs(stylized - previous).mean(0).ravel()
        source = np.abs(content - previous_content).mean(0).ravel()
        assert found[lane].item() == pytest.approx(np.corrcoef(painted, source)[0, 1], rel=1e-9)


def test_the_source_itself_agrees_fully(four):
    content, previous = torch.from_numpy(four[2]), torch.from_numpy(four[3])
    assert residual_mse(content, previous, content, previous).tolist() == [0, 0]
    assert residual_correlation(content, previous, content, previous).tolist() == pytest.approx([1, 1])


def test_the_sign_of_a_change_counts_for_the_error_alone(four):
    content, previous = torch.from_numpy(four[2]), torch.from_numpy(four[3])
    inverted = 1 - content, 1 - previous
    assert residual_correlation(*inverted, content, previous).tolist() == pytest.approx([1, 1])
    expected = 4 * (content - previous).square().flatten(1).mean(1)
    torch.testing.assert_close(residual_mse(*inverted, content, previous), expected)


def test_a_scaled_change_correlates_fully(four):
    content, previous = torch.from_numpy(four[2]), torch.from_numpy(four[3])
    halved = 0.3 + content / 2, 0.3 + previous / 2
    assert residual_correlation(*halved, content, previous).tolist() == pytest.approx([1, 1])


def test_noise_does_not_correlate():
    stylized, previous, content, previous_content = torch.rand(
        4, 1, 3, 150, 150, generator=torch.Generator().manual_seed(0)
    )
    assert abs(residual_correlation(stylized, previous, content, previous_content).item()) < 0.02


def test_a_constant_residual_has_no_correlation(four):
    content, previous = (torch.from_numpy(image).float() for image in four[2:])
    image = torch.from_numpy(four[0]).float()
    assert residual_correlation(image, image, content, previous).isnan().all()
    assert residual_correlation(content, previous, image, image).isnan().all()
    # every pixel brighter by the same: constant but for rounding
    assert residual_correlation(image * 0.5 + 0.1, image * 0.5, content, previous).isnan().all()
