"""The command line: `python -m vst.report`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from vst.errors import InputError, failures_answered
from vst.report import write_report

USAGE = """\
python -m vst.report DIR [DIR …] [-o DIR]

  DIR      a run, or a folder that holds runs at any depth, such as a multirun
  -o DIR   where the page goes; without it, report/ in the first folder named

Open the index.html it names in a browser: nothing is served, and nothing is fetched. The page refers to the
runs' frames and videos where they lie; keep them together when you move them.
"""


def main() -> None:
    """Write the page of the runs that the command line names, and exit: 0 done, 1 failed, 2 wrong input."""
    arguments = sys.argv[1:]
    if not arguments or set(arguments) & {"-h", "--help"}:
        print(USAGE, end="")
        return
    with failures_answered():
        print(f"report  {write_report(*parse(arguments))}")


def parse(arguments: Sequence[str]) -> tuple[list[Path], Path | None]:
    """The directories named, and the output; raises `InputError` for what is unknown or missing."""
    directories: list[Path] = []
    output: Path | None = None
    rest = iter(arguments)
    for argument in rest:
        if argument == "-o":
            value = next(rest, "")
            if not value:
                raise InputError("-o is given without a value; name a folder")
            if output is not None:
                raise InputError("-o is given twice; give it once")
            output = Path(value)
        elif argument.startswith("-"):
            raise InputError(f"{argument} is not understood; see python -m vst.report --help")
        else:
            directories.append(Path(argument))
    if not directories:
        raise InputError("no folder is given; name a run, or a folder that holds runs")
    return directories, output


if __name__ == "__main__":
    main()
