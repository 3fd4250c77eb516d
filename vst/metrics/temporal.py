"""How steady a painted clip is from frame to frame.

Convention, here and in all of vst/metrics: everything is defined at the pixels of frame i. Flow is backward
flow, V[i](p) ≈ V[i-k](p + flow(p)), masks belong to frame i, and V'[i-k] is sampled along the flow.
Values are one per lane, (L,), float64, summed in float64; NaN means undefined.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vst.flow.warp import spline_warp

STILL_FLOW = 0.25
"""Motion, in pixels, below which a pixel counts as still: about the error of a good flow estimator."""

STILL_CHANGE = 4 / 255
"""Change of any channel of the content below which a pixel counts as still: only grain and coding noise."""


def warping_error(stylized: Tensor, previous: Tensor, flow: Tensor, trust: Tensor) -> Tensor:
    """E = Σ M·(V'[i](p) − V'[i-k](p + flow(p)))² / ΣM, the mask M over the three channels: (L,) in [0, 1].

    `stylized` and `previous` are V'[i] and V'[i-k], (L, 3, H, W) in [0, 1], `flow` backward flow (L, 2, H, W)
    in pixels, `trust` M, (L, 1, H, W), 1 where the flow leads to the same scene point; NaN if M is 0 everywhere.
    Source: Lai et al., "Learning Blind Video Temporal Consistency" (2018), section 4.3, which takes M from
    the occlusion test of Ruder, Dosovitskiy & Brox (2016), but samples linearly. That blurs V'[i-k], and so rewards a
    blurred painting; cubic splines do not (`spline_warp`). A smooth painting still has a lower error than a detailed
    one that moves by the same amount beside its content: compare by `repainted`.
    """
    return _masked_mean((stylized - spline_warp(previous, flow)).double().square(), trust)


def root_warping_error(error: Tensor) -> Tensor:
    """√ of a warping error, or of its mean over the frames of a clip: the same shape, in [0, 1].

    The protocol on MPI Sintel of Ruder, Dosovitskiy & Brox (2018) and of ReReVST (Wang et al. 2020), with
    the root taken once, of the mean over all frames, and the mean over the trusted pixels.
    """
    return error.sqrt()


def still_mask(content: Tensor, previous_content: Tensor, flow: Tensor, trust: Tensor) -> Tensor:
    """1 where the content neither moves nor changes, else 0: (L, 1, H, W).

    A pixel is still if it is trusted, moves by less than `STILL_FLOW`, and changes by less than `STILL_CHANGE` in
    every channel, which excludes flashes and moving lights. Images are (L, 3, H, W) in [0, 1].
    """
    moves = flow.square().sum(dim=1, keepdim=True).sqrt() >= STILL_FLOW
    changes = (content - previous_content).abs().amax(dim=1, keepdim=True) >= STILL_CHANGE
    return trust * ~(moves | changes)


def flicker(stylized: Tensor, previous: Tensor, still: Tensor) -> Tensor:
    """Mean |V'[i] − V'[i-1]| over the three channels of the pixels of still content: (L,) in [0, 1].

    Images are (L, 3, H, W) in [0, 1], `still` is (L, 1, H, W) as `still_mask` gives it. NaN if nothing is
    still. No warp is involved, and so no blur: identical paintings give exactly 0. In pixel values; times 255 it
    is in levels of 8-bit video.
    """
    return _masked_mean((stylized - previous).double().abs(), still)


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of values (L, C, H, W) weighted by a mask (L, 1, H, W): (L,), NaN where the mask is empty."""
    weight = mask.double()
    # masked-out values may be anything, even NaN
    total = torch.where(weight > 0, values * weight, 0).flatten(1).sum(1)
    return total / (values.shape[1] * weight.flatten(1).sum(1))
