"""The figures of many runs as PNG and SVG files: those of the report page, for print.

    python -m vst.plots RUN_OR_SWEEP_DIR … [-o DIR] [--format png,svg] [--frame N]

Importing this package is cheap; matplotlib is imported when figures are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

FORMATS = ("png", "svg")


def write_plots(
    directories: Sequence[Path],
    output: Path | None = None,
    formats: Sequence[str] = FORMATS,
    frame: int | None = None,
) -> list[Path]:
    """Draw the figures of all runs found under `directories`, and return the files written.

    They go to the folder `output`, by default `plots/` in the first directory. Loss curves, paintings and
    residuals are drawn for frame `frame`, by default the one in the middle of the shortest run. Raises
    `InputError` where there are no runs, or no such frame.
    """
    from vst.compare.plots.files import write_figures

    return write_figures(directories, output, formats, frame)
