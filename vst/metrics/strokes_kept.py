"""Whether strokes are worn while they are followed from frame to frame."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vst.flow.warp import backward_warp

SMOOTHED_OVER = 7
"""Width, in pixels, of the window over which energy is averaged: a few strokes' edges, so that moving the energy,
which is sampled linearly, does not change it."""


def stroke_energy(image: Tensor) -> Tensor:
    """Mean of |∂V'/∂x|² + |∂V'/∂y|² around each pixel, summed over the channels: (L, 3, H, W) → (L, 1, H, W).

    The derivatives are differences to the next pixel. What blurs strokes lowers it.
    """
    steps = [F.pad(image.diff(dim=-1), (0, 1)), F.pad(image.diff(dim=-2), (0, 0, 0, 1))]
    energy = torch.stack([step.square() for step in steps]).sum((0, 2))[:, None]
    return F.avg_pool2d(energy, SMOOTHED_OVER, stride=1, padding=SMOOTHED_OVER // 2, count_include_pad=False)


def followed_energy(energy: Tensor, painted: Tensor, flow: Tensor, revealed: Tensor) -> tuple[Tensor, Tensor]:
    """K = Σ e / Σ e₀ over what was followed, (L,), and e₀ at the pixels of this frame, (L, 1, H, W).

    `energy` is e, the `stroke_energy` of V'[i]; `painted` is e₀ at the pixels of V'[i-1], the energy that each point's
    strokes had in the frame in which it came into view; `flow` is backward flow (L, 2, H, W) in pixels; `revealed`
    (L, 1, H, W) is nonzero where V[i-1] does not show what V[i] shows: there e₀ is e. K is 1 where strokes stay as they
    were painted, and less the more they are worn; NaN where nothing is followed or nothing was painted.
    Source: this project's own.
    """
    followed = revealed == 0
    carried = torch.where(followed, backward_warp(painted, flow), energy)
    now, before = ((part * followed).double().flatten(1).sum(1) for part in (energy, carried))
    return torch.where(before > 0, now / before.where(before > 0, 1), torch.nan), carried
