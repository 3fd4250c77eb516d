"""Whether the painted clip changes where, and as much as, the source does.

The paper judges its models by putting the residual images |V'[i] − V'[i-1]| and |V[i] − V[i-1]| side by
side (Wang, Wu & Pan, section 7); these functions quantify that comparison. Images are (L, 3, H, W) in [0, 1],
values (L,), float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

CONSTANT_BELOW = 1e-6
"""Standard deviation under which a residual image counts as constant: rounding, far below 8 bits."""


def residual_mse(stylized: Tensor, previous: Tensor, content: Tensor, previous_content: Tensor) -> Tensor:
    """MSE(ΔV', ΔV), ΔV' = V'[i] − V'[i-1] and ΔV = V[i] − V[i-1], over pixels and channels: (L,) in [0, 4].

    The second term of the paper's enhanced coherence, as a metric. 0 for the source itself; where the source is
    still, the energy of the painting's own changes.
    """
    difference = (stylized - previous).double() - (content - previous_content).double()
    return difference.square().flatten(1).mean(1)


def residual_correlation(
    stylized: Tensor, previous: Tensor, content: Tensor, previous_content: Tensor
) -> Tensor:
    """Pearson's correlation over pixels of |ΔV'| with |ΔV|, each averaged over channels: (L,) in [-1, 1].

    1 if the painting changes where the source does, however strongly; 0 if it flickers equally everywhere.
    NaN where either residual image is constant, as between identical frames.
    """
    painted, source = _residual(stylized, previous), _residual(content, previous_content)
    painted = painted - painted.mean(1, keepdim=True)
    source = source - source.mean(1, keepdim=True)
    deviations = [residual.square().mean(1).sqrt() for residual in (painted, source)]
    defined = torch.minimum(*deviations) >= CONSTANT_BELOW
    correlation = (painted * source).mean(1) / (deviations[0] * deviations[1])
    return torch.where(defined, correlation.clamp(-1, 1), torch.nan)


def _residual(image: Tensor, previous: Tensor) -> Tensor:
    """|ΔV| as the mean of the channels, (L, H·W)."""
    return (image - previous).double().abs().mean(dim=1).flatten(1)
