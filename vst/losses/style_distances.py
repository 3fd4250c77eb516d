"""Ideas of style other than Gram matrices, as pure functions of activations.

Activations are (L, C, h, w) of the canvas, and (1, C, h', w') of the style image, which has its own size; a loss is one
value per lane, (L,), in float32, whatever the precision of the activations.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vst.losses.functional import full_precision, mean_squared_error

MOST_PAIRS = 2**24
"""Pairs of positions whose distances are held at once: 64 MB."""


def moments(activations: Tensor) -> Tensor:
    """Mean and standard deviation of every channel of activations (L, C, h, w): (L, 2, C)."""
    flat = full_precision(activations).flatten(2)
    # without Bessel's correction, and with a gradient at 0
    deviation = (flat.var(2, correction=0) + 1e-8).sqrt()
    return torch.stack([flat.mean(2), deviation], dim=1)


def moments_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Σ_c (μ_c − μ'_c)² + (σ_c − σ'_c)², over C: `moments` (L, 2, C) and (1, 2, C) → (L,).

    Source: Li, Wang, Liu & Hou, "Demystifying Neural Style Transfer" (2017), the distance of BN statistics.
    """
    return 2 * mean_squared_error(found, wanted)


def histogram_loss(activations: Tensor, sorted_style: Tensor) -> Tensor:
    """MSE(F, R(F)), R(F) being activations F with each channel's histogram that of the style image: (L,).

    `activations` are (L, C, h, w), `sorted_style` (1, C, n) each channel of the style image's, sorted. Where the
    numbers of positions differ, the style's quantiles are interpolated. R(F) is held fixed: the gradient is that of
    F alone. Source: Risser, Wilmot & Barnes, "Stable and Controllable Neural Texture Synthesis and Style Transfer
    Using Histogram Losses" (2017).
    """
    return _distance_by_rank(full_precision(activations).flatten(2), sorted_style)


def sliced_wasserstein_loss(activations: Tensor, sorted_style: Tensor, directions: Tensor) -> Tensor:
    """Mean over directions of the squared Wasserstein-2 distance of the two projected distributions: (L,).

    `activations` are (L, C, h, w), `directions` (D, C) unit vectors, `sorted_style` (1, D, n) the style image's
    activations projected on each and sorted.
    Source: Heitz, Vanhoey, Chambon & Belcour, "A Sliced Wasserstein Loss for Neural Texture Synthesis" (2021).
    """
    return _distance_by_rank(project(activations, directions), sorted_style)


def _distance_by_rank(values: Tensor, ordered: Tensor) -> Tensor:
    """MSE of values (L, C, P) and those of their ranks in another distribution, sorted (1, C, n): (L,)."""
    return mean_squared_error(values.sort(2).values, quantiles(ordered, values.shape[2]))


def project(activations: Tensor, directions: Tensor) -> Tensor:
    """Activations (L, C, h, w) along unit vectors (D, C): (L, D, h·w)."""
    return directions @ full_precision(activations).flatten(2)


def quantiles(ordered: Tensor, count: int) -> Tensor:
    """Sorted values (1, C, n) at `count` evenly spaced ranks, interpolated linearly: (1, C, count)."""
    if ordered.shape[2] == count:
        return ordered
    return F.interpolate(ordered, count, mode="linear", align_corners=False)


def hypercolumns(activations: Sequence[Tensor]) -> Tensor:
    """Activations of several layers as one vector a position of the first one, (L, ΣC, P), the others resized to it."""
    size = activations[0].shape[-2:]
    layers = [full_precision(layer) for layer in activations]
    return torch.cat(
        [F.interpolate(layer, size, mode="bilinear", antialias=True).flatten(2) for layer in layers], dim=1
    )


def cosine_distances(first: Tensor, second: Tensor) -> Tensor:
    """1 − cos of all pairs of vectors (L, C, P) and (L, C, Q): (L, P, Q), from 0 to 2."""
    return 1 - F.normalize(first, dim=1).mT @ F.normalize(second, dim=1)


def nearest_neighbour_loss(columns: Tensor, style: Tensor) -> Tensor:
    """Mean over positions of the cosine distance to the nearest column of the style image: (L,).

    `columns` (L, C, P) and `style` (1, C, Q) are `hypercolumns` less their own mean over positions.
    Source: Kolkin, Kucera, Paris, Sýkora, Shechtman & Shakhnarovich, "Neural Neighbor Style Transfer" (2022). There the
    neighbours are those of the content and found once a scale; here they are the canvas's own and found at every
    evaluation, as L-BFGS asks for one objective.
    """
    columns = columns - columns.mean(2, keepdim=True)
    style = F.normalize(style - style.mean(2, keepdim=True), dim=1)
    nearest = []
    for part in columns.split(max(1, MOST_PAIRS // style.shape[2]), dim=2):
        with torch.no_grad():
            chosen = (style.mT @ F.normalize(part, dim=1)).argmax(1)
        neighbours = style.expand(len(part), -1, -1).gather(2, chosen[:, None].expand(-1, style.shape[1], -1))
        nearest.append(1 - (F.normalize(part, dim=1) * neighbours).sum(1))
    return torch.cat(nearest, dim=1).mean(1)


def relaxed_transport(costs: Tensor) -> Tensor:
    """The relaxed earth mover's distance of two equally weighted sets: max(mean_i min_j C_ij, mean_j min_i C_ij), (L,).

    `costs` are those of moving each of one set to each of the other, (L, P, Q).
    Source: Kolkin, Salavon & Shakhnarovich, "Style Transfer by Relaxed Optimal Transport and Self-Similarity" (2019).
    """
    return torch.maximum(costs.amin(2).mean(1), costs.amin(1).mean(1))


def covariance_distance(first: Tensor, second: Tensor) -> Tensor:
    """Mean absolute difference of the means, and of the covariances, of columns (L, C, P) and (1, C, Q): (L,).

    Source: Kolkin, Salavon & Shakhnarovich (2019).
    """
    pairs = zip(_mean_and_covariance(first), _mean_and_covariance(second), strict=True)
    means, covariances = ((one - other).abs().flatten(1).mean(1) for one, other in pairs)
    return means + covariances


def _mean_and_covariance(columns: Tensor) -> tuple[Tensor, Tensor]:
    mean = columns.mean(2, keepdim=True)
    centred = columns - mean
    return mean, centred @ centred.mT / columns.shape[2]


def optimal_transport_loss(columns: Tensor, style: Tensor, colours: Tensor, palette: Tensor) -> Tensor:
    """ℓ_r + ℓ_m + ℓ_p: transport of activations, their moments, and transport of colours: (L,).

    `columns` (L, C, P) and `style` (1, C, Q) are `hypercolumns`, moved by `relaxed_transport` at `cosine_distances`;
    `colours` (L, 3, P) and `palette` (1, 3, Q) the RGB colours there, moved at Euclidean distances.
    Source: Kolkin, Salavon & Shakhnarovich (2019). The colours are there in a decorrelated space and
    weighted by 1/α, here in RGB and with weight 1.
    """
    moved = relaxed_transport(cosine_distances(columns, style))
    # differences, not inner products: those leave a distance of 1e-3 between equal colours
    exactly = "donot_use_mm_for_euclid_dist"
    between = torch.cdist(colours.mT, palette.expand(len(colours), -1, -1).mT, compute_mode=exactly)
    painted = relaxed_transport(between)
    return moved + covariance_distance(columns, style) + painted
