"""The page's Plotly figures. Python makes all traces from the data of `vst.compare.series`; the page's scripts show and
hide them, and set the colours of the theme.

Each trace has in `meta` its run and, where the series can be chosen, its series.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from vst.compare.looks import Look
from vst.compare.runs import Run
from vst.compare.series import (
    CURVE_TITLES,
    EVALUATION_AXIS,
    FRAME_AXIS,
    LOSS_TITLES,
    METRIC_TITLES,
    Axis,
    Front,
    TradeOff,
    lines_along,
    parallel_axes,
    trade_offs,
)
from vst.compare.settings import Setting
from vst.metrics.catalogue import Metric

Figure = dict[str, Any]

LOG_SCALE_RATIO = 20
"""The ratio of the largest to the smallest warping error from which on the axis is logarithmic."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon", "triangle-down")


def escaped(text: str) -> str:
    """Text escaped for Plotly, which would interpret tags as markup and `%{…}` as a variable."""
    return html.escape(text, quote=False).replace("{", "&#123;")


def losses_along(runs: Sequence[Run], looks: Sequence[Look]) -> Figure:
    """The losses of the painted frames along the clip, one line per run."""
    return _along(runs, looks, LOSS_TITLES)


def metrics_along(runs: Sequence[Run], looks: Sequence[Look]) -> Figure:
    """The metrics of the painted frames along the clip, one line per run."""
    return _along(runs, looks, METRIC_TITLES)


def _along(runs: Sequence[Run], looks: Sequence[Look], titles: Mapping[str, str]) -> Figure:
    traces = [
        _line(looks[line.run], line.x, line.y, {"run": line.run, "series": line.key}, "frame %{x}: %{y:.4g}")
        for line in lines_along(runs, titles)
    ]
    return _figure(traces, FRAME_AXIS, titles)


def curves(runs: Sequence[Run], looks: Sequence[Look]) -> Figure:
    """The losses at every evaluation of a frame, one line per run; the page inserts the data of the frame shown."""
    present = {key: [_has_curve(run, key) for run in runs] for key in CURVE_TITLES}
    traces = [
        _line(look, [], [], {"run": index, "series": key}, "evaluation %{x}: %{y:.4g}")
        for index, look in enumerate(looks)
        for key in CURVE_TITLES
        if present[key][index]
    ]
    return _figure(traces, EVALUATION_AXIS, CURVE_TITLES)


def _has_curve(run: Run, key: str) -> bool:
    return any(row.get(key) is not None for rows in run.curves.values() for row in rows[:1])


def _line(
    look: Look, x: Sequence[float | None], y: Sequence[float | None], meta: dict[str, Any], hover: str
) -> go.Scatter:
    # markers show values that have no neighbour, such as one between two cuts
    return go.Scatter(
        x=list(x),
        y=list(y),
        name=escaped(look.label),
        meta=meta,
        mode="lines+markers",
        line={"color": look.colour, "dash": look.dash, "width": 2},
        marker={"color": look.colour, "size": 4},
        hovertemplate=f"{escaped(look.label)}<br>{hover}<extra></extra>",
    )


def trade_off(runs: Sequence[Run], looks: Sequence[Look]) -> Figure | None:
    """Style loss against warping error, one point per run, and the Pareto fronts; None for fewer than two points."""
    traded = trade_offs(runs)
    if traded is None:
        return None
    traces = [_front(front, traded, runs) for front in traded.fronts]
    for index, (error, style) in traded.points.items():
        look, run = looks[index], runs[index]
        detail = "" if run.status == "finished" else f"<br>{escaped(run.status)} after {len(run.rows)} frames"
        traces.append(
            go.Scatter(
                x=[error],
                y=[style],
                name=escaped(look.label),
                meta={"run": index},
                mode="markers",
                marker={
                    "color": look.colour,
                    "size": 12,
                    "symbol": _symbol(traded, index) + ("" if run.status == "finished" else "-open"),
                },
                hovertemplate=f"{escaped(look.label)}<br>warping error %{{x:.4g}}<br>style loss %{{y:.4g}}{detail}"
                "<extra></extra>",
            )
        )
    figure = _figure(traces, traded.x_title, {"style": traded.y_title})
    errors = [error for error, _ in traded.points.values()]
    if min(errors) > 0 and max(errors) / min(errors) >= LOG_SCALE_RATIO:
        figure["layout"]["xaxis"] |= {"type": "log", "dtick": "D2", "tickformat": "~g"}
    return figure


def _symbol(traded: TradeOff, index: int) -> str:
    return SYMBOLS[traded.groups[index] % len(SYMBOLS)]


def _front(front: Front, traded: TradeOff, runs: Sequence[Run]) -> go.Scatter:
    """The Pareto front of a clip and painting, which the page draws through those of its runs that are shown.

    Its markers, hidden behind those of the runs, are for the legend.
    """
    first = front.members[0]
    run = runs[first]
    return go.Scatter(
        x=[],
        y=[],
        name=escaped(f"{run.clip}, {run.style}"),
        meta={"members": list(front.members)},
        line={"color": "#8C8C8C", "width": 2, "dash": "dot", "shape": "hv"},
        marker={"color": "#8C8C8C", "size": 9, "symbol": _symbol(traded, first)},
        hoverinfo="skip",
    )


def parallel(
    runs: Sequence[Run], looks: Sequence[Look], settings: Sequence[Setting], metrics: Sequence[Metric]
) -> Figure | None:
    """Parallel coordinates: one axis per differing setting and per metric, one line per run.

    None for fewer than three runs, or where no setting differs. They are drawn as ordinary lines, since Plotly's own
    need WebGL and `eval`: not every desktop has the former, and a page that shows names from elsewhere should not
    allow the latter.
    """
    axes = parallel_axes(runs, settings, metrics)
    if axes is None:
        return None
    traces = []
    for index, look in enumerate(looks):
        texts = [axis.texts[index] for axis in axes]
        lines = [f"{axis.title}: {text}" for axis, text in zip(axes, texts, strict=True)]
        traces.append(
            go.Scatter(
                x=list(range(len(axes))),
                y=[axis.places[index] for axis in axes],
                name=escaped(look.label),
                meta={"run": index},
                mode="lines+markers",
                connectgaps=True,
                line={"color": look.colour, "dash": look.dash, "width": 2, "shape": "linear"},
                marker={"color": look.colour, "size": 7},
                hovertemplate="<br>".join(map(escaped, [look.label, *lines])) + "<extra></extra>",
            )
        )
    figure = _figure(traces, "", {})
    figure["layout"] |= {
        "hovermode": "closest",
        "dragmode": "select",
        "selectdirection": "any",
        "xaxis": {"visible": False, "range": [-0.6, len(axes) - 0.55], "fixedrange": True},
        "yaxis": {"visible": False, "range": [-0.08, 1.06], "fixedrange": True},
        "shapes": [_stroke(place) for place in range(len(axes))],
        "annotations": [note for place, axis in enumerate(axes) for note in _annotations(axis, place)],
        "margin": {"l": 20, "r": 20, "t": 64, "b": 10},
    }
    return figure


def _annotations(axis: Axis, place: int) -> list[dict[str, Any]]:
    """The axis' title above it, and its labels to the left."""
    remark = f"<br><i>{escaped(axis.remark)}</i>" if axis.remark else ""
    name = {
        "x": place,
        "y": 1,
        "yshift": 14,
        "yanchor": "bottom",
        "text": f"<b>{escaped(axis.title)}</b>{remark}",
    }
    marks = [
        {"x": place, "y": height, "xshift": -7, "xanchor": "right", "text": escaped(text)}
        for height, text in axis.marks
    ]
    return [{**note, "showarrow": False, "font": {"size": 11}} for note in (name, *marks)]


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


def _figure(traces: Iterable[go.Scatter], x_title: str, titles: Mapping[str, str]) -> Figure:
    """A figure without Plotly's default colours; `titles` are those of the vertical axis by series."""
    traces = list(traces)
    series = {trace.meta.get("series") for trace in traces}
    offered = {key: title for key, title in titles.items() if key in series} or dict(titles)
    layout = go.Layout(
        template="none",
        showlegend=False,
        hovermode="closest",
        margin={"l": 80, "r": 20, "t": 24, "b": 60},
        xaxis={"title": {"text": x_title, "standoff": 10}, "zeroline": False, "exponentformat": "power"},
        yaxis={
            "title": {"text": next(iter(offered.values()), "")},
            "zeroline": False,
            "exponentformat": "power",
        },
        meta={"titles": offered},
    )
    return go.Figure(data=traces, layout=layout).to_plotly_json()
