"""The data of the figures, which Plotly draws on the report page, and matplotlib in files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vst.compare.groups import group_numbers, group_of, pareto_front, present_metrics
from vst.compare.runs import Run
from vst.compare.settings import Setting, differing_settings, implied_by_choice
from vst.formatting import format_setting, legible
from vst.metrics.catalogue import BY_KEY, METRICS, Metric
from vst.runs import rows
from vst.runs.rows import Row

LOSSES = tuple(metric.key for metric in METRICS if metric.key in rows.LOSSES)
"""The losses in the order in which they are shown."""
FRAME_AXIS = "frame (0 is the first one painted)"
EVALUATION_AXIS = "evaluation of the objective"
MOST_EVENLY_SPACED = 9
"""The most distinct values that an axis of the parallel coordinates spaces evenly."""

SETTINGS_IN_PARALLEL, METRICS_IN_PARALLEL = 8, 5
"""The most settings and metrics that the parallel coordinates show."""

LOSS_TITLES = {
    **{key: f"{BY_KEY[key].title}, unweighted (no unit)" for key in LOSSES[:3]},
    "total": "total loss, weighted (no unit)",
}
METRIC_TITLES = {key: metric.axis for key, metric in BY_KEY.items() if metric.along and key not in LOSSES}
CURVE_TITLES = {key: f"{BY_KEY[key].title} (no unit)" for key in LOSSES}
"""The title of the vertical axis of each series."""


@dataclass(frozen=True)
class Line:
    """One series of the run with index `run`; None where it has no value."""

    run: int
    key: str
    x: Sequence[float | None]
    y: Sequence[float | None]


def lines_along(runs: Sequence[Run], titles: Mapping[str, str]) -> Iterator[Line]:
    """The series in `titles` along the clip, for each run that has any value of them."""
    for index, run in enumerate(runs):
        for key in titles:
            values = run.column(key)
            if any(value is not None for value in values):
                yield Line(index, key, run.column("frame"), values)


def curve_lines(runs: Sequence[Run], frame: int) -> Iterator[Line]:
    """The losses at every evaluation of one frame, a piece of line for each of its scales."""
    for index, run in enumerate(runs):
        rows = broken_by_scale(run.curves.get(frame, []))
        for key in CURVE_TITLES:
            values = [row.get(key) for row in rows]
            if any(value is not None for value in values):
                yield Line(index, key, [row.get("evaluation") for row in rows], values)


def broken_by_scale(rows: Sequence[Row]) -> list[Row]:
    """The evaluations of a frame, with an empty row where another scale begins: losses at two sizes do not compare."""
    broken: list[Row] = []
    for row in rows:
        if broken and row.get("size") != broken[-1].get("size"):
            broken.append({})
        broken.append(row)
    return broken


@dataclass(frozen=True)
class Front:
    """A Pareto front: the indices of the runs on it, from left to right, and of all runs that it was chosen from."""

    chosen: Sequence[int]
    members: Sequence[int]


@dataclass(frozen=True)
class TradeOff:
    """Warping error and style loss of each run that has both, the group of each run, and the groups' fronts."""

    points: Mapping[int, tuple[float, float]]
    groups: Sequence[int]
    fronts: Sequence[Front]

    x_title = BY_KEY["warping_error"].axis
    y_title = BY_KEY["style"].axis


def trade_offs(runs: Sequence[Run]) -> TradeOff | None:
    """The trade-off, with a Pareto front for each clip and painting; None where fewer than two runs have both values.

    Only finished runs can be on a front: means over only some of the frames are not comparable.
    """
    points = {
        index: (run.summary["warping_error"], run.summary["style"])
        for index, run in enumerate(runs)
        if "style" in run.summary and "warping_error" in run.summary
    }
    if len(points) < 2:
        return None
    groups = group_numbers(runs, group_of)
    fronts = []
    for group in sorted({groups[index] for index in points}):
        members = [i for i in points if groups[i] == group and runs[i].status == "finished"]
        if members:
            chosen = pareto_front([points[i] for i in members])
            fronts.append(Front([members[i] for i in chosen], members))
    return TradeOff(points, groups, fronts)


def parallel_axes(
    runs: Sequence[Run], settings: Sequence[Setting], metrics: Sequence[Metric]
) -> list[Axis] | None:
    """One axis per differing setting and per metric; None for fewer than three runs, or where no setting differs."""
    if len(runs) < 3 or not settings:
        return None
    return [*map(_setting_axis, settings), *(_metric_axis(metric, runs) for metric in metrics)]


def parallel_choice(runs: Sequence[Run]) -> tuple[list[Setting], list[Metric]]:
    """The most important settings and metrics, as many as the parallel coordinates have room for."""
    judged = [
        metric for metric in present_metrics(runs) if metric.best is not None and metric.key != "seconds"
    ]
    first = sorted(judged, key=lambda metric: metric.key not in ("style", "warping_error"))
    settings = [setting for setting in differing_settings(runs) if not implied_by_choice(setting, runs)]
    return settings[:SETTINGS_IN_PARALLEL], first[:METRICS_IN_PARALLEL]


@dataclass(frozen=True)
class Axis:
    """One axis of the parallel coordinates: a position in [0, 1] and a text for each run, and the axis labels."""

    title: str
    places: Sequence[float | None]
    texts: Sequence[str]
    marks: Sequence[tuple[float, str]]
    remark: str = ""


def _setting_axis(setting: Setting) -> Axis:
    """Few values are spaced evenly, in order; many numbers to scale, on a log scale if they span decades."""
    texts = [setting.text(index) for index in range(len(setting.values))]
    choices = [text for text in setting.choices() if text != format_setting(None)]
    if setting.numeric and len(choices) > MOST_EVENLY_SPACED:
        return _number_axis(setting, texts)
    heights = {text: i / (len(choices) - 1) if len(choices) > 1 else 0.5 for i, text in enumerate(choices)}
    places = [heights.get(text) for text in texts]
    return Axis(setting.key, places, texts, [(height, _short(text)) for text, height in heights.items()])


def _number_axis(setting: Setting, texts: Sequence[str]) -> Axis:
    numbers = [None if value is None else float(value) for value in setting.values]
    given = [number for number in numbers if number is not None]
    decades = min(given) > 0 and max(given) / min(given) >= 50
    scaled = [math.log10(number) if decades and number is not None else number for number in numbers]
    return _scaled_axis(setting.key, scaled, texts, "log scale" if decades else "")


def _metric_axis(metric: Metric, runs: Sequence[Run]) -> Axis:
    values = [run.summary.get(metric.key) for run in runs]
    texts = ["–" if value is None else legible(value) for value in values]
    return _scaled_axis(metric.title, values, texts, metric.direction)


def _scaled_axis(title: str, values: Sequence[float | None], texts: Sequence[str], remark: str) -> Axis:
    known = [(value, text) for value, text in zip(values, texts, strict=True) if value is not None]
    low, high = min(known, default=(0.0, "")), max(known, default=(0.0, ""))
    span = high[0] - low[0]
    places = [None if value is None else ((value - low[0]) / span if span else 0.5) for value in values]
    marks = [(0.0, low[1]), (1.0, high[1])] if span else [(0.5, low[1])]
    return Axis(title, places, texts, marks, remark)


def _short(text: str) -> str:
    return text if len(text) <= 18 else text[:17] + "…"
