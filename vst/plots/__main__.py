"""The command line: `python -m vst.plots`."""

from __future__ import annotations

import argparse
from pathlib import Path

from vst.errors import InputError, Parser, failures_answered
from vst.plots import FORMATS, write_plots


def main() -> None:
    """Draw what the command line names, and exit: 0 done, 1 failed, 2 wrong input."""
    with failures_answered():
        given = _arguments()
        for path in write_plots(given.directories, given.output, given.format, given.frame):
            print(path)


def _arguments() -> argparse.Namespace:
    parser = Parser(prog="python -m vst.plots", description="Figures of many runs, as files.")
    parser.add_argument(
        "directories", nargs="+", type=Path, metavar="DIR", help="a run, or a folder that holds runs"
    )
    parser.add_argument(
        "-o", dest="output", type=Path, help="where they go; by default plots/ in the first DIR"
    )
    parser.add_argument(
        "--format", type=_formats, default=FORMATS, help="png, svg, or both with a comma, as by default"
    )
    parser.add_argument(
        "--frame", type=int, help="whose curves and pictures are drawn; by default in the middle"
    )
    return parser.parse_args()


def _formats(text: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(text.split(",")))
    if unknown := [name for name in chosen if name not in FORMATS]:
        raise InputError(f"--format {unknown[0]} is not known; choose from: {', '.join(FORMATS)}")
    return chosen


if __name__ == "__main__":
    main()
