"""All benchmarks, one after the other, into the tables of docs/benchmarks.md: `make bench`.

python experiments/benchmarks/all.py [--into docs/benchmarks.md]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import evaluation
import memory
import time_to_loss
import wall

from vst.files import write_text

BEGIN, END = "<!-- {} -->", "<!-- /{} -->"


def main() -> None:
    """Measure, print, and write each table between its markers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--into", type=Path, help="a document with markers such as <!-- wall --> and <!-- /wall -->"
    )
    document = parser.parse_args().into
    benchmarks = {
        "evaluation": lambda: evaluation.report(144, 256),
        "time_to_loss": lambda: time_to_loss.report(5, 176, 100),
        "wall": lambda: wall.report([144, 426], 4, 30),
        "memory": lambda: memory.report([20, 400], [256, 640, 1280, 1920]),
    }
    for name, measured in benchmarks.items():
        text = measured()
        print(f"\n## {name}\n\n{text}", flush=True)
        if document:
            insert(document, name, text)


def insert(document: Path, name: str, text: str) -> None:
    """Put a text between its markers."""
    before, begin, rest = document.read_text(encoding="utf-8").partition(BEGIN.format(name))
    _, end, after = rest.partition(END.format(name))
    if not (begin and end):
        sys.exit(
            f"{document} has no markers {BEGIN.format(name)} and {END.format(name)}; put them where it belongs"
        )
    write_text(document, f"{before}{begin}\n\n{text}\n{end}{after}")


if __name__ == "__main__":
    main()
