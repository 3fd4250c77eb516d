from __future__ import annotations

import math

import torch
from torch import Tensor

from vst.flow.warp import backward_warp, flow_targets


def in_frame_mask(flow: Tensor) -> Tensor:
    """Return 1 where p + flow(p) lies within the frame, else 0, (L, 1, H, W).

    `flow` is (L, 2, H, W) in pixels. The frame reaches to the centres of its border pixels, so that
    zero flow is in it everywhere.
    """
    height, width = flow.shape[-2:]
    x, y = flow_targets(flow)
    return ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).to(flow.dtype)


def disocclusion_mask(flow: Tensor, other_flow: Tensor) -> Tensor:
    """Return 1 where `flow` and `other_flow` are consistent forward and backward, else 0, (L, 1, H, W).

    Both are (L, 2, H, W) in pixels, the two directions of one frame pair: with the backward flow first, the
    zeros are disoccluded, not shown in the previous frame. With a = `flow` and b = `other_flow` where a ends, a pixel
    fails where |a + b|² ≥ 0.01 (|a|² + |b|²) + 0.5: Sundaram, Brox and Keutzer, "Dense point trajectories by
    GPU-accelerated large displacement optical flow" (2010), as used by Ruder, Dosovitskiy and Brox, "Artistic
    style transfer for videos" (2016).
    """
    back = backward_warp(other_flow, flow)
    bound = 0.01 * (_squared_length(flow) + _squared_length(back)) + 0.5
    return (_squared_length(flow + back) < bound).to(flow.dtype)


def motion_boundary_mask(flow: Tensor) -> Tensor:
    """Return 0 at motion boundaries, else 1, (L, 1, H, W).

    `flow`, (u, v), is (L, 2, H, W) in pixels. A boundary is where |∇u|² + |∇v|² > 0.01 |flow|² + 0.002:
    Ruder et al. (2016). Gradients are central differences, with the border pixels replicated outside the frame.
    """
    along_x = (flow[..., _mirrored(flow, -1, 1)[2:]] - flow[..., _mirrored(flow, -1, 1)[:-2]]) / 2
    rows = _mirrored(flow, -2, 1)
    along_y = (flow[..., rows[2:], :] - flow[..., rows[:-2], :]) / 2
    change = _squared_length(along_x) + _squared_length(along_y)
    return (change <= 0.01 * _squared_length(flow) + 0.002).to(flow.dtype)


def reliability_mask(flow: Tensor, other_flow: Tensor, sigma: float = 0.8) -> Tensor:
    """Return the reliability of the flow, (L, 1, H, W) in [0, 1], 1 = trust.

    `flow` and `other_flow` are (L, 2, H, W) in pixels, the two directions of one frame pair; the mask belongs
    to the frame that `flow` starts from. Pixels are trusted that pass all three of the masks above and whose flow
    is finite. A Gaussian of `sigma` pixels softens the edge, 0 leaves it hard. As in Ruder's published masks,
    disoccluded pixels enter it as -1 and the result is clipped, so that there the softening lowers the trusted
    side only, and no trust leaks into the disoccluded side.
    """
    return _soften(motion_boundary_mask(flow), flow, other_flow, sigma)


def visibility_mask(flow: Tensor, other_flow: Tensor, sigma: float = 0.8) -> Tensor:
    """`reliability_mask` without the motion boundary test: 1 where visible in the other frame, (L, 1, H, W).

    At a motion boundary the flow is less exact, but both frames show the content; only disoccluded pixels have
    nothing to be compared with.
    """
    return _soften(torch.ones_like(flow[:, :1]), flow, other_flow, sigma)


def _soften(trusted: Tensor, flow: Tensor, other_flow: Tensor, sigma: float) -> Tensor:
    """The mask of pixels `trusted`, not disoccluded and in the frame, with a soft edge."""
    mask = torch.where(disocclusion_mask(flow, other_flow) > 0, trusted, -1) * in_frame_mask(flow)
    if sigma > 0:
        mask = _gaussian(mask, sigma)
    return mask.clamp(0, 1)


def _squared_length(flow: Tensor) -> Tensor:
    return flow.square().sum(dim=1, keepdim=True)


def _gaussian(image: Tensor, sigma: float) -> Tensor:
    """Blur (L, 1, H, W) by a Gaussian truncated at two sigma, the frame mirrored at its border."""
    radius = math.ceil(2 * sigma)
    offsets = torch.arange(-radius, radius + 1, dtype=image.dtype, device=image.device)
    kernel = torch.softmax(-offsets.square() / (2 * sigma**2), dim=0)
    image = image[..., _mirrored(image, -1, radius)].unfold(-1, kernel.numel(), 1)
    image = (image * kernel).sum(dim=-1)
    image = image[..., _mirrored(image, -2, radius), :].unfold(-2, kernel.numel(), 1)
    return (image * kernel).sum(dim=-1)


def _mirrored(image: Tensor, dim: int, margin: int) -> Tensor:
    """Return the indices along a dimension with a margin on both ends: 1 0 | 0 1 2 … n-1 | n-1 n-2."""
    size = image.shape[dim]
    index = torch.arange(-margin, size + margin, device=image.device) % (2 * size)
    return torch.minimum(index, 2 * size - 1 - index)
