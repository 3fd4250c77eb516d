"""Predictions of a painting from frames painted before it, and how reliable each is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vst.flow.neighbour import Neighbour


def nearest_reliable(trusts: Sequence[Tensor]) -> list[Tensor]:
    """Compare each pixel with the nearest frame that shows it: c_j ← max(c_j − Σ_{k<j} c_k, 0).

    `trusts` are masks (L, 1, H, W) in [0, 1], the nearest frame's first; the results sum to at most 1.
    Source: Ruder, Dosovitskiy & Brox (2016), equation 9.
    """
    left: list[Tensor] = []
    taken = torch.zeros_like(trusts[0]) if trusts else None
    for trust in trusts:
        assert taken is not None
        left.append((trust - taken).clamp(min=0))
        taken = taken + trust
    return left


def combine(predictions: Sequence[Tensor], weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Merge predictions into one, P = Σ w_j P_j / Σ w_j, with weight Σ w_j, (L, 1, H, W).

    A squared difference from P with this weight has the same gradient as the sum of those from each P_j with w_j. Where
    all weights are 0, P is the first prediction.
    """
    weight = torch.stack(list(weights)).sum(0)
    mixed = torch.stack([w * p for w, p in zip(weights, predictions, strict=True)]).sum(0)
    return torch.where(weight > 0, mixed / weight.clamp(min=1e-12), predictions[0]), weight


def at_distances(past: Sequence[Neighbour], distances: Sequence[int]) -> list[Neighbour]:
    """The past frames at these distances, the nearest first."""
    return [neighbour for neighbour in past if neighbour.distance in distances]


def fill_radius(frame: Tensor) -> int:
    """Radius, in pixels, of the windows of `fill_disoccluded` in a frame: they are an eighth of its longer side."""
    return max(1, max(frame.shape[-2:]) // 16)


def fill_disoccluded(image: Tensor, seen: Tensor, guide: Tensor, radius: int, least: float = 1e-3) -> Tensor:
    """Fill an image where it is unknown, guided by another: (L, 3, H, W).

    `image` is a painting (L, 3, H, W), known where `seen` (L, 1, H, W) is 1, `guide` the content frame
    (L, 3, H, W). Around each pixel, in a window of 2·`radius` + 1, the painting is regressed on the content,

        q(p) = A·V(p) + b     least squares over the window's seen pixels, plus ε|A|², ε = `least`

    as a guided filter does (He, Sun & Tang 2010), so that newly visible areas take on the painting's colours
    and keep their own contours. The whole frame is added with a weight of 0.1, for colours that the
    window's seen pixels lack. Seen pixels keep their values; where `seen` is in between, the two are mixed.
    """
    return torch.lerp(explained(image, seen, guide, radius, least, 0.1).clamp(0, 1), image, seen)


def explained(
    image: Tensor, seen: Tensor, guide: Tensor, radius: int, least: float = 1e-3, everywhere: float = 0.0
) -> Tensor:
    """q of `fill_disoccluded`, what a guide explains of an image, at all pixels: (L, 3, H, W).

    The arguments are those of `fill_disoccluded`; the whole frame counts with the weight `everywhere` in each window.
    """
    lanes, channels = image.shape[:2]
    rows = [seen, seen * guide, seen * image, _products(seen * guide, guide), _products(seen * image, guide)]
    sums = torch.cat(rows, dim=1)
    mean = sums.mean((2, 3), keepdim=True)
    window = _window_mean(sums, radius) + everywhere * mean
    weight = window[:, :1].clamp(min=1e-8)
    parts = (window / weight).split([1, channels, channels, channels**2, channels**2], dim=1)
    mean_guide, mean_image = parts[1], parts[2]
    shape = (lanes, channels, channels, *image.shape[-2:])
    guide_guide = parts[3] - _products(mean_guide, mean_guide)
    image_guide = parts[4] - _products(mean_image, mean_guide)
    covariance = guide_guide.view(shape).permute(0, 3, 4, 1, 2)
    ridge = least * torch.eye(channels, dtype=image.dtype, device=image.device)
    slope = torch.linalg.solve(covariance + ridge, image_guide.view(shape).permute(0, 3, 4, 2, 1))
    change = torch.einsum("lchw,lhwcd->ldhw", guide - mean_guide, slope)
    return mean_image + change


def _products(first: Tensor, second: Tensor) -> Tensor:
    """Products of all pairs of channels, one of each, (L, C·C, H, W)."""
    return (first[:, :, None] * second[:, None]).flatten(1, 2)


def _window_mean(values: Tensor, radius: int) -> Tensor:
    """Mean over the full window, with zeros outside the frame."""
    for size, margin in (((2 * radius + 1, 1), (radius, 0)), ((1, 2 * radius + 1), (0, radius))):
        values = F.avg_pool2d(values, size, stride=1, padding=margin)
    return values
