"""Draws the data of `vst.compare.series` with matplotlib: the figures of the report page, each as one sheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vst.compare.looks import Look
from vst.compare.plots.paper import (
    PANEL,
    QUIET,
    WIDTH,
    draw_line,
    handle,
    legend,
    legible_ticks,
    literal,
    marker_of,
)
from vst.compare.runs import Run
from vst.compare.series import (
    CURVE_TITLES,
    EVALUATION_AXIS,
    FRAME_AXIS,
    LOSS_TITLES,
    METRIC_TITLES,
    Axis,
    Line,
    TradeOff,
    curve_lines,
    lines_along,
    parallel_axes,
    parallel_choice,
    trade_offs,
)


def losses_along(runs: Sequence[Run], looks: Sequence[Look]) -> Figure | None:
    """The losses of the painted frames along the clip, one panel per loss; None where there are none."""
    return _along(runs, looks, LOSS_TITLES)


def metrics_along(runs: Sequence[Run], looks: Sequence[Look]) -> Figure | None:
    """The metrics of the painted frames along the clip, one panel per metric; None where there are none."""
    return _along(runs, looks, METRIC_TITLES)


def _along(runs: Sequence[Run], looks: Sequence[Look], titles: Mapping[str, str]) -> Figure | None:
    figure = _panels(lines_along(runs, titles), runs, looks, titles, FRAME_AXIS)
    for axes in figure.axes if figure else ():
        mark_cuts(axes, runs)
    return figure


def curves(runs: Sequence[Run], looks: Sequence[Look], frame: int) -> Figure | None:
    """The losses at every evaluation of one frame, one panel per loss; None where no run has them."""
    x_title = f"{EVALUATION_AXIS}, frame {frame}"
    return _panels(curve_lines(runs, frame), runs, looks, CURVE_TITLES, x_title)


def _panels(
    lines: Iterable[Line], runs: Sequence[Run], looks: Sequence[Look], titles: Mapping[str, str], x_title: str
) -> Figure | None:
    """One panel per series, two in a row, and one legend for all."""
    by_key: dict[str, list[Line]] = {key: [] for key in titles}
    for line in lines:
        by_key[line.key].append(line)
    shown = {key: found for key, found in by_key.items() if found}
    if not shown:
        return None
    rows = -(-len(shown) // 2)
    figure = Figure(figsize=(WIDTH, PANEL * rows), layout="constrained")
    grid = figure.subplots(rows, 2, squeeze=False, sharex=True).flat
    for (key, found), axes in zip(shown.items(), grid, strict=False):
        for line in found:
            draw_line(axes, looks[line.run], line.x, line.y)
        title, _, unit = titles[key].partition(" (")
        axes.set_title(title, loc="left")
        axes.set_ylabel(f"({unit}" if unit else title)
        axes.set_xlabel(x_title)
        axes.tick_params(labelbottom=True)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        legible_ticks(axes, y=True)
    for axes in list(grid):
        axes.remove()
    used = sorted({line.run for found in shown.values() for line in found})
    legend(figure, [looks[i].label for i in used], [handle(looks[i]) for i in used])
    return figure


def mark_cuts(axes: Axes, runs: Sequence[Run]) -> None:
    """Draw a line between each frame that begins a shot and the one before, labelled by clip if there are several."""
    clips: dict[int, list[str]] = {}
    for run in runs:
        for cut in run.cuts:
            clips.setdefault(cut, [])
            if run.clip not in clips[cut]:
                clips[cut].append(run.clip)
    several = len({run.clip for run in runs}) > 1
    for cut, names in clips.items():
        axes.axvline(cut - 0.5, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), zorder=0.9, gid=f"cut-{cut}")
        axes.annotate(
            literal(f"cut of {', '.join(names)}" if several else "cut"),
            (cut - 0.5, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -1),
            textcoords="offset points",
            va="top",
            color=QUIET,
            fontsize=7.5,
        )


def trade_off(runs: Sequence[Run], looks: Sequence[Look]) -> Figure | None:
    """Style loss against warping error with Pareto fronts, one panel per clip and painting; None for one run."""
    traded = trade_offs(runs)
    if traded is None:
        return None
    groups = sorted({traded.groups[index] for index in traded.points})
    columns = min(2, len(groups))
    rows = -(-len(groups) // columns)
    figure = Figure(figsize=(WIDTH, (PANEL + 0.6) * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flat
    for group, axes in zip(groups, grid, strict=False):
        members = [index for index in traded.points if traded.groups[index] == group]
        _trade_panel(axes, traded, members, runs, looks)
    for axes in list(grid):
        axes.remove()
    used = sorted(traded.points)
    legend(figure, [looks[i].label for i in used], [handle(looks[i]) for i in used])
    return figure


def _trade_panel(
    axes: Axes, traded: TradeOff, members: Sequence[int], runs: Sequence[Run], looks: Sequence[Look]
) -> None:
    for front in traded.fronts:
        if set(front.members) <= set(members) and len(front.chosen) > 1:
            x, y = zip(*(traded.points[index] for index in front.chosen), strict=True)
            axes.plot(x, y, color="#8C8C8C", linestyle=":", drawstyle="steps-post", zorder=1, gid="front")
            axes.annotate(
                "Pareto front", (x[0], y[0]), (4, 6), textcoords="offset points", color=QUIET, fontsize=7.5
            )
    for index in members:
        look, finished = looks[index], runs[index].status == "finished"
        x, y = traded.points[index]
        axes.plot(
            x,
            y,
            marker=marker_of(look),
            markersize=8,
            linestyle="none",
            markeredgecolor=look.colour,
            # hollow for an unfinished run, as on the page
            markerfacecolor=look.colour if finished else "white",
            gid=f"run-{index}",
        )
    run = runs[members[0]]
    axes.set_title(literal(f"{run.clip}, {run.style}"), loc="left")
    axes.set_xlabel(traded.x_title)
    axes.set_ylabel(traded.y_title)
    axes.margins(0.12)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    legible_ticks(axes, x=True, y=True)


def parallel(runs: Sequence[Run], looks: Sequence[Look]) -> Figure | None:
    """Parallel coordinates: one axis per differing setting and per metric, one line per run; None for too few."""
    found = parallel_axes(runs, *parallel_choice(runs))
    if found is None:
        return None
    figure = Figure(figsize=(max(WIDTH, 1.15 * len(found)), 3.7), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(-0.6, len(found) - 0.8)
    axes.set_ylim(-0.06, 1.22)
    for index, look in enumerate(looks):
        # a run's line skips an axis on which it has no value
        places = [(place, axis.places[index]) for place, axis in enumerate(found)]
        known = [(place, height) for place, height in places if height is not None]
        draw_line(axes, look, [place for place, _ in known], [height for _, height in known])
    for place, axis in enumerate(found):
        axes.plot([place, place], [0, 1], color=QUIET, linewidth=1, zorder=0.9)
        _name_axis(axes, place, axis)
    legend(figure, [look.label for look in looks], [handle(look) for look in looks])
    return figure


def _name_axis(axes: Axes, place: int, axis: Axis) -> None:
    axes.text(
        place,
        1.12,
        literal(axis.title.replace(" ", "\n", 1)),
        ha="center",
        va="bottom",
        weight="bold",
        fontsize=8,
    )
    axes.text(place, 1.1, literal(axis.remark), ha="center", va="top", color=QUIET, fontsize=7)
    for height, text in axis.marks:
        axes.annotate(
            literal(text if len(text) <= 18 else text[:17] + "…"),
            (place, height),
            xytext=(-6, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=7.5,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )
