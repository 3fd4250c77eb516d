from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vst.compare.content import Content
from vst.compare.looks import Look
from vst.compare.runs import Run
from vst.compare.series import LOSSES
from vst.compare.settings import Setting
from vst.metrics.catalogue import Metric

MOST_CURVE_POINTS = 300_000
"""The most points of all curves together; beyond it, every curve is thinned evenly, and keeps its ends."""


@dataclass
class Shown:
    """Everything that a page shows; `chosen` has for each run the index of its clip in `contents`."""

    folder: Path
    runs: list[Run]
    looks: list[Look]
    settings: list[Setting]
    metrics: list[Metric]
    contents: list[Content]
    chosen: list[int]

    @cached_property
    def every(self) -> int:
        """Curves keep one of this many evaluations."""
        points = sum(len(rows) * len(LOSSES) for run in self.runs for rows in run.curves.values())
        return max(1, -(-points // MOST_CURVE_POINTS))
