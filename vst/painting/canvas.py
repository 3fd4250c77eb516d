"""What L-BFGS moves: a tensor of coefficients, from which the canvas, an image, is drawn."""

from __future__ import annotations

from typing import Annotated, Protocol, runtime_checkable

import torch
from annotated_types import Interval
from torch import Tensor


@runtime_checkable
class Canvas(Protocol):
    """A parametrisation of the image that is optimised, started from an image (L, 3, H, W)."""

    def coefficients(self, start: Tensor) -> Tensor:
        """The coefficients, (L, …), whose image is `start`."""
        ...

    def image(self, coefficients: Tensor, start: Tensor) -> Tensor:
        """The image (L, 3, H, W) that the coefficients draw; differentiable, and not clamped to [0, 1]."""
        ...


class PixelCanvas:
    """The pixels themselves, as in the paper."""

    def coefficients(self, start: Tensor) -> Tensor:
        """A copy of the image."""
        return start.clone()

    def image(self, coefficients: Tensor, start: Tensor) -> Tensor:
        """The coefficients are the image."""
        return coefficients


class FourierCanvas:
    """A change to the start whose Fourier coefficients are scaled by frequency^exponent.

    image = start + irfft2(rfft2(z) · s),  s = max(f, 1/max(H, W))^exponent divided by its mean, f in cycles
    a pixel. Departure from the paper, which moves pixels: the same objective, in coordinates in which its
    curvature is more even. A negative exponent lets broad changes go first, as in natural images, whose
    amplitude falls with frequency. −1/2 reached the loss of 50 evaluations over pixels in about 25.
    """

    def __init__(self, exponent: Annotated[float, Interval(ge=-4, le=4)] = -0.5):
        self.exponent = exponent
        self._made_for: tuple[int, int, torch.dtype, torch.device] | None = None
        self._scale = torch.empty(0)

    def coefficients(self, start: Tensor) -> Tensor:
        """No change yet: zeros."""
        return torch.zeros_like(start)

    def image(self, coefficients: Tensor, start: Tensor) -> Tensor:
        """The start, and the scaled change."""
        height, width = start.shape[-2:]
        scale = self._scale_for(height, width, start)
        change = torch.fft.irfft2(torch.fft.rfft2(coefficients) * scale, s=(height, width))
        return start + change

    def _scale_for(self, height: int, width: int, like: Tensor) -> Tensor:
        """s at every frequency of `rfft2`, (H, W//2 + 1); the same for all frames of a clip, so made once."""
        made_for = (height, width, like.dtype, like.device)
        if self._made_for != made_for:
            rows = torch.fft.fftfreq(height, dtype=like.dtype, device=like.device)[:, None]
            columns = torch.fft.rfftfreq(width, dtype=like.dtype, device=like.device)[None, :]
            frequency = torch.hypot(rows, columns).clamp(min=1 / max(height, width))
            scale = frequency**self.exponent
            self._scale, self._made_for = scale / scale.mean(), made_for
        return self._scale
