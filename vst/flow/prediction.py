"""What the frames painted before say of this one: their paintings, moved here, and how far to believe each."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vst.neighbour import Neighbour


def nearest_trusted(trusts: Sequence[Tensor]) -> list[Tensor]:
    """Let each pixel be held by the nearest frame that shows it: c_j ← max(c_j − Σ_{k<j} c_k, 0).

    `trusts` are masks (L, 1, H, W) in [0, 1], the nearest frame's first; the results' sum is at most 1
    wherever each is. Source: Ruder, Dosovitskiy & Brox (2016), equation 9.
    """
    left: list[Tensor] = []
    taken = torch.zeros_like(trusts[0]) if trusts else None
    for trust in trusts:
        assert taken is not None
        left.append((trust - taken).clamp(min=0))
        taken = taken + trust
    return left


def combine(predictions: Sequence[Tensor], weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """One prediction for several, P = Σ w_j P_j / Σ w_j, and its weight Σ w_j, (L, 1, H, W).

    Held to P with this weight, a painting has the gradient that it has when held to each P_j with w_j. Where
    no weight is, P is that of the first prediction.
    """
    weight = torch.stack(list(weights)).sum(0)
    mixed = torch.stack([w * p for w, p in zip(weights, predictions, strict=True)]).sum(0)
    return torch.where(weight > 0, mixed / weight.clamp(min=1e-12), predictions[0]), weight


def at_distances(past: Sequence[Neighbour], distances: Sequence[int]) -> list[Neighbour]:
    """Those of the past frames that lie so many frames back, the nearest first."""
    return [neighbour for neighbour in past if neighbour.distance in distances]
