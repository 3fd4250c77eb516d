"""How steady a painted clip is, frame against frame.

Direction, here and in all of vst/metrics: everything lives at the pixels of the frame i. Flow is backward
flow, V[i](p) ≈ V[i-k](p + flow(p)), masks are of the frame i, and V'[i-k] is sampled along the flow to it.
Values are one a lane, (L,), float64, summed in float64; NaN says that a value is not defined.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vst.flow.warp import backward_warp

STILL_FLOW = 0.25
"""Motion, in pixels, below which a pixel counts as still: about the error of a good flow estimator."""

STILL_CHANGE = 4 / 255
"""Change of any channel of the content below which a pixel counts as still: grain and codec, no more."""


def warping_error(stylized: Tensor, previous: Tensor, flow: Tensor, trust: Tensor) -> Tensor:
    """E = Σ M·(V'[i](p) − V'[i-k](p + flow(p)))² / ΣM, the mask M over the three channels: (L,) in [0, 1].

    `stylized` and `previous` are V'[i] and V'[i-k], (L, 3, H, W) in [0, 1], `flow` backward flow (L, 2, H, W)
    in pixels, `trust` M, (L, 1, H, W), 1 where the flow leads to the same thing; NaN where it nowhere does.
    Source: Lai et al., "Learning Blind Video Temporal Consistency" (2018), section 4.3, which takes M from
    the occlusion test of Ruder, Dosovitskiy & Brox (2016). Sampling between pixels blurs V'[i-k]: a perfect
    painting too has an error above 0, and a smooth one a lower error than a detailed one.
    """
    return _masked_mean((stylized - backward_warp(previous, flow)).double().square(), trust)


def root_warping_error(error: Tensor) -> Tensor:
    """√ of a warping error, or of its mean over the frames of a clip: the same shape, in [0, 1].

    The protocol on MPI Sintel of Ruder, Dosovitskiy & Brox (2018) and of ReReVST (Wang et al. 2020), with
    the root taken once, of the mean over all frames, and the mean over the trusted pixels.
    """
    return error.sqrt()


def still_mask(content: Tensor, previous_content: Tensor, flow: Tensor, trust: Tensor) -> Tensor:
    """1 where the content neither moves nor changes, else 0: (L, 1, H, W).

    Still is what is trusted, moves by less than `STILL_FLOW`, and changes by less than `STILL_CHANGE` in
    every channel, so that neither a flash nor a moving light counts. Images are (L, 3, H, W) in [0, 1].
    """
    moves = flow.square().sum(dim=1, keepdim=True).sqrt() >= STILL_FLOW
    changes = (content - previous_content).abs().amax(dim=1, keepdim=True) >= STILL_CHANGE
    return trust * ~(moves | changes)


def flicker(stylized: Tensor, previous: Tensor, still: Tensor) -> Tensor:
    """Mean |V'[i] − V'[i-1]| over the three channels of the pixels of still content: (L,) in [0, 1].

    Images are (L, 3, H, W) in [0, 1], `still` is (L, 1, H, W) as `still_mask` gives it. NaN where nothing is
    still. No warp is involved, and so no blur: of identical paintings it is exactly 0. In units of pixel
    values; times 255 it is in the levels of 8-bit video.
    """
    return _masked_mean((stylized - previous).double().abs(), still)


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of values (L, C, H, W) weighted by a mask (L, 1, H, W): (L,), NaN where the mask is empty."""
    weight = mask.double()
    # what the mask leaves out may be anything, even NaN
    total = torch.where(weight > 0, values * weight, 0).flatten(1).sum(1)
    return total / (values.shape[1] * weight.flatten(1).sum(1))
