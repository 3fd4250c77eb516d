"""One page from many runs: their settings, figures and paintings side by side.

    python -m vst.report RUN_OR_SWEEP_DIR … [-o DIR]

Importing this package is cheap; torch and Plotly are imported when a page is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def write_report(directories: Sequence[Path], output: Path | None = None) -> Path:
    """Write the page of all runs found under `directories`, and return the path of its index.html.

    It goes to the folder `output`, by default `report/` in the first directory. Raises `InputError` where
    there are no runs, or the page cannot be written there.
    """
    from vst.compare.report.page import write_page

    return write_page(directories, output)
