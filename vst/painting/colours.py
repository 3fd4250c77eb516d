"""Whose colours a painting has: the style image's, or the content's.

Source: Gatys, Bethge, Hertzmann & Shechtman, "Preserving Color in Neural Artistic Style Transfer" (2016). There a
photograph is painted; here the style image is matched to a whole shot, so that it is the same for all its frames.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from vst.video.palette import Palette, palette_of

Choice = Literal["style", "luminance", "matched"]

LUMA = (0.299, 0.587, 0.114)
"""The weights of red, green and blue in the luminance Y of YIQ."""

LEAST = 1e-6
"""Variance of colours, in squared units of [0, 1], below which they do not vary: grey varies along one axis alone."""


class StyleColours:
    """The style image's, as in the paper: nothing is to be done."""

    matches = False
    """Whether the style image depends on the shot."""

    def style(self, image: Tensor, shot: Palette) -> Tensor:
        """The style image (1, 3, h, w) for a shot with these colours."""
        return image

    def seen(self, image: Tensor) -> Tensor:
        """What VGG-19 sees of an image (L, 3, H, W)."""
        return image

    def finished(self, canvas: Tensor, content: Tensor) -> Tensor:
        """What is painted where the canvas and the content are these, (L, 3, H, W) each."""
        return canvas


class MatchedColours(StyleColours):
    """The content's: those of the style image are moved to them as a whole, and then painted with (section 3)."""

    matches = True

    def style(self, image: Tensor, shot: Palette) -> Tensor:
        """The style image with the shot's mean colour and covariance."""
        return matched(image, shot)


class LuminanceColours(StyleColours):
    """The content's at every pixel: only the luminance is painted, after that of the style image (section 4).

    The losses other than those of VGG-19's activations are of what is painted, in its colours.
    """

    matches = True

    def style(self, image: Tensor, shot: Palette) -> Tensor:
        """The style image's luminance, with the mean and the variance of the shot's."""
        weights = torch.tensor([LUMA] * 3, dtype=torch.float64)
        return matched(luminance(image), Palette(weights @ shot.mean, weights @ shot.covariance @ weights.mT))

    def seen(self, image: Tensor) -> Tensor:
        """The luminance."""
        return luminance(image)

    def finished(self, canvas: Tensor, content: Tensor) -> Tensor:
        """The canvas's luminance, with the content's I and Q: what is added to all three channels changes neither."""
        return content + luminance(canvas - content)


COLOURS: dict[Choice, StyleColours] = {
    "style": StyleColours(),
    "luminance": LuminanceColours(),
    "matched": MatchedColours(),
}


def luminance(image: Tensor) -> Tensor:
    """The luminance of RGB images (L, 3, H, W), as three equal channels."""
    # numbers, since a tensor of them would be copied to the GPU, which a capture of what is queued there forbids
    weighed = [weight * image[:, channel : channel + 1] for channel, weight in enumerate(LUMA)]
    return torch.stack(weighed).sum(0).expand_as(image)


def matched(image: Tensor, wanted: Palette) -> Tensor:
    """A picture (1, 3, h, w) whose colours have the mean and the covariance that are wanted, within [0, 1].

    x' = Σ_C^(1/2) Σ_S^(-1/2) (x − μ_S) + μ_C, of the linear maps that match them the one that Gatys et al. found to
    look best.
    """
    found = palette_of(image)
    change = _power(wanted.covariance, 0.5) @ _power(found.covariance, -0.5)
    colours = image[0].flatten(1).double()
    moved = change @ (colours - found.mean[:, None]) + wanted.mean[:, None]
    return moved.view_as(image).to(image.dtype).clamp(0, 1)


def _power(covariance: Tensor, exponent: float) -> Tensor:
    """A covariance matrix to a power, 0 along axes along which nothing varies."""
    values, axes = torch.linalg.eigh(covariance)
    powers = torch.where(values > LEAST, values.clamp(min=LEAST) ** exponent, 0)
    return axes * powers @ axes.mT
