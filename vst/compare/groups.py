"""Which runs can be compared, and which of them are Pareto-optimal."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from vst.compare.runs import Run
from vst.metrics.catalogue import METRICS, Metric


def group_of(run: Run) -> str:
    """What runs must have in common to be compared: the part of the clip, the painting, and the motion's source."""
    parts = [run.settings.get("video"), run.settings.get("style"), run.motion]
    return json.dumps(parts, sort_keys=True, default=str)


def group_numbers(runs: Sequence[Run], key: Callable[[Run], str]) -> list[int]:
    """For each run the number of its group of equal keys, in order of appearance."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(key(run), len(numbers)) for run in runs]


def present_metrics(runs: Sequence[Run]) -> list[Metric]:
    """The metrics that at least one run has."""
    return [metric for metric in METRICS if any(metric.key in run.summary for run in runs)]


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The indices of the points on the Pareto front, from left to right.

    Lower is better in both values. Equal points are all on the front, or none is.
    """
    front: list[int] = []
    for index in sorted(range(len(points)), key=lambda i: points[i]):
        last = points[front[-1]] if front else None
        if last is None or points[index][1] < last[1] or points[index] == last:
            front.append(index)
    return front
