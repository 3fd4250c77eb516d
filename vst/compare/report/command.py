"""The command line: `vst report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vst.commandline import Parser, execute, say
from vst.compare.report import write_report
from vst.errors import InputError

USAGE = """\
python -m vst.report DIR [DIR …] [-o DIR]

  DIR      a run, or a folder that contains runs at any depth, such as a multirun
  -o DIR   the folder for the page; by default, report/ in the first folder named

Open the index.html that it prints in a browser: the page needs no server and no network. It refers to the runs'
frames and videos by relative paths, so move the page and the runs together.
"""


def main() -> None:
    """Write the page of the runs that the command line names, and exit: 0 success, 1 failure, 2 wrong input."""
    execute(USAGE, lambda arguments: say(f"report  {write_report(*parse(arguments))}"))


def parse(arguments: Sequence[str]) -> tuple[list[Path], Path | None]:
    """The directories named, and the output; raises `InputError` for what is unknown or missing."""
    parser = Parser(prog="python -m vst.report")
    parser.add_argument("directories", nargs="*", type=Path)
    parser.add_option("-o", dest="output", type=Path)
    given = parser.parse_intermixed_args(list(arguments))
    if not given.directories:
        raise InputError("no folder is given; name a run, or a folder that holds runs")
    return given.directories, given.output
