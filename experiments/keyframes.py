"""Paints a stretch of a clip with several models, and prints a table of their figures in Markdown.

    python experiments/keyframes.py FOLDER [override …] > table.md

The models are judged by the same motion, which none of them uses. Time is that of the processor, for the whole run and
divided by its frames, so that what else the machine does counts for little.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from records import number, summary_of

from vst.commandline import reporting_errors
from vst.composing import composed
from vst.config import quoted
from vst.formatting import legible
from vst.runs.run import run

MODELS = ("naive", "flow", "robust", "keyframes")

FIGURES = (
    "warping_error",
    "warping_floor",
    "repainted",
    "strokes_kept",
    "newly_painted",
    "newly_legible",
    "style",
    "content",
)


def main() -> None:
    """Paint with every model, and print a row each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the runs will be")
    parser.add_argument("overrides", nargs="*", help="given to every run")
    given = parser.parse_args()
    print(f"| model | {' | '.join(FIGURES)} | processor seconds a frame |")
    print(f"|{'---|' * (len(FIGURES) + 2)}", flush=True)
    with reporting_errors():
        for model in MODELS:
            print(
                f"| {model} | {' | '.join(row(given.folder / model, model, given.overrides))} |", flush=True
            )


def row(directory: Path, model: str, overrides: Sequence[str]) -> list[str]:
    """The figures of a run, means over its frames."""
    options = [f"model={model}", "~callbacks.progress", f"paths.run={quoted(directory)}", *overrides]
    began = time.process_time()
    run(composed(options), options)
    spent = time.process_time() - began
    summary = summary_of(directory)
    values = [summary.get(name) for name in FIGURES]
    return [
        *("–" if value is None else legible(value) for value in values),
        legible(spent / number(summary, "frames")),
    ]


if __name__ == "__main__":
    main()
