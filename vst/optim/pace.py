from __future__ import annotations

from collections import deque
from typing import Protocol

import torch
from torch import Tensor

IN_FLIGHT = 3
"""Evaluations that are queued on a GPU before the first of them is waited for: enough to keep it busy."""


class Pace(Protocol):
    """Says whether all lanes have ended. Evaluations after that change nothing: they only take time."""

    def all_ended(self, running: Tensor) -> bool:
        """Whether no lane runs any more, by `running`, (L,) boolean."""
        ...


class Immediate:
    """What the CPU knows at once."""

    def all_ended(self, running: Tensor) -> bool:
        """As of this evaluation."""
        return not bool(running.any())


class Queued:
    """What is known of a GPU's queue, of which the loop keeps `IN_FLIGHT` evaluations ahead, and never empties it."""

    def __init__(self) -> None:
        self._flags: deque[tuple[Tensor, torch.cuda.Event]] = deque()

    def all_ended(self, running: Tensor) -> bool:
        """As of the evaluation `IN_FLIGHT` before."""
        flag = torch.empty((), dtype=torch.bool, pin_memory=True)
        flag.copy_(running.any(), non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        self._flags.append((flag, event))
        if len(self._flags) <= IN_FLIGHT:
            return False
        flag, event = self._flags.popleft()
        event.synchronize()
        return not bool(flag)


def pace_on(device: torch.device) -> Pace:
    """That of a device."""
    return Queued() if device.type == "cuda" else Immediate()
