"""The paper's losses as pure functions.

Every function works lane by lane: images are RGB in [0, 1] of shape (L, 3, H, W), activations (L, C, h, w),
and a loss is one value per lane, (L,). Means are over all dimensions but the lane.
Source: Wang, Wu & Pan, "On Extending Image Style Transfer to Video Style Transfer", section 5.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from vst.bounds import Scale

Normalisation = Literal["chw", "hw", "none"]
Gate = Callable[[Tensor], Tensor]

MOST_POSITIONS = 1_000_000
"""Positions whose inner products are summed at once."""


def mean_squared_error(first: Tensor, second: Tensor) -> Tensor:
    """MSE of two tensors (L, …), lane by lane: (L,), in the squared unit of the arguments."""
    return (full_precision(first) - full_precision(second)).square().flatten(1).mean(1)


def full_precision(values: Tensor) -> Tensor:
    """Values of bfloat16 or float16 in float32, others as they are: what is summed or compared is never rounded."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def gram_matrix(activations: Tensor, normalisation: Normalisation = "chw") -> Tensor:
    """Inner products of all pairs of channels of activations (L, C, H, W), summed over the positions: (L, C, C).

    The paper says "normalized", but not by what: `chw` divides by C·H·W, which makes layers of different width
    and images of different size comparable; `hw` by H·W alone; `none` does not divide.
    """
    lanes, channels, height, width = activations.shape
    # positions before channels: in channels_last, as VGG-19 gives them, that is no copy
    flat = activations.permute(0, 2, 3, 1).reshape(lanes, height * width, channels)
    return normalised(_InnerProducts.apply(flat, None), normalisation, height * width)


def region_gram_matrix(activations: Tensor, region: Tensor, normalisation: Normalisation = "chw") -> Tensor:
    """`gram_matrix` of activations (L, C, H, W) in a region (L, 1, H, W), of weights in [0, 1]: (L, C, C).

    A region of one lane is that of all lanes. Where the matrix is divided by the number of positions, that is the sum
    of the weights: the matrix of a region of a plain pattern is that of the whole. Of an empty region it is 0.
    """
    lanes, channels, height, width = activations.shape
    flat = activations.permute(0, 2, 3, 1).reshape(lanes, height * width, channels)
    weights = full_precision(region).flatten(1)[..., None]
    return normalised(_InnerProducts.apply(flat, weights), normalisation, weights.sum((1, 2)))


def normalised(products: Tensor, normalisation: Normalisation, positions: int | Tensor) -> Tensor:
    """Inner products (L, C, C), summed over so many positions, as a Gram matrix.

    Positions that are weighed are as many as their weights sum up to, (L,); where these are all 0, so is the matrix.
    """
    if isinstance(positions, Tensor):
        positions = positions.clamp(min=1e-6)[:, None, None]
    return products / {"chw": products.shape[-1] * positions, "hw": positions, "none": 1}[normalisation]


class _InnerProducts(torch.autograd.Function):
    """Aᵀ W A of A (L, P, C), summed in full precision; W is diagonal, of the weights (L, P, 1), or None for 1.

    Its gradient W A (G + Gᵀ) is one product, where autograd would take two and add them, in the precision of A, which
    is that of the convolutions. The weights have none. Nothing of the size of A is kept but A.
    """

    @staticmethod
    def forward(flat: Tensor, weights: Tensor | None) -> Tensor:
        # part by part: those of a large frame would take gigabytes in full precision
        parts = flat.split(MOST_POSITIONS, dim=1)
        weighed = [None] * len(parts) if weights is None else weights.split(MOST_POSITIONS, dim=1)
        products = [_products(*pair) for pair in zip(parts, weighed, strict=True)]
        return products[0] if len(products) == 1 else torch.stack(products).sum(0)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor | None], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        flat, weights = ctx.saved_tensors
        symmetric = gradients[0] + gradients[0].mT
        gradient = flat @ symmetric.to(flat.dtype)
        return gradient if weights is None else gradient.mul_(weights.to(gradient.dtype)), None


def _products(part: Tensor, weights: Tensor | None) -> Tensor:
    flat = full_precision(part)
    return flat.mT @ (flat if weights is None else flat * weights)


def content_loss(activations: Tensor, target: Tensor) -> Tensor:
    """L_content = MSE(C(x), C(V[i])): activations of the canvas and of the content frame, (L, C, h, w) → (L,)."""
    return mean_squared_error(activations, target)


def style_loss(grams: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """L_style = 1/n · Σ_l MSE(S(x)_l, S(s)_l) over n layers' Gram matrices, each (L, C, C) → (L,).

    The paper has five layers, n = 5. A target of one lane, (1, C, C), is used for all lanes.
    """
    if len(grams) != len(targets):
        raise ValueError(f"{len(grams)} Gram matrices cannot be compared with {len(targets)} targets")
    losses = [mean_squared_error(gram, target) for gram, target in zip(grams, targets, strict=True)]
    return torch.stack(losses).mean(0)


def range_loss(image: Tensor) -> Tensor:
    """Mean squared distance of an image's values (L, 3, H, W) from the displayable range [0, 1]: (L,).

    Departure from the paper, which has x in [0, 1] and does not say how it is kept there. The style loss moves 4 %
    of the values out of it; clamping them at the end costs a painting nearly half of its style, this term nothing.
    """
    return (image - image.clamp(0, 1)).square().flatten(1).mean(1)


def mse_coherence(stylized: Tensor, previous: Tensor) -> Tensor:
    """The simplest coherence, MSE(V'[i], V'[i-1]), of two painted frames (L, 3, H, W) → (L,)."""
    return mean_squared_error(stylized, previous)


def paper_gate(divergence: Tensor) -> Tensor:
    """f(x) = tanh(e^(−x)) of the MSE of two content frames, in [0, 1] → about [0.35, 0.77].

    The paper asks for f(0) near 1 and f(1) near 0, which this f does not satisfy: f(0) = 0.762, f(1) = 0.352,
    and at 0.1, a large MSE for two frames, still 0.719.
    """
    return torch.tanh(torch.exp(-divergence))


def closing_gate(divergence: Tensor, scale: Scale = 0.01) -> Tensor:
    """f(x) = e^(−(x/scale)²): 1 for equal frames, and 0 (below 2 %) once their MSE is twice `scale`.

    Not the paper's: a gate that satisfies the conditions which the paper states and its own f breaks.
    Consecutive frames of a shot have an MSE of about 0.001, frames across a cut of 0.02 and more.
    """
    return torch.exp(-((divergence / scale) ** 2))


def enhanced_coherence(
    stylized: Tensor, previous: Tensor, content: Tensor, previous_content: Tensor, gate: Gate = paper_gate
) -> Tensor:
    """f(MSE(V[i], V[i-1])) · MSE(V'[i], V'[i-1]) + MSE(V'[i] − V'[i-1], V[i] − V[i-1]).

    `stylized` and `previous` are V'[i] and V'[i-1], `content` and `previous_content` V[i] and V[i-1], each
    (L, 3, H, W) → (L,). `gate` is f, applied lane by lane.
    """
    gated = gate(mean_squared_error(content, previous_content)) * mse_coherence(stylized, previous)
    return gated + mean_squared_error(stylized - previous, content - previous_content)


def flow_coherence(stylized: Tensor, prediction: Tensor) -> Tensor:
    """MSE(V'[i], P), P being V'[i-1] warped along the optical flow: images (L, 3, H, W) → (L,)."""
    return mean_squared_error(stylized, prediction)


def masked_coherence(stylized: Tensor, prediction: Tensor, trust: Tensor) -> Tensor:
    """1/D · Σ c·(V'[i] − P)² over the D = 3·H·W values of a lane: images (L, 3, H, W) → (L,).

    `trust` is c, (L, 1, H, W) in [0, 1]; pixels with c = 0 count as equal, so that the term shrinks with the
    trusted area. Source: Ruder, Dosovitskiy & Brox, "Artistic style transfer for videos" (2016),
    equation 7.
    """
    return (trust * (stylized - prediction).square()).flatten(1).mean(1)
