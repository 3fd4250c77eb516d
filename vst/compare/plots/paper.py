"""How figures in files look, and how they are written."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter
from matplotlib.typing import LineStyleType

from vst.compare.looks import COLOURS, Look
from vst.files import atomic_write
from vst.formatting import legible

WIDTH = 8.0
PANEL = 2.3
"""Inches: how wide a figure is, and how high a panel in it."""

QUIET = "#6B6B6B"
MARKERS = ("o", "s", "D", "^", "P", "v", "*")
"""One a colour, so that colour is never alone."""

DASHES: dict[str, LineStyleType] = {
    "solid": "solid",
    "dash": (0, (5, 2)),
    "dot": (0, (1, 1.5)),
    "dashdot": (0, (5, 2, 1, 2)),
    "longdash": (0, (9, 3)),
    "longdashdot": (0, (9, 3, 1, 3)),
    "2px,7px": (0, (1, 4)),
    "10px,3px,2px,3px,2px,3px": (0, (5, 2, 1, 2, 1, 2)),
    "14px,3px,5px,3px": (0, (8, 2, 3, 2)),
}
"""The page's dashes, by their names there."""

STYLE: Any = {
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.dpi": 130,
    # DejaVu Sans, which comes with matplotlib, first: an SVG names the others for machines that lack it
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "axes.edgecolor": "#BBBBBB",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "image.interpolation": "nearest",
    # text stays text, and the same figure has the same bytes
    "svg.fonttype": "none",
    "svg.hashsalt": "vst",
}


@contextmanager
def paper() -> Generator[None]:
    """What is drawn within looks as figures in files do; nothing needs a display."""
    with mpl.rc_context(STYLE):
        yield


def literal(text: str) -> str:
    """Text as matplotlib is to show it: it would take what stands between dollar signs for mathematics."""
    return text.replace("$", r"\$")


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG or SVG, by the path's suffix, atomically, without dates and versions."""
    kind = path.suffix.removeprefix(".")
    metadata = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
    with mpl.rc_context(STYLE), atomic_write(path) as aside:
        figure.savefig(aside, format=kind, metadata=metadata)


def draw_line(axes: Axes, look: Look, x: Sequence[float | None], y: Sequence[float | None]) -> None:
    """One line of a run; where a value is missing it is broken, and a marker shows a value alone."""
    axes.plot(
        [_number(value) for value in x],
        [_number(value) for value in y],
        color=look.colour,
        linestyle=DASHES[look.dash],
        linewidth=1.4,
        marker=marker_of(look),
        markersize=3,
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def marker_of(look: Look) -> str:
    """The marker that goes with a run's colour."""
    return MARKERS[COLOURS.index(look.colour)]


def handle(look: Look) -> Line2D:
    """What a legend shows of a run."""
    return Line2D(
        [], [], color=look.colour, linestyle=DASHES[look.dash], marker=marker_of(look), markersize=4
    )


def legend(figure: Figure, names: Sequence[str], handles: Sequence[Line2D]) -> None:
    """A legend under a figure, which grows by it, whatever is in the names."""
    size = 9 if len(names) <= 9 else 7.5
    em = size / 72
    column = (max(map(len, names), default=1) * 0.58 + 7) * em
    columns = max(1, min(len(names), int(figure.get_figwidth() / column)))
    placed = figure.legend(
        handles,
        list("." * len(names)),
        loc="outside lower center",
        ncols=columns,
        fontsize=size,
        handlelength=4.5,  # long enough for dashes to show beside the marker
    )
    # set here, or a name that begins with _ would be left out
    for text, name in zip(placed.get_texts(), names, strict=True):
        text.set_text(literal(name))
    rows = -(-len(names) // columns)
    figure.set_figheight(figure.get_figheight() + (1.6 * rows + 1) * em)


def legible_ticks(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    """Mark an axis in few characters: as the report writes numbers, but for zeros that say nothing."""
    for wanted, axis in ((x, axes.xaxis), (y, axes.yaxis)):
        if wanted:
            axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def tick(value: float) -> str:
    """A mark of an axis."""
    text = f"{value:.4g}"
    return legible(value) if "e" in text else text.replace("-", "−")
