"""Plots what coherence costs: each model's style loss against its warping error over η, one panel per clip.

    python experiments/trade_off.py [-o docs/trade_off.png] [--runs multirun/defaults] [--size 384]

Paints nothing: the runs are those of experiments/defaults.py. The ringed point is the model's default.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from defaults import CLIPS
from figure_table import power as eta_written
from figures import MODELS
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from records import number
from rivals import Models, read

from vst.commandline import reporting_errors
from vst.compare.looks import Look, model_colours
from vst.compare.plots.paper import QUIET, WIDTH, draw_line, handle, legend, literal, paper, save, tick
from vst.composing import composed
from vst.errors import InputError
from vst.search.objective import LOSS_LIMITS

MOST_STYLE = LOSS_LIMITS["style"]


@dataclass(frozen=True)
class Point:
    """A run with weight η: its warping error in units of the content's own, its style loss in units of naive's."""

    eta: float
    error: float
    style: float
    default: bool


Curves = Mapping[str, Sequence[Point]]
"""The points on one clip by model, in order of rising η."""


def main() -> None:
    """Read the runs, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", dest="output", type=Path, default=Path("docs/trade_off.png"))
    parser.add_argument("--runs", type=Path, default=Path("multirun/defaults"), help="where the runs are")
    parser.add_argument("--size", type=int, default=384, help="a frame's longer side, in pixels")
    given = parser.parse_args()
    with reporting_errors():
        defaults = {model: composed([f"model={model}"]).eta for model in MODELS}
        found = {clip: read(given.runs / str(given.size) / clip) for clip in CLIPS}
        panels = {
            clip: curves(models, defaults) for clip, models in found.items() if "" in models.get("naive", {})
        }
        if not panels:
            raise InputError(
                f"{given.runs} holds no finished run of naive; paint some with experiments/defaults.py"
            )
        save(trade_off(panels), given.output)
        print(given.output)


def curves(models: Models, defaults: Mapping[str, float]) -> Curves:
    """The points of every model on a clip; of naive its default alone, since its options are of β."""
    naive = number(models["naive"][""], "style")
    found: dict[str, list[Point]] = {}
    for model, tried in models.items():
        for options, own in tried.items():
            if model not in MODELS or (model == "naive" and options):
                continue
            eta = float(options.removeprefix("eta=")) if options else defaults[model]
            error = number(own, "warping_error") / number(own, "warping_floor")
            point = Point(eta, error, number(own, "style") / naive, default=eta == defaults[model] != 0)
            found.setdefault(model, []).append(point)
    return {model: sorted(points, key=lambda point: point.eta) for model, points in found.items()}


def trade_off(clips: Mapping[str, Curves]) -> Figure:
    """The trade-off on each clip, with a line at the limit of the style loss."""
    looks = {model: Look(model, colour, "solid") for model, colour in model_colours(MODELS).items()}
    columns = min(2, len(clips))
    rows = -(-len(clips) // columns)
    with paper():
        figure = Figure(figsize=(WIDTH, 2.9 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).flat
        for (name, own), axes in zip(clips.items(), grid, strict=False):
            _panel(axes, name, own, looks)
        for axes in list(grid):
            axes.remove()
        shown = [model for model in MODELS if any(model in own for own in clips.values())]
        legend(figure, shown, [handle(looks[model]) for model in shown])
    return figure


def _panel(axes: Axes, name: str, own: Curves, looks: Mapping[str, Look]) -> None:
    axes.set_xscale("log")
    for model, points in own.items():
        look = looks[model]
        draw_line(axes, look, [point.error for point in points], [point.style for point in points])
        for point in points:
            if point.default:
                axes.plot(point.error, point.style, "o", markersize=9, fillstyle="none", color=look.colour)
        # the lowest η is labelled below its point, the highest above
        for point, above in {points[0]: -9, points[-1]: 4}.items() if len(points) > 1 else ():
            axes.annotate(
                f"η={eta_written(point.eta)}",
                (point.error, point.style),
                xytext=(4, above),
                textcoords="offset points",
                color=look.colour,
                fontsize=6.5,
            )
    axes.axhline(MOST_STYLE, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0.9)
    axes.annotate(
        f"{MOST_STYLE:g} × naive's style loss",
        (0, MOST_STYLE),
        xycoords=("axes fraction", "data"),
        xytext=(2, 2),
        textcoords="offset points",
        color=QUIET,
        fontsize=6.5,
    )
    axes.set_title(literal(name), loc="left")
    axes.set_xlabel("warping error / the content's own (lower is better)")
    axes.set_ylabel("style loss / naive's (lower is better)")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.margins(0.1)
    axes.xaxis.set_major_locator(
        FixedLocator([step * 10.0**decade for decade in range(-2, 4) for step in (1, 2, 5)])
    )
    axes.xaxis.set_minor_locator(NullLocator())


if __name__ == "__main__":
    main()
