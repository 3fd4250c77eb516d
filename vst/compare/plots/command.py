"""The command line: `vst plots`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from vst.commandline import Parser, execute, say
from vst.compare.plots import FORMATS, write_plots
from vst.errors import InputError

USAGE = """\
python -m vst.plots DIR [DIR …] [-o DIR] [--format png,svg] [--frame N]

  DIR             a run, or a folder that contains runs at any depth, such as a multirun
  -o DIR          the folder for the figures; by default, plots/ in the first folder named
  --format NAMES  png, svg, or both, separated by a comma; by default both
  --frame N       the frame whose curves and pictures are drawn, from 0; by default, one in the middle
"""


def main() -> None:
    """Draw the figures of the runs that the command line names, and exit: 0 success, 1 failure, 2 wrong input."""
    execute(USAGE, _draw)


def _draw(arguments: Sequence[str]) -> None:
    given = parse(arguments)
    for path in write_plots(given.directories, given.output, given.format, given.frame):
        say(str(path))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The directories and the options; raises `InputError` for what is unknown or missing."""
    parser = Parser(prog="python -m vst.plots")
    parser.add_argument("directories", nargs="*", type=Path)
    parser.add_option("-o", dest="output", type=Path)
    parser.add_option("--format", type=_formats, default=FORMATS)
    parser.add_option("--frame", type=int)
    given = parser.parse_intermixed_args(list(arguments))
    if not given.directories:
        raise InputError("no folder is given; name a run, or a folder that holds runs")
    return given


def _formats(text: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(text.split(",")))
    if unknown := [name for name in chosen if name not in FORMATS]:
        raise InputError(f"--format {unknown[0]} is not known; choose from: {', '.join(FORMATS)}")
    return chosen
