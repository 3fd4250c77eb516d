"""The tables that a run writes: their columns, and readers of their rows."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PLACE = ("frame", "source_frame", "pass", "time", "cut")
"""Columns of metrics.csv that identify the frame of a row."""

LOSSES = ("content", "style", "coherence", "total")
"""Columns of metrics.csv and curves.csv: unweighted terms, and L_total; terms of other names follow."""

SPENT = ("evaluations", "cost", "seconds")
"""Columns of a frame's cost, which is summed over the passes: `cost` is in evaluations at the frame's own size."""

OUTCOME = "outcome"
"""The last column of metrics.csv: how the minimisation ended, in a word."""

Row = dict[str, float | None]
"""The numbers of a row by column, None where a cell is empty or not a number."""


def metrics_path(run: Path) -> Path:
    """Path of the frame table of the run in a directory: one row per frame and pass."""
    return run / "metrics.csv"


def curves_path(run: Path) -> Path:
    """Path of the evaluation table of the run in a directory: one row per evaluation."""
    return run / "curves.csv"


def read_frames(run: Path) -> list[Row]:
    """The newest row of each frame, in the order of the clip; empty where there is no table."""
    newest: dict[int, Row] = {}
    for row in _read_table(metrics_path(run)):
        frame = row.get("frame")
        if frame is not None:
            newest[int(frame)] = row
    return [newest[frame] for frame in sorted(newest)]


def read_curves(run: Path) -> dict[int, list[Row]]:
    """The evaluations of the newest pass of each frame, by frame."""
    curves: dict[int, list[Row]] = {}
    passes: dict[int, float] = {}
    for row in _read_table(curves_path(run)):
        frame, number = row.get("frame"), row.get("pass") or 0.0
        if frame is None:
            continue
        if passes.setdefault(int(frame), number) != number:
            passes[int(frame)], curves[int(frame)] = number, []
        curves.setdefault(int(frame), []).append(row)
    return curves


def means(rows: Sequence[Row]) -> dict[str, float]:
    """The means over the rows so far, as a run's own summary has them."""
    found: dict[str, float] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [value for row in rows if (value := row.get(name)) is not None]
        if values and name not in PLACE:
            found[name] = sum(values) / len(values)
    return {**found, "frames": float(len(rows))} if rows else {}


MOST = 1e100
"""No figure of a run is larger: they are made of float32."""


def number(value: Any) -> float | None:
    """A number that a run may have measured, or None."""
    try:
        read = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return read if abs(read) <= MOST else None


LONGEST_LINE = 2**18
"""Characters of a line that are read; `csv` refuses what a longer one has in one cell."""


def _read_table(path: Path) -> list[Row]:
    """A table's rows; the last one is skipped if it is incomplete because a run is writing it.

    What is no file, such as a pipe or a device, would be waited for, or never end.
    """
    try:
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="", errors="replace") as file:
            lines = iter(lambda: file.readline(LONGEST_LINE), "")
            cells = [row for row in csv.DictReader(lines, restkey="") if None not in row.values()]
    except (OSError, csv.Error):
        return []
    return [_row(row) for row in cells]


def _row(cells: Mapping[str, str]) -> Row:
    return {name: number(text) for name, text in cells.items() if name != OUTCOME}
