"""Whether what comes into view can be recognised in the painting."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vst.flow.warp import backward_warp
from vst.metrics.differences import differences
from vst.metrics.motion import Motion
from vst.metrics.narrow import without_narrow_parts

LARGEST = 128
"""Longer side, in pixels, to which larger frames are reduced, so that strokes are small against shapes; they are
measured in this size and in half of it."""

CHANGED = 0.1
"""Difference, in any channel of the reduced frames, from which content is not what its motion brings."""

NARROW = 3
"""Side, in pixels of the reduced frame, of a square that a region must hold where it counts. What is narrower is all
outline, and the known side alone would explain up to half of that."""

BLOCK = 4
"""Side, in pixels, of the squares that are left out in turn: about a stroke."""

WEAK = 0.01
"""A direction of colours along which the content's contrast has less energy than this times that of the strongest
explains nothing: a slope along it would be found by chance."""

EVIDENCE = 40.0
"""Least number of differences, times the share of them that the content should explain, in the smaller size. Where it
is no more, strokes alone are taken for up to about 0.4 of the content."""


def came_into_view(content: Tensor, earlier: Tensor, motion: Motion) -> Tensor:
    """1 where an earlier frame does not show what V[i] shows, (L, 1, H, W).

    `content` and `earlier` are V[i] and V[i-k], (L, 3, H, W) in [0, 1], `motion` leads from the one to the other. New
    is what the motion reveals, and what it does not explain: not trusted, and unlike what it brings (`CHANGED`). An
    estimate of fast and blurred motion is wrong, and reveals no more than a part.
    """
    change = content - backward_warp(earlier, motion.flow)
    unlike = _resized(change, _size(content, LARGEST)).abs().amax(1, keepdim=True) >= CHANGED
    unexplained = F.interpolate(unlike.to(content), content.shape[-2:]) * (motion.trust == 0)
    return torch.maximum(unexplained, (motion.revealed > 0).to(content))


def newly_legible(stylized: Tensor, content: Tensor, region: Tensor) -> Tensor:
    """G: how well the content of a region shows in its painting, relative to the rest of the frame: (L,), 1 = as well.

    `stylized` and `content` are V'[i] and V[i], (L, 3, H, W) in [0, 1]; `region` (L, 1, H, W), nonzero where to
    measure, is `came_into_view`. ∇ are the differences to the next pixels right and below; those with an end in the
    region are the region's, so that its outline counts, and the others are the rest's.

        D = B ∇V'               the painting in the content's colours: B is the regression of ∇V on ∇V' in the rest
        s = ⟨A ∇V, D⟩ / ⟨D, D⟩  the share of D that the content explains in the region, by a matrix A of colours
        s̄ = a / (a + n)         the share that it would explain, painted as the rest: a = |A₀ ∇V|², with A₀ the
                                regression of D on ∇V there, and n is what that leaves, for as many differences
        G = (Σ s / Σ s̄)^½       over the two sizes (`LARGEST`); negative where Σ s is

    In each square (`BLOCK`) A is the regression of D on ∇V in the region's other squares, so that a likeness by chance
    gives 0 in the mean. A is the region's own, because a style may darken there what it lightens elsewhere. A linear
    map of all of the painting's colours changes nothing.

    Strokes alone and other content give 0, by chance up to 0.4 either way where the region is small; the content itself
    1 or more. What is painted as the rest gives 1, in one frame up to 0.2 more or less, and G grows with its share in a
    mixture. Contours that old and new content have in common count as the new one's. How strong the strokes are is
    not seen: `newly_painted` tells.

    Narrow parts of the region are left out (`NARROW`). NaN where there is too little to recognise (`EVIDENCE`): few
    pixels, content without contours, or a painting that does not show the rest either. Source: this project's own.
    """
    largest = min(LARGEST, max(content.shape[-2:]))
    sizes = [_size(content, side) for side in (largest, largest // 2)]
    new = (_resized((region > 0).to(content), sizes[0]) >= 0.5).to(content)
    images = stylized, content, new, without_narrow_parts(new, NARROW)
    shares = [_shares(*(_resized(image, size) for image in images)) for size in sizes]
    found, expected, evidence = (torch.stack(both) for both in zip(*shares, strict=True))
    ratio = found.sum(0) / expected.sum(0)
    return torch.where(evidence[-1] >= EVIDENCE, ratio.sign() * ratio.abs().sqrt(), torch.nan)


def _shares(stylized: Tensor, content: Tensor, new: Tensor, region: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """s, s̄ and the number of differences times s̄, (L,) each; the rest is what is not new."""
    rest, inside = (~_with_an_end_in(new >= 0.5)).double(), _with_an_end_in(region >= 0.5).double()
    shown, painted = (differences(image.double()) for image in (content, stylized))

    shown_shown, shown_painted, painted_painted = (blocks.sum(1) for blocks in _moments(shown, painted, rest))
    reading = _inverse(painted_painted, 1e-10) @ shown_painted.mT
    shown_read, read_read = shown_painted @ reading, reading.mT @ painted_painted @ reading
    as_rest = _inverse(shown_shown, WEAK) @ shown_read
    unexplained = _trace(read_read) - _inner(as_rest, shown_read)

    shown_shown, shown_painted, painted_painted = _moments(shown, painted, inside)
    shown_read = shown_painted @ reading[:, None]
    others = [moments.sum(1, keepdim=True) - moments for moments in (shown_shown, shown_read)]
    colours = _inverse(others[0], WEAK) @ others[1]
    energy = _trace(reading.mT @ painted_painted.sum(1) @ reading)
    found = _inner(colours, shown_read).sum(1) / energy.where(energy > 0, 1)

    count, of_rest = (part.flatten(1).sum(1) for part in (inside, rest))
    contrast = _inner(as_rest, shown_shown.sum(1) @ as_rest)
    expected = contrast / (contrast + unexplained * count / of_rest)
    return found, expected, torch.minimum(count, of_rest) * expected


def _size(image: Tensor, side: int) -> tuple[int, int]:
    """The height and width of an image (L, C, H, W) reduced to a longer side, if it is larger."""
    height, width = image.shape[-2:]
    scale = min(1, side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    """An image (L, C, H, W) averaged over areas."""
    return F.interpolate(image, size, mode="area")


def _with_an_end_in(region: Tensor) -> Tensor:
    """Which differences have an end in a region (L, 1, H, W): (L, 1, 2, H-1, W-1)."""
    here = region[..., :-1, :-1]
    return torch.stack([here | region[..., :-1, 1:], here | region[..., 1:, :-1]], dim=2)


def _moments(shown: Tensor, painted: Tensor, inside: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Inner products of the first, of both, and of the second, (L, blocks, C, C) each, of differences inside."""
    first, second = (_in_blocks(rows * inside) for rows in (shown, painted))
    return first @ first.mT, first @ second.mT, second @ second.mT


def _in_blocks(rows: Tensor) -> Tensor:
    """(L, C, 2, H, W), filled up with zeros to whole blocks, at least one, as (L, blocks, C, differences)."""
    below, right = (max(BLOCK - length, -length % BLOCK) for length in rows.shape[-2:])
    blocks = F.pad(rows, (0, right, 0, below)).unfold(3, BLOCK, BLOCK).unfold(4, BLOCK, BLOCK)
    return blocks.permute(0, 3, 4, 1, 2, 5, 6).flatten(4).flatten(1, 2)


def _inverse(moments: Tensor, least: float) -> Tensor:
    return torch.linalg.pinv(moments, rtol=least, hermitian=True)


def _inner(first: Tensor, second: Tensor) -> Tensor:
    return (first * second).sum((-1, -2))


def _trace(moments: Tensor) -> Tensor:
    return moments.diagonal(dim1=-2, dim2=-1).sum(-1)
