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
"""Of all runs together; beyond it every curve keeps its ends and an even choice between them."""


@dataclass
class Shown:
    """All that a page shows; for each run its look, and in `chosen` the number of its clip among `contents`."""

    folder: Path
    runs: list[Run]
    looks: list[Look]
    settings: list[Setting]
    metrics: list[Metric]
    contents: list[Content]
    chosen: list[int]

    @cached_property
    def every(self) -> int:
        """Of how many evaluations the curves keep one."""
        points = sum(len(rows) * len(LOSSES) for run in self.runs for rows in run.curves.values())
        return max(1, -(-points // MOST_CURVE_POINTS))
