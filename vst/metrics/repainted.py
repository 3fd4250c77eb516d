"""How much of the strokes is painted anew from frame to frame."""

from __future__ import annotations

import torch
from torch import Tensor

from vst.flow.warp import spline_warp

WINDOW = 32
"""Side, in pixels, of the windows whose spectra are compared: a few strokes, and frequencies fine enough that a blur
is the same for all that one of them holds."""

LEAST_TRUSTED = 0.75
"""Share of a window's pixels that must be trusted; where the others are, nothing counts as painted anew."""

OCTAVES = ((1 / 16, 1 / 8), (1 / 8, 1 / 4), (1 / 4, 1 / 2))
"""Frequencies in cycles per pixel, above the first and up to the second: waves of 16 to 8, 8 to 4 and 4 to 2 pixels."""


def repainted(stylized: Tensor, previous: Tensor, flow: Tensor, trust: Tensor) -> Tensor:
    """R: the share of the strokes that is painted anew from one frame to the next, (L,), 0 for none and about 1 for
    all.

    The arguments are those of `vst.metrics.temporal.warping_error`. With B_f and P_f the Fourier coefficients at the
    frequency f of windows of V'[i] and of V'[i-1] moved along the flow, Hann-weighted and without their means,

        R = mean over octaves of the mean over their f of  Σ |B_f − P_f|² / Σ (|B_f|² + |P_f|²)

    summed over channels and windows that are mostly trusted, each change divided by the window's trusted share. It is 0
    where strokes move as the content does, and 1, in the mean, where they have nothing in common. Each frequency
    counts by its own energy: a blur or a loss of contrast, which lowers the warping error of any painting, hardly
    changes it. NaN where no window is trusted, or a frequency is missing from the painting. Source: this project's own.
    """
    if min(stylized.shape[-2:]) < WINDOW:
        return torch.full((len(stylized),), torch.nan, dtype=torch.float64, device=stylized.device)
    trusted = trust > 0
    moved = torch.where(trusted, spline_warp(previous, flow), stylized)
    share = _windows(trusted.double()).mean((-1, -2))
    weight = torch.where(share >= LEAST_TRUSTED, 1 / share.clamp(min=LEAST_TRUSTED), 0)[..., None, None]
    now, before = (_spectra(image.double()) for image in (stylized, moved))
    change = (weight * (now - before).abs().square()).sum((1, 2, 3))
    energy = (weight.sign() * (now.abs().square() + before.abs().square())).sum((1, 2, 3))
    ratio = change / torch.where(energy > 0, energy, torch.nan)
    down, across = torch.fft.fftfreq(WINDOW), torch.fft.rfftfreq(WINDOW)
    frequency = (down[:, None].square() + across.square()).sqrt().to(ratio.device)
    octaves = [(frequency > low) & (frequency <= high) for low, high in OCTAVES]
    return torch.stack([ratio[:, octave].mean(1) for octave in octaves]).mean(0)


def _windows(image: Tensor) -> Tensor:
    """Half-overlapping windows of (L, C, H, W), as far as whole ones fit: (L, C, rows, columns, WINDOW, WINDOW)."""
    return image.unfold(2, WINDOW, WINDOW // 2).unfold(3, WINDOW, WINDOW // 2)


def _spectra(image: Tensor) -> Tensor:
    """The Fourier coefficients of an image's windows, (L, C, rows, columns, WINDOW, WINDOW // 2 + 1)."""
    windows = _windows(image)
    hann = torch.hann_window(WINDOW, periodic=False, dtype=image.dtype, device=image.device)
    return torch.fft.rfft2((windows - windows.mean((-1, -2), keepdim=True)) * hann[:, None] * hann)
