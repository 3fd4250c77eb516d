"""The page's figures. Python makes every trace; the page shows and hides them, and gives them its colours.

Each trace carries in `meta` the run it belongs to and, where one can choose, the series.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from vst.report.compare import Setting, group_of, numbered, pareto_front, written
from vst.report.metrics import BY_KEY, Metric, legible
from vst.report.runs import Run

Figure = dict[str, Any]

LOSSES = ("style", "content", "coherence", "total")
FRAME_AXIS = "frame (0 is the first that is painted)"
EVALUATION_AXIS = "evaluation of the objective"
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
FEW = 9
"""Different values up to which an axis of the parallel coordinates gives each a place of its own."""


@dataclass(frozen=True)
class Look:
    """How a run is named and drawn, in every figure alike."""

    label: str
    colour: str
    dash: str


def plain(text: str) -> str:
    """Text as Plotly is to show it: it would take tags for markup, and `%{…}` for a variable."""
    return html.escape(text, quote=False).replace("{", "&#123;")


def losses_along(runs: Sequence[Run], looks: Sequence[Look]) -> Figure:
    """The losses of the painted frames along the clip, a line a run."""
    titles = {key: f"{BY_KEY[key].title}, before its weight (no unit)" for key in LOSSES[:3]}
    return _along(runs, looks, {**titles, "total": "total loss, weighted (no unit)"})


def metrics_along(runs: Sequence[Run], looks: Sequence[Look]) -> Figure:
    """The metrics of the painted frames along the clip, a line a run."""
    titles = {key: metric.axis for key, metric in BY_KEY.items() if metric.along and key not in LOSSES}
    return _along(runs, looks, titles)


def _along(runs: Sequence[Run], looks: Sequence[Look], titles: Mapping[str, str]) -> Figure:
    traces = []
    for index, (run, look) in enumerate(zip(runs, looks, strict=True)):
        frames = run.column("frame")
        for key in titles:
            values = run.column(key)
            if any(value is not None for value in values):
                traces.append(
                    _line(look, frames, values, {"run": index, "series": key}, "frame %{x}: %{y:.4g}")
                )
    return _figure(traces, FRAME_AXIS, titles)


def curves(runs: Sequence[Run], looks: Sequence[Look]) -> Figure:
    """The losses at every evaluation of one frame, a line a run, which the page fills for the frame it shows."""
    titles = {key: f"{BY_KEY[key].title} (no unit)" for key in LOSSES}
    present = {key: [_has_curve(run, key) for run in runs] for key in titles}
    traces = [
        _line(look, [], [], {"run": index, "series": key}, "evaluation %{x}: %{y:.4g}")
        for index, look in enumerate(looks)
        for key in titles
        if present[key][index]
    ]
    return _figure(traces, EVALUATION_AXIS, titles)


def _has_curve(run: Run, key: str) -> bool:
    return any(row.get(key) is not None for rows in run.curves.values() for row in rows[:1])


def _line(
    look: Look, x: Sequence[float | None], y: Sequence[float | None], meta: dict[str, Any], hover: str
) -> go.Scatter:
    # the markers are what shows of a value alone between two cuts
    return go.Scatter(
        x=list(x),
        y=list(y),
        name=plain(look.label),
        meta=meta,
        mode="lines+markers",
        line={"color": look.colour, "dash": look.dash, "width": 2},
        marker={"color": look.colour, "size": 4},
        hovertemplate=f"{plain(look.label)}<br>{hover}<extra></extra>",
    )


def trade_off(runs: Sequence[Run], looks: Sequence[Look]) -> Figure | None:
    """Style loss against warping error, a point a run, and the Pareto front of each clip and painting.

    None where fewer than two runs have both. The front is drawn through finished runs alone: means over some
    of the frames are not comparable.
    """
    places = {
        index: (run.summary["style"], run.summary["warping_error"])
        for index, run in enumerate(runs)
        if "style" in run.summary and "warping_error" in run.summary
    }
    if len(places) < 2:
        return None
    groups = numbered(runs, group_of)
    traces = [
        _front([places[index] for index in members], members, runs[members[0]])
        for group in sorted({groups[index] for index in places})
        if (members := [i for i in places if groups[i] == group and runs[i].status == "finished"])
    ]
    for index, (style, error) in places.items():
        look, run = looks[index], runs[index]
        detail = "" if run.status == "finished" else f"<br>{plain(run.status)} after {len(run.rows)} frames"
        traces.append(
            go.Scatter(
                x=[error],
                y=[style],
                name=plain(look.label),
                meta={"run": index},
                mode="markers",
                marker={
                    "color": look.colour,
                    "size": 12,
                    "symbol": SYMBOLS[groups[index] % len(SYMBOLS)]
                    + ("" if run.status == "finished" else "-open"),
                },
                hovertemplate=f"{plain(look.label)}<br>warping error %{{x:.4g}}<br>style loss %{{y:.4g}}{detail}"
                "<extra></extra>",
            )
        )
    figure = _figure(
        traces, "warping error (no unit; lower is better)", {"style": "style loss (no unit; lower is better)"}
    )
    figure["layout"]["hovermode"] = "closest"
    return figure


def _front(points: Sequence[tuple[float, float]], members: Sequence[int], run: Run) -> go.Scatter:
    chosen = pareto_front([(error, style) for style, error in points])
    where = plain(f"{run.clip}, {run.style}")
    return go.Scatter(
        x=[points[i][1] for i in chosen],
        y=[points[i][0] for i in chosen],
        name=f"Pareto front: {where}",
        meta={"front": [members[i] for i in chosen], "members": list(members)},
        mode="lines",
        line={"color": "#8C8C8C", "width": 2, "dash": "dot", "shape": "hv"},
        hoverinfo="skip",
        showlegend=len(chosen) > 1,
    )


def parallel(
    runs: Sequence[Run], looks: Sequence[Look], settings: Sequence[Setting], metrics: Sequence[Metric]
) -> Figure | None:
    """Parallel coordinates: an axis a setting that differs and a metric, a line a run.

    None for fewer than three runs, or with no setting to compare. They are drawn as ordinary lines, since Plotly's own
    need WebGL and `eval`: not every desktop has the one, and a page that shows foreign names should not
    allow the other.
    """
    axes = [_setting_axis(setting) for setting in settings]
    axes += [_metric_axis(metric, runs) for metric in metrics]
    if len(runs) < 3 or not settings:
        return None
    traces = []
    for index, look in enumerate(looks):
        texts = [axis.texts[index] for axis in axes]
        lines = [f"{axis.title}: {text}" for axis, text in zip(axes, texts, strict=True)]
        traces.append(
            go.Scatter(
                x=list(range(len(axes))),
                y=[axis.places[index] for axis in axes],
                name=plain(look.label),
                meta={"run": index},
                mode="lines+markers",
                connectgaps=True,
                line={"color": look.colour, "dash": look.dash, "width": 2, "shape": "linear"},
                marker={"color": look.colour, "size": 7},
                hovertemplate="<br>".join(map(plain, [look.label, *lines])) + "<extra></extra>",
            )
        )
    figure = _figure(traces, "", {})
    figure["layout"] |= {
        "hovermode": "closest",
        "dragmode": "select",
        "selectdirection": "any",
        "xaxis": {"visible": False, "range": [-0.35, len(axes) - 0.65], "fixedrange": True},
        "yaxis": {"visible": False, "range": [-0.08, 1.06], "fixedrange": True},
        "shapes": [_stroke(place) for place in range(len(axes))],
        "annotations": [note for place, axis in enumerate(axes) for note in axis.annotations(place)],
        "margin": {"l": 20, "r": 20, "t": 64, "b": 10},
    }
    return figure


@dataclass(frozen=True)
class Axis:
    """One axis of the parallel coordinates: a place in [0, 1] and a text a run, and the marks beside it."""

    title: str
    places: Sequence[float | None]
    texts: Sequence[str]
    marks: Sequence[tuple[float, str]]
    remark: str = ""

    def annotations(self, place: int) -> list[dict[str, Any]]:
        """The axis' name above it, and its marks to the left."""
        remark = f"<br><i>{plain(self.remark)}</i>" if self.remark else ""
        name = {
            "x": place,
            "y": 1,
            "yshift": 14,
            "yanchor": "bottom",
            "text": f"<b>{plain(self.title)}</b>{remark}",
        }
        marks = [
            {"x": place, "y": height, "xshift": -7, "xanchor": "right", "text": plain(text)}
            for height, text in self.marks
        ]
        return [{**note, "showarrow": False, "font": {"size": 11}} for note in (name, *marks)]


def _setting_axis(setting: Setting) -> Axis:
    """Few values stand evenly, in order; many numbers where they are, by their logarithm if they span decades."""
    texts = [setting.text(index) for index in range(len(setting.values))]
    choices = [text for text in setting.choices() if text != written(None)]
    if setting.numeric and len(choices) > FEW:
        return _number_axis(setting, texts)
    heights = {text: i / (len(choices) - 1) if len(choices) > 1 else 0.5 for i, text in enumerate(choices)}
    places = [heights.get(text) for text in texts]
    return Axis(setting.key, places, texts, [(height, _short(text)) for text, height in heights.items()])


def _number_axis(setting: Setting, texts: Sequence[str]) -> Axis:
    numbers = [None if value is None else float(value) for value in setting.values]
    given = [number for number in numbers if number is not None]
    decades = min(given) > 0 and max(given) / min(given) >= 50
    scaled = [math.log10(number) if decades and number is not None else number for number in numbers]
    return _scaled_axis(setting.key, scaled, texts, "logarithmic" if decades else "")


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


def _stroke(place: int) -> dict[str, Any]:
    return {
        "type": "line",
        "x0": place,
        "x1": place,
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"width": 1},
    }


def _figure(traces: Sequence[go.Scatter], x_title: str, titles: Mapping[str, str]) -> Figure:
    """A figure without Plotly's own colours; `titles` name the vertical axis for each series that can be chosen."""
    series = {trace.meta.get("series") for trace in traces}
    offered = {key: title for key, title in titles.items() if key in series} or dict(titles)
    layout = go.Layout(
        template="none",
        showlegend=False,
        hovermode="closest",
        margin={"l": 80, "r": 20, "t": 24, "b": 60},
        xaxis={"title": {"text": x_title, "standoff": 10}, "zeroline": False},
        yaxis={
            "title": {"text": next(iter(offered.values()), "")},
            "zeroline": False,
            "exponentformat": "power",
        },
        meta={"titles": offered},
    )
    return go.Figure(data=list(traces), layout=layout).to_plotly_json()
