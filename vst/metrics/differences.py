"""The contours of a picture, as differences of neighbouring pixels."""

from __future__ import annotations

import torch
from torch import Tensor


def differences(image: Tensor) -> Tensor:
    """Differences to the pixel on the right and to the one below, where both exist: (L, C, 2, H-1, W-1)."""
    here = image[..., :-1, :-1]
    return torch.stack([image[..., :-1, 1:] - here, image[..., 1:, :-1] - here], dim=2)
