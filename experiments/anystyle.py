"""Measures what painting at once gives, and what optimisation adds with time, and writes experiments/anystyle.md.

    python experiments/anystyle.py [-o experiments/anystyle.md] [--runs multirun/anystyle] [override …]

Three frames of a real clip are painted in every way of WAYS. Time is processor time of the thread that paints: for a
frame on one core, set OMP_NUM_THREADS=1; what else the machine does hardly matters. The motion, which is estimated in
another thread, is not counted. The figure, docs/anystyle.png, is drawn from the same numbers. Finished runs are not
painted again. Overrides are added to every run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

from figure_table import table_line
from records import number, status, summary_of

from vst.commandline import reporting_errors
from vst.composing import composed
from vst.config import quoted
from vst.files import atomic_write, write_text
from vst.formatting import legible
from vst.runs.run import run

WAYS: dict[str, tuple[str, ...]] = {
    "the clip itself": ("model=naive", "evaluations=0"),
    "anystyle": ("model=anystyle",),
    "naive, 5 evaluations": ("model=naive", "evaluations=5"),
    "naive, 15": ("model=naive", "evaluations=15"),
    "naive, 15 at one scale": ("model=naive", "scales=1", "evaluations=15"),
    "naive from anystyle, 15": ("model=naive", "start=anystyle", "evaluations=15"),
    "naive, 60": ("model=naive", "evaluations=60"),
    "robust, 60": ("model=robust", "evaluations=60"),
}

CLIP = ("video=bikes", "video.start=40", "video.frames=3", "video.size=426", "style=swirls")

FIGURES = {
    "seconds": "seconds a frame",
    "style": "style loss",
    "content": "content loss",
    "warping_error": "warping error",
}

HEADER = """\
# Painting at once

Three frames of `bikes` at 426 pixels in `swirls`: processor time, losses and warping error, means over the frames.
[A network for one clip](networks.md) has anystyle beside a network that was trained, and beside robust.

"""


def main() -> None:
    """Paint what is missing, and write the table and the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__)
    parser.add_argument("-o", dest="output", type=Path, default=here.with_suffix(".md"))
    parser.add_argument("--figure", type=Path, default=here.parents[1] / "docs" / "anystyle.png")
    parser.add_argument("--runs", type=Path, default=Path("multirun/anystyle"), help="where the runs are")
    parser.add_argument("overrides", nargs="*", help="added to every run")
    given = parser.parse_args()
    # the clock by which a run times its frames: that of its own thread, whatever else the machine does
    with mock.patch.object(time, "perf_counter", time.thread_time), reporting_errors():
        found = {}
        for way, options in WAYS.items():
            found[way] = figures_of(given.runs / way.replace(" ", "_"), [*CLIP, *options, *given.overrides])
            print(table_line([way, *map(legible, found[way].values())]), flush=True)
        write_text(given.output, HEADER + table(found))
        draw(found, given.figure)


def figures_of(directory: Path, options: Sequence[str]) -> dict[str, float]:
    """FIGURES of a run with these options, which is painted if it is not there."""
    if status(directory) != "finished":
        run(composed([*options, "~callbacks.progress", f"paths.run={quoted(directory)}"]))
    summary = summary_of(directory)
    return {name: number(summary, name) for name in FIGURES}


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """A row for every way."""
    lines = [["way", *FIGURES.values()], ["---", *["---:"] * len(FIGURES)]]
    lines += [[way, *map(legible, figures.values())] for way, figures in found.items()]
    return "".join(f"{table_line(line)}\n" for line in lines)


def draw(found: Mapping[str, Mapping[str, float]], file: Path) -> None:
    """Each loss, and the warping error, against the time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), layout="constrained")
    shown = {way: figures for way, figures in found.items() if way != "the clip itself"}
    for axis, name in zip(figure.subplots(1, 3), ("style", "content", "warping_error"), strict=True):
        drawn = [axis.loglog(figures["seconds"], figures[name], "o")[0] for figures in shown.values()]
        axis.set(xlabel=FIGURES["seconds"], title=FIGURES[name])
        axis.margins(x=0.3)
    figure.legend(drawn, shown, loc="outside lower center", ncols=len(shown))
    with atomic_write(file) as aside:
        figure.savefig(aside, format="png", dpi=120)


if __name__ == "__main__":
    main()
