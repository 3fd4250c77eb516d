"""The network of Johnson, Alahi & Fei-Fei, "Perceptual Losses for Real-Time Style Transfer" (2016), appendix A.

Departures from it, all of them usual today: instance instead of batch normalisation (Ulyanov, Vedaldi & Lempitsky
2016), which paints a frame as well alone as among others; reflection at the border in every convolution; and, instead
of transposed convolutions, the nearest pixel enlarged and then convolved, which leaves no checkerboard (Odena, Dumoulin
& Olah 2016).
"""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Interval
from torch import Tensor, nn

Width = Annotated[int, Interval(ge=1, le=256)]
"""Channels of a network's first convolution."""

Blocks = Annotated[int, Interval(ge=0, le=64)]
"""A number of residual blocks."""


class TransformationNetwork(nn.Module):
    """Paints images (L, 3, H, W) in [0, 1] of any size from 16 pixels up, each lane for itself.

    What it paints may leave [0, 1], as a canvas may; the range loss teaches it not to. (Johnson's scaled tanh keeps it
    there, but where the first large steps have driven it to an end, it has no gradient and stays.)

    `width` is the number of channels at the image's own size, twice and four times as many at half and at a quarter of
    it, where the residual `blocks` are. Johnson's has 32 and 5.
    """

    def __init__(self, width: Width = 16, blocks: Blocks = 5):
        super().__init__()
        self.width, self.blocks = width, blocks
        self.first = Convolution(3, width, kernel=9)
        self.halve = Convolution(width, 2 * width, kernel=3, stride=2)
        self.quarter = Convolution(2 * width, 4 * width, kernel=3, stride=2)
        self.residuals = nn.ModuleList(Residual(4 * width) for _ in range(blocks))
        self.to_half = Convolution(4 * width, 2 * width, kernel=3)
        self.to_whole = Convolution(2 * width, width, kernel=3)
        self.last = nn.Conv2d(width, 3, kernel_size=9, padding=4, padding_mode="reflect")
        self.last.bias = nn.Parameter(torch.full((3,), 0.5))

    def forward(self, images: Tensor) -> Tensor:
        """The painted images."""
        whole = F.relu(self.first(images))
        half = F.relu(self.halve(whole))
        x = F.relu(self.quarter(half))
        for block in self.residuals:
            x = block(x)
        x = F.relu(self.to_half(_enlarged(x, half)))
        x = F.relu(self.to_whole(_enlarged(x, whole)))
        # in full precision whatever the other convolutions are in: 256 levels do not fit bfloat16's 8 bits
        with torch.autocast(x.device.type, enabled=False):
            return self.last(x.float())


class Convolution(nn.Module):
    """A convolution with reflection at the border, and instance normalisation with a learnt scale and shift."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1):
        super().__init__()
        # no bias: the normalisation would take it away again
        self.convolution = nn.Conv2d(
            channels, out, kernel, stride, padding=kernel // 2, padding_mode="reflect", bias=False
        )
        self.normalisation = nn.InstanceNorm2d(out, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """Images (L, C, H, W) to (L, out, ⌈H/stride⌉, ⌈W/stride⌉)."""
        return self.normalisation(self.convolution(x))


class Residual(nn.Module):
    """Two convolutions whose result is added to what went in: He et al. (2016), without a ReLU after the sum."""

    def __init__(self, channels: int):
        super().__init__()
        self.one, self.two = (Convolution(channels, channels, kernel=3) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Images (L, C, H, W) to images of that shape."""
        return x + self.two(F.relu(self.one(x)))


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    """The nearest pixels at the size of `like`, which may be odd."""
    return F.interpolate(x, size=like.shape[-2:], mode="nearest")
