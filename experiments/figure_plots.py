"""Plots the trade-off of each model: style loss against warping error over η, one panel per scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from figure_table import COLUMNS
from figure_table import power as eta_written
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from vst.compare.looks import Look, model_colours
from vst.compare.plots.paper import (
    QUIET,
    WIDTH,
    draw_line,
    handle,
    legend,
    literal,
    paper,
    tick,
)
from vst.metrics.catalogue import BY_KEY

ERROR, STYLE = (next(column for column in COLUMNS if column.key == key) for key in ("warping_error", "style"))


@dataclass(frozen=True)
class Point:
    """The results of a run with weight η; `best` marks the η used in the tables."""

    eta: float
    error: float
    style: float
    best: bool


Curves = Mapping[str, Sequence[Point]]
"""The points of one scenario by model, in order of rising η."""


def trade_off(scenarios: Mapping[str, Curves], models: Sequence[str], most_style: float) -> Figure:
    """The trade-off of each scenario; with a line at `most_style` times naive's style loss, if there is a naive run."""
    looks = {model: Look(model, colour, "solid") for model, colour in model_colours(models).items()}
    columns = min(2, len(scenarios))
    rows = -(-len(scenarios) // columns)
    with paper():
        figure = Figure(figsize=(WIDTH, 2.9 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).flat
        for (name, curves), axes in zip(scenarios.items(), grid, strict=False):
            _panel(axes, name, curves, looks, most_style)
        for axes in list(grid):
            axes.remove()
        shown = [model for model in models if any(model in curves for curves in scenarios.values())]
        legend(figure, shown, [handle(looks[model]) for model in shown])
    return figure


def _panel(axes: Axes, name: str, curves: Curves, looks: Mapping[str, Look], most_style: float) -> None:
    axes.set_xscale("log")
    for model, points in curves.items():
        draw_line(axes, looks[model], [point.error for point in points], [point.style for point in points])
        for point in points:
            if point.best:
                axes.plot(
                    point.error, point.style, "o", markersize=9, fillstyle="none", color=looks[model].colour
                )
        # the lowest η is labelled below its point, the highest above
        for point, above in {points[0]: -9, points[-1]: 4}.items() if points[-1].eta else ():
            axes.annotate(
                f"η={eta_written(point.eta)}",
                (point.error, point.style),
                xytext=(4, above),
                textcoords="offset points",
                color=looks[model].colour,
                fontsize=6.5,
            )
    if "naive" in curves:
        most = most_style * curves["naive"][0].style
        axes.axhline(most, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0.9)
        axes.annotate(
            f"{most_style:g} × naive's style loss",
            (0, most),
            xycoords=("axes fraction", "data"),
            xytext=(2, 2),
            textcoords="offset points",
            color=QUIET,
            fontsize=6.5,
        )
    axes.set_title(literal(name), loc="left")
    for axis, column in ((axes.xaxis, ERROR), (axes.yaxis, STYLE)):
        metric = BY_KEY[column.key]
        axis.set_label_text(metric.axis.replace(metric.title, column.head))
        axis.set_major_formatter(
            FuncFormatter(lambda value, _, power=column.power: tick(value / 10.0**power))
        )
    axes.margins(0.1)
    axes.xaxis.set_major_locator(
        FixedLocator([step * 10.0**power for power in range(-7, 1) for step in (1, 2, 5)])
    )
    axes.xaxis.set_minor_locator(NullLocator())
