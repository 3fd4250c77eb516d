"""The style of the figures in files, and how they are written."""

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
"""Width of a figure, and height of a panel in it, in inches."""

QUIET = "#6B6B6B"
MARKERS = ("o", "s", "D", "^", "P", "v", "*", "X", "p", "h")
"""One marker per colour, so that runs can be told apart without colour."""

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
"""matplotlib's equivalents of the report page's dashes, by their names there."""

STYLE: Any = {
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.dpi": 130,
    # DejaVu Sans, which comes with matplotlib, is first; an SVG also names the others, for machines without it
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
    # text is stored as text, and equal figures have equal bytes
    "svg.fonttype": "none",
    "svg.hashsalt": "vst",
}


@contextmanager
def paper() -> Generator[None]:
    """Apply the style of figures in files within the block; no display is needed."""
    with mpl.rc_context(STYLE):
        yield


def literal(text: str) -> str:
    """Text escaped for matplotlib, which would typeset what is between dollar signs as mathematics.

    Half characters, of names that are no UTF-8, it would not take at all.
    """
    return text.encode(errors="backslashreplace").decode().replace("$", r"\$")


def save(figure: Figure, path: Path) -> None:
    """Write a figure atomically, as PNG or SVG by the path's suffix, without dates and versions."""
    kind = path.suffix.removeprefix(".")
    metadata = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
    with mpl.rc_context(STYLE), atomic_write(path) as aside:
        figure.savefig(aside, format=kind, metadata=metadata)


def draw_line(axes: Axes, look: Look, x: Sequence[float | None], y: Sequence[float | None]) -> None:
    """Draw one line of a run, broken where a value is missing; markers show values that have no neighbour."""
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
    """The marker for a run's colour."""
    return MARKERS[COLOURS.index(look.colour)]


def handle(look: Look) -> Line2D:
    """A run's line in a legend."""
    return Line2D(
        [], [], color=look.colour, linestyle=DASHES[look.dash], marker=marker_of(look), markersize=4
    )


def legend(figure: Figure, names: Sequence[str], handles: Sequence[Line2D]) -> None:
    """Add a legend below a figure, which is made higher for it; the names may have any characters."""
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
    # set afterwards, since matplotlib omits labels that begin with _
    for text, name in zip(placed.get_texts(), names, strict=True):
        text.set_text(literal(name))
    rows = -(-len(names) // columns)
    figure.set_figheight(figure.get_figheight() + (1.6 * rows + 1) * em)


def legible_ticks(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    """Format the ticks of axes briefly: like the report's numbers, without trailing zeros."""
    for chosen, axis in ((x, axes.xaxis), (y, axes.yaxis)):
        if chosen:
            axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def tick(value: float) -> str:
    """The label of a tick."""
    text = f"{value:.4g}"
    return legible(value) if "e" in text else text.replace("-", "−")
