from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vst.metrics.repainted import OCTAVES, WINDOW, repainted
from vst.metrics.temporal import warping_error

STILL = torch.zeros(1, 2, 96, 128)
EVERYWHERE = torch.ones(1, 1, 96, 128)


def noise(seed: int) -> Tensor:
    return torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(seed))


def blurred(image: Tensor) -> Tensor:
    """Averaged over 5 pixels by binomial weights."""
    kernel = image.new_tensor([1, 4, 6, 4, 1]) / 16
    padded = F.pad(image, (2, 2, 2, 2), mode="replicate")
    return F.conv2d(padded, torch.outer(kernel, kernel).expand(3, 1, 5, 5), groups=3)


def test_it_is_the_formula_written_as_loops():
    first, second = noise(0), noise(1)
    hann = [0.5 - 0.5 * math.cos(2 * math.pi * n / (WINDOW - 1)) for n in range(WINDOW)]
    change = np.zeros((WINDOW, WINDOW))
    energy = np.zeros((WINDOW, WINDOW))
    for channel in range(3):
        for top in range(0, 96 - WINDOW + 1, WINDOW // 2):
            for left in range(0, 128 - WINDOW + 1, WINDOW // 2):
                spectra = []
                for image in (first, second):
                    window = image[0, channel, top : top + WINDOW, left : left + WINDOW].double().numpy()
                    spectra.append(np.fft.fft2((window - window.mean()) * np.outer(hann, hann)))
                change += np.abs(spectra[0] - spectra[1]) ** 2
                energy += np.abs(spectra[0]) ** 2 + np.abs(spectra[1]) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(WINDOW), np.fft.fftfreq(WINDOW)))
    # a real picture's spectrum is symmetric: of the columns of −f and f, one is counted
    half = np.zeros((WINDOW, WINDOW), bool)
    half[:, : WINDOW // 2 + 1] = True
    octaves = [(frequency > low) & (frequency <= high) & half for low, high in OCTAVES]
    expected = np.mean([(change / energy)[octave].mean() for octave in octaves])
    assert repainted(first, second, STILL, EVERYWHERE).item() == pytest.approx(expected, rel=1e-6)


def test_nothing_and_all_of_it():
    assert repainted(noise(0), noise(0), STILL, EVERYWHERE).item() == 0
    assert repainted(noise(0), noise(1), STILL, EVERYWHERE).item() == pytest.approx(1, abs=0.05)


def test_strokes_that_move_with_their_content_are_not_repainted(strokes):
    wide = strokes(1, 96, 134)
    flow = STILL.clone()
    flow[:, 0] = 6
    trust = EVERYWHERE.clone()
    trust[..., -6:] = 0
    assert repainted(wide[..., 6:], wide[..., :128], flow, trust).item() == 0
    assert repainted(wide[..., 6:], wide[..., :128], STILL, trust).item() > 0.5


def test_it_grows_with_the_share_that_is_new():
    def mixed(part: float) -> float:
        now = math.sqrt(1 - part) * (noise(0) - 0.5) + math.sqrt(part) * (noise(1) - 0.5)
        return repainted(now, noise(0) - 0.5, STILL, EVERYWHERE).item()

    values = [mixed(part) for part in (0, 0.1, 0.3, 0.6, 1)]
    assert values == sorted(values)
    # with equal energies, the share is 1 − correlation
    assert values[2] == pytest.approx(1 - math.sqrt(0.7), abs=0.02)


def test_no_blur_and_no_loss_of_contrast_is_a_better_figure(strokes):
    previous = strokes(1, 96, 128)
    stylized = 0.9 * previous + 0.1 * noise(0)
    own = repainted(stylized, previous, STILL, EVERYWHERE).item()
    copies = {
        "blurred": (blurred(stylized), blurred(previous)),
        "pale": (0.3 * stylized + 0.4, 0.3 * previous + 0.4),
    }
    for name, pair in copies.items():
        assert repainted(*pair, STILL, EVERYWHERE).item() == pytest.approx(own, rel=0.1), name
        error = warping_error(*pair, STILL, EVERYWHERE).item()
        assert error < 0.8 * warping_error(stylized, previous, STILL, EVERYWHERE).item(), name


def test_what_is_not_trusted_does_not_count():
    broken, trust = noise(0).clone(), EVERYWHERE.clone()
    broken[..., 40:50, 60:64], trust[..., 40:50, 60:64] = torch.nan, 0
    assert repainted(noise(0), broken, STILL, trust).item() == 0
    other = noise(0).clone()
    other[..., 64:], trust[..., 64:] = noise(1)[..., 64:], 0
    assert repainted(noise(0), other, STILL, trust).item() == 0


def test_where_it_is_undefined():
    assert repainted(noise(0), noise(1), STILL, 0 * EVERYWHERE).isnan()
    plain = torch.full((1, 3, 96, 128), 0.5)
    assert repainted(plain, plain, STILL, EVERYWHERE).isnan()
    small = (..., slice(0, WINDOW - 1), slice(0, 40))
    assert repainted(noise(0)[small], noise(1)[small], STILL[small], EVERYWHERE[small]).isnan()
