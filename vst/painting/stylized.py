from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from vst.flow.neighbour import Neighbour
from vst.frames import Frame
from vst.optim import Losses, Solution
from vst.painting.scales import Stage


@dataclass(frozen=True)
class Painted:
    """A frame and its painting, `image` (L, 3, H, W) in [0, 1]."""

    frame: Frame
    image: Tensor


@dataclass(frozen=True)
class Stylized(Painted):
    """A painted frame, and how its optimisation ended.

    `losses` are those of the finished painting; the solution's are those of its best iterate, which may leave [0, 1].
    The solution's curves and evaluations are those of all `stages`, the scales at which it was painted, coarse to fine;
    its seconds include the making of the start.
    """

    neighbour: Neighbour | None
    solution: Solution
    losses: Losses
    stages: Sequence[Stage]
