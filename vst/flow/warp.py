from __future__ import annotations

import math
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

AROUND = 15
"""Width, in pixels, of the window over which the strength of fine detail is measured: some strokes."""

MOST_RESTORED = 1.2
"""Most by which moved detail is amplified: what splines lose half a pixel from the centres."""

EMPTY_BELOW = 1e-3
"""Sum of bilinear weights below which a splatted pixel counts as a hole."""


def flow_targets(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Return the target positions p + flow(p), as columns and rows of shape (L, 1, H, W) in pixels."""
    height, width = flow.shape[-2:]
    columns = torch.arange(width, dtype=flow.dtype, device=flow.device)
    rows = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None]
    return columns + flow[:, 0:1], rows + flow[:, 1:2]


def backward_warp(image: Tensor, flow: Tensor) -> Tensor:
    """Sample an image along a flow: warped(p) = image(p + flow(p)).

    `image` is (L, C, H, W), `flow` (L, 2, H, W) in pixels: the backward flow if `image` is a previous frame.
    Bilinear between pixel centres, the border pixels replicated outside the frame. Zero flow returns the image
    bit for bit; flow that is not finite counts as zero. Differentiable in both arguments.
    """
    height, width = image.shape[-2:]
    x, y = flow_targets(torch.where(flow.isfinite(), flow, 0))
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    left, top = x.detach().floor().long(), y.detach().floor().long()
    right, bottom = (left + 1).clamp(max=width - 1), (top + 1).clamp(max=height - 1)
    across, down = (x - left).to(image.dtype), (y - top).to(image.dtype)
    upper = torch.lerp(_at(image, top, left), _at(image, top, right), across)
    lower = torch.lerp(_at(image, bottom, left), _at(image, bottom, right), across)
    return torch.lerp(upper, lower, down)


def spline_warp(image: Tensor, flow: Tensor) -> Tensor:
    """Sample an image along a flow as `backward_warp` does, but without blurring it: warped(p) = image(p + flow(p)).

    Interpolates by a cubic B-spline through all pixels, the frame mirrored at its border. Half a pixel away from the
    centres it keeps 0.97 of the amplitude of a wave of 4 pixels and all of one of 8, of which linear interpolation
    keeps 0.71 and 0.92. At steep edges it overshoots by up to a tenth of their height. At pixel centres it returns the
    image bit for bit. Differentiable in `image`.
    Source: Unser, Aldroubi & Eden, "B-Spline Signal Processing" (1993).
    """
    height, width = image.shape[-2:]
    x, y = flow_targets(torch.where(flow.isfinite(), flow, 0))
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    left, top = x.floor(), y.floor()
    at_centre = (x == left) & (y == top)
    across, down = (_cubic(offset.to(image.dtype)) for offset in (x - left, y - top))
    columns = [_mirror(left.long() + step, width) for step in range(-1, 3)]
    rows = [_mirror(top.long() + step, height) for step in range(-1, 3)]
    spline, warped = _prefiltered(image), torch.zeros_like(image)
    for row, of_row in zip(rows, down, strict=True):
        for column, of_column in zip(columns, across, strict=True):
            warped = warped + of_row * of_column * _at(spline, row, column)
    return torch.where(at_centre, _at(image, rows[1], columns[1]), warped)


def unworn_warp(image: Tensor, flow: Tensor) -> Tensor:
    """`spline_warp` with the strength of the image's fine detail restored: (L, C, H, W).

    Between pixel centres splines lose some of what is finer than 4 pixels, and from frame to frame it adds up. Detail
    is what the mean of a pixel and its eight neighbours leaves; its strength the root of its mean square, all channels
    together, over `AROUND` pixels. The moved detail is made as strong as where it comes from, by a factor of at most
    `MOST_RESTORED`. At pixel centres it returns the image bit for bit. Differentiable in `image`.
    Source: this project's own, from measurements (experiments/robust.md).
    """
    moved = spline_warp(image, flow)
    detail, before = _detail(moved), _detail(image)
    wanted, found = (_mean(part.square().sum(1, keepdim=True), AROUND) for part in (before, detail))
    factor = (backward_warp(wanted, flow) / found.clamp(min=1e-12)).clamp(1, MOST_RESTORED**2).sqrt()
    at_centre = ((flow == flow.round()) | ~flow.isfinite()).all(1, keepdim=True)
    return torch.where(at_centre, moved, moved + (factor - 1) * detail)


def _detail(image: Tensor) -> Tensor:
    return image - _mean(image, 3)


def _mean(image: Tensor, width: int) -> Tensor:
    return F.avg_pool2d(image, width, stride=1, padding=width // 2, count_include_pad=False)


def compose_flows(first: Tensor, second: Tensor) -> Tensor:
    """The composition of `first` and then `second`: f(p) + g(p + f(p)), (L, 2, H, W) in pixels."""
    return first + backward_warp(second, first)


def forward_splat(image: Tensor, flow: Tensor) -> Tensor:
    """Splat an image along its flow: the prediction P of the paper's section 5.2.4.

    `image` (L, C, H, W) is the previous painting, `flow` (L, 2, H, W) the forward flow in pixels. Every pixel
    moves to p + flow(p); between pixel centres it is split bilinearly over the four neighbours, and the
    contributions to a pixel are averaged by these weights. Holes are interpolated linearly from their
    surroundings (`_interpolate`). A pixel whose flow is not finite or leads out of the frame is dropped; a lane
    of which no pixel stays in the frame keeps its image. Zero flow returns the image bit for bit.
    Differentiable in `image`. On CUDA the sums of colliding pixels may differ in their last bits between
    calls unless torch.use_deterministic_algorithms is on.
    """
    arrived = _scatter(torch.cat([image, torch.ones_like(image[:, :1])], dim=1), flow)
    weight = arrived[:, -1:]
    filled = weight >= EMPTY_BELOW
    anything = filled.flatten(1).any(dim=1)[:, None, None, None]
    prediction = torch.where(anything, arrived[:, :-1] / torch.where(filled, weight, 1), image)
    filled = filled | ~anything
    for _ in range(2):  # a filled pixel completes its row, a complete row all columns
        prediction, filled = _interpolate(prediction, filled)
    return prediction


def splat_coverage(flow: Tensor) -> Tensor:
    """Return the sum of bilinear weights splatted onto each pixel, (L, 1, H, W), by a forward flow.

    Zero where nothing arrives (disoccluded, to be filled), about one where the frame only moves, more where
    pixels collide (occluded). `forward_splat` interpolates where it is below `EMPTY_BELOW`.
    """
    return _scatter(torch.ones_like(flow[:, :1]), flow)


def _at(image: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Read image (L, C, H, W) at integer positions (L, 1, H, W)."""
    index = (rows * image.shape[-1] + columns).flatten(2).expand(-1, image.shape[1], -1)
    return image.flatten(2).gather(2, index).unflatten(2, rows.shape[-2:])


def _cubic(offset: Tensor) -> list[Tensor]:
    """Weights of the cubic B-spline at −1, 0, 1 and 2, for a position `offset` in [0, 1) behind 0."""
    other = 1 - offset
    inner = [2 / 3 - t.square() + t**3 / 2 for t in (offset, other)]
    return [other**3 / 6, *inner, offset**3 / 6]


def _prefiltered(image: Tensor) -> Tensor:
    """Coefficients of the cubic B-spline that passes through the pixels of an image (L, C, H, W)."""
    pole = math.sqrt(3) - 2
    reach = 14  # |pole|¹⁵ is 3e-9, below the rounding of float32
    for dim in (-1, -2):
        size = image.shape[dim]
        wide = image.index_select(dim, _mirror(torch.arange(-reach, size + reach, device=image.device), size))
        # one shifted copy after the other: all of them together would take 29 times the memory
        image = math.sqrt(3) * wide.narrow(dim, reach, size)
        for step in range(1, reach + 1):
            both = wide.narrow(dim, reach - step, size) + wide.narrow(dim, reach + step, size)
            image.add_(both, alpha=math.sqrt(3) * pole**step)
    return image


def _mirror(index: Tensor, size: int) -> Tensor:
    """Positions beyond an image's border, mirrored at its outermost pixels: 2 1 | 0 1 2 … n-1 | n-2 n-3."""
    if size == 1:
        return torch.zeros_like(index)
    index = index % (2 * size - 2)
    return torch.minimum(index, 2 * size - 2 - index)


def _scatter(values: Tensor, flow: Tensor) -> Tensor:
    """Sum values (L, C, H, W) at p + flow(p), weighted bilinearly over the four pixels around it."""
    height, width = flow.shape[-2:]
    finite = flow.isfinite().all(dim=1, keepdim=True)
    x, y = flow_targets(torch.where(finite, flow, 0))
    # Nothing is summed outside the frame, so positions may be clamped there to fit an integer.
    x, y = x.clamp(-2, width + 1), y.clamp(-2, height + 1)
    left, top = x.floor(), y.floor()
    across, down = x - left, y - top
    sums = torch.zeros_like(values).flatten(2)
    for to_right, to_bottom in product((0, 1), (0, 1)):
        column, row = (left + to_right).long(), (top + to_bottom).long()
        inside = finite & (column >= 0) & (column < width) & (row >= 0) & (row < height)
        weight = (across if to_right else 1 - across) * (down if to_bottom else 1 - down) * inside
        index = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
        sums.scatter_add_(
            2,
            index.flatten(2).expand(-1, values.shape[1], -1),
            (values * weight.to(values.dtype)).flatten(2),
        )
    return sums.unflatten(2, (height, width))


def _interpolate(image: Tensor, filled: Tensor) -> tuple[Tensor, Tensor]:
    """Fill the pixels whose row or column has filled ones; return the image and the new mask.

    Between two filled pixels of a row or column the value is linear; where both row and column span the pixel,
    they are averaged with weights inverse to their gaps, so that an affine function of position is reproduced
    exactly. Where neither does, at the border of the frame, the nearest filled pixel of row and column is used.
    """
    along_row, row_gap, row_distance = _between(image, filled)
    along_column, column_gap, column_distance = (part.mT for part in _between(image.mT, filled.mT))
    row_weight, column_weight = 1 / row_gap, 1 / column_gap
    spanned = row_weight + column_weight > 0
    row_weight = torch.where(spanned, row_weight, row_distance <= column_distance)
    column_weight = torch.where(spanned, column_weight, column_distance <= row_distance)
    value = (along_row * row_weight + along_column * column_weight) / (row_weight + column_weight)
    reached = ~filled & (row_distance.isfinite() | column_distance.isfinite())
    return torch.where(reached, value, image), filled | reached


def _between(image: Tensor, filled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Interpolate each row between the nearest filled pixels on either side.

    Returns the values (L, C, H, W), the gap between the two pixels, infinite where one side has none, and the
    distance to the nearer one, infinite where the row has none, (L, 1, H, W) in pixels. Where one side has none,
    the value is the other side's.
    """
    width = filled.shape[-1]
    position = torch.arange(width, device=filled.device)
    before = torch.where(filled, position, -1).cummax(dim=-1).values
    after = torch.where(filled, position, width).flip(-1).cummin(dim=-1).values.flip(-1)
    to_before = (position - before).to(image.dtype).masked_fill(before < 0, torch.inf)
    to_after = (after - position).to(image.dtype).masked_fill(after == width, torch.inf)
    gap = (to_before + to_after).clamp(min=1)  # a filled pixel is its own neighbour on both sides
    fraction = torch.where(gap.isfinite(), to_before / gap, to_after < to_before)
    value_before = image.gather(-1, before.clamp(min=0).expand_as(image))
    value_after = image.gather(-1, after.clamp(max=width - 1).expand_as(image))
    return torch.lerp(value_before, value_after, fraction), gap, torch.minimum(to_before, to_after)
