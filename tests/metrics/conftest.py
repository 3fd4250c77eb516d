from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor


@pytest.fixture(scope="session")
def strokes() -> Callable[..., Tensor]:
    """Give strokes that are alike everywhere and differ by seed: (L, 3, H, W), about 0.25 around 0.5."""

    def make(lanes: int, height: int, width: int, seed: int = 0) -> Tensor:
        noise = torch.randn(lanes, 3, height + 4, width + 4, generator=torch.Generator().manual_seed(seed))
        return (0.5 + 0.75 * F.avg_pool2d(noise, 5, stride=1)).clamp(0, 1)

    return make
