from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real frames, flows and weights, kept beside the checkout and not part of it."""
    folder = Path(__file__).resolve().parents[2].parent / "shared" / "flow"
    if not folder.is_dir():
        pytest.skip("the real flows and weights are not beside this checkout (../shared/flow)")
    return folder


@pytest.fixture(scope="session")
def texture() -> Callable[..., Tensor]:
    """A smooth random picture, (1, 3, H, W) in [0, 1]."""

    def make(height: int, width: int, seed: int = 0) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        coarse = torch.rand(1, 3, -(-height // 4), -(-width // 4), generator=generator)
        return F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=True).clamp(0, 1)

    return make


@pytest.fixture(scope="session")
def smooth_flow() -> Callable[..., Tensor]:
    """A smooth random flow, (L, 2, H, W), of some pixels."""

    def make(lanes: int, height: int, width: int, size: float = 3.0, seed: int = 0) -> Tensor:
        coarse = torch.randn(lanes, 2, 4, 5, generator=torch.Generator().manual_seed(seed))
        return size * F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=True)

    return make
