"""The command line: `python -m vst.sweep`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vst.errors import Parser

USAGE = """\
python -m vst.sweep -o DIR [--trials 40] [--workers 1] [--storage URL] [--seed 0] [--prune 3]
                    [group=choice …] [option=value …]

  -o DIR          the search's folder; the same command goes on with what is in it
  --trials N      in all, those there are already among them
  --workers N     trials at a time, which share the cores; each needs its own memory
  --storage URL   where the study is kept, for several machines; without it, DIR/study.db
  --seed N        of what is suggested
  --prune K       give a trial up after K frames or more if it paints too badly to be chosen, or if another is
                  better in everything by far; 0 for never

The rest is as for python -m vst. What has several values is searched, the rest is fixed for all trials:

  eta='tag(log,interval(1e2,1e6))'   numbers between two, by their logarithm; without tag(log, …) evenly
  evaluations='int(interval(20,60))' whole ones
  flow=dis,deepflow                  some choices
  eta='range(1000,5000,1000)'        1000, 2000, 3000, 4000

Without any, beta, and eta where the model has a coherence.

  python -m vst.sweep -o multirun/flow --trials 40 --workers 2 model=flow video=talk video.frames=8
"""


def main() -> None:
    """Search as the command line says, and exit: 0 done, 1 failed, 2 wrong input, 128 + n ended by signal n."""
    arguments = sys.argv[1:]
    if not arguments or set(arguments) & {"-h", "--help"}:
        print(USAGE, end="")
        return
    # Hydra would print a page and exit with 1; with this it raises, and the sentence is ours
    os.environ["HYDRA_FULL_ERROR"] = "1"
    from vst.sweep.search import answered, search
    from vst.sweep.space import read

    with answered():
        given = parse(arguments)
        options = given.trials, given.workers, given.storage, given.seed, given.prune
        print(search(given.output, read(given.overrides), *options))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options and the overrides; raises `InputError` for what is unknown or missing."""
    parser = Parser(prog="python -m vst.sweep", add_help=False, allow_abbrev=False)
    parser.add_argument("-o", dest="output", type=Path, required=True)
    parser.add_argument("--trials", type=_whole(1), default=40)
    parser.add_argument("--workers", type=_whole(1), default=1)
    parser.add_argument("--storage")
    parser.add_argument("--seed", type=_whole(0), default=0)
    parser.add_argument("--prune", type=_whole(0), default=3)
    parser.add_argument("overrides", nargs="*")
    return parser.parse_intermixed_args(list(arguments))


class _whole:  # noqa: N801 - argparse calls a type by its name
    """A whole number of at least so much."""

    def __init__(self, least: int):
        self._least = least

    def __call__(self, text: str) -> int:
        if not text.isdecimal() or int(text) < self._least:
            raise argparse.ArgumentTypeError(f"{text} is not a whole number of {self._least} or more")
        return int(text)


if __name__ == "__main__":
    main()
