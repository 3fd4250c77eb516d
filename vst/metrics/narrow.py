"""The parts of a region that are wide enough to be judged."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def without_narrow_parts(region: Tensor, side: int) -> Tensor:
    """The union of all squares of a side, in pixels, within a region (L, 1, H, W) of zeros and ones.

    A region at the frame's border goes on beyond it, by half a square.
    """
    before, after = (side - 1) // 2, side // 2
    wide = F.pad(region, (before, after, before, after), mode="replicate")
    whole = 1 - F.max_pool2d(1 - wide, side, stride=1)
    return F.max_pool2d(F.pad(whole, (after, before, after, before)), side, stride=1)
