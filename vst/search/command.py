"""The command line: `vst sweep`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from vst.commandline import Parser, WholeNumber, execute, say

USAGE = """\
python -m vst.sweep -o DIR [--trials 40] [--workers 1] [--storage URL] [--seed 0] [--prune 3]
                    [group=choice …] [option=value …]

  -o DIR          the search's folder; the same command resumes the search in it
  --trials N      total number of trials, those already in the folder included
  --workers N     trials to run at a time; they share the cores, and each needs its own memory
  --storage URL   where the study is stored, for several machines; by default DIR/study.db
  --seed N        seed of the suggestions
  --prune K       stop a trial after K frames or more if its losses are far too high to be chosen, or if another
                  trial is much better in every objective; 0 for never

All other options are those of python -m vst. Options with several values are searched, and the others are the same
in all trials:

  eta='tag(log,interval(1e2,1e6))'   numbers in an interval, on a log scale; without tag(log, …), a linear one
  evaluations='int(interval(20,60))' whole numbers in an interval
  flow=dis,deepflow                  choices
  eta='range(1000,5000,1000)'        1000, 2000, 3000, 4000

If no option has several values, beta is searched, and eta too if the model has a coherence term.

  python -m vst.sweep -o multirun/flow --trials 40 --workers 2 model=flow video=talk video.frames=8
"""


def main() -> None:
    """Run the search, and exit: 0 success, 1 failure, 2 wrong input, 128 + n ended by signal n."""
    execute(USAGE, _search)


def _search(arguments: Sequence[str]) -> None:
    # without this, Hydra prints a long message and exits with 1; with it, Hydra raises, and we print one sentence
    os.environ["HYDRA_FULL_ERROR"] = "1"
    from vst.composing import with_home
    from vst.search.space import read
    from vst.search.sweep import reporting_search_errors, search

    with reporting_search_errors():
        given = parse(arguments)
        options = given.trials, given.workers, given.storage, given.seed, given.prune
        say(*search(given.output, read(with_home(given.overrides)), *options).splitlines())


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
