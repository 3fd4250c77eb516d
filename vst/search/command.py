"""The command line: `vst sweep`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from vst.commandline import Parser, WholeNumber, execute

USAGE = """\
python -m vst.sweep -o DIR [--trials 40] [--workers 1] [--storage URL] [--seed 0] [--prune 3]
                    [group=choice …] [option=value …]

  -o DIR          the search's folder; the same command resumes what is in it
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
    execute(USAGE, _search)


def _search(arguments: Sequence[str]) -> None:
    # Hydra would print a page and exit with 1; with this it raises, and the sentence is ours
    os.environ["HYDRA_FULL_ERROR"] = "1"
    from vst.search.space import read
    from vst.search.sweep import answered, search

    with answered():
        given = parse(arguments)
        options = given.trials, given.workers, given.storage, given.seed, given.prune
        print(search(given.output, read(given.overrides), *options))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options and the overrides; raises `InputError` for what is unknown or missing."""
    parser = Parser(prog="python -m vst.sweep")
    parser.add_option("-o", dest="output", type=Path, required=True)
    parser.add_option("--trials", type=WholeNumber(1), default=40)
    parser.add_option("--workers", type=WholeNumber(1), default=1)
    parser.add_option("--storage")
    parser.add_option("--seed", type=WholeNumber(0), default=0)
    parser.add_option("--prune", type=WholeNumber(0), default=3)
    parser.add_argument("overrides", nargs="*")
    return parser.parse_intermixed_args(list(arguments))
