"""Memory against the length of a clip, and against the size of its frames.

    python experiments/benchmarks/memory.py [--frames 20,400] [--sizes 256,640,1280,1920]

Each figure is the peak of a run in a process of its own (its largest resident set), robust on a computed scene of 16:9.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from measure import machine, table

RUN = """
import resource, sys, tempfile
from vst.composing import composed
from vst.runs.run import run
with tempfile.TemporaryDirectory() as folder:
    options = ["model=robust", "video=talk", "logger=csv", "~callbacks.progress", f"paths.run={folder}/run"]
    run(composed([*sys.argv[1:], *options]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_megabytes(*overrides: str) -> float:
    """The peak of one run."""
    done = subprocess.run([sys.executable, "-c", RUN, *overrides], capture_output=True, text=True, check=True)
    kilobytes = int(done.stdout.splitlines()[-1])
    return kilobytes / (1024 * 1024 if sys.platform == "darwin" else 1024)


def report(frames: list[int], sizes: list[int]) -> str:
    """Two tables."""
    small = ["video.width=64", "video.height=36", "evaluations=1", "evaluation_factors=[]", "flow=farneback"]
    by_length = [peak_megabytes(*small, f"video.frames={count}") for count in frames]
    lengths = [
        [str(count), f"{peak:.0f}", f"{peak / by_length[0]:.3f}"]
        for count, peak in zip(frames, by_length, strict=True)
    ]
    few = ["video.frames=2", "evaluations=3", "evaluation_factors=[]", "flow=dis"]
    rows = []
    for size in sizes:
        height = round(size * 9 / 16)
        peak = peak_megabytes(*few, f"video.width={size}", f"video.height={height}")
        rows.append([f"{size}×{height}", f"{peak / 1024:.2f}"])
    return (
        f"Peak memory ({machine()}):\n\n{table(['frames of 64×36', 'peak, MB', 'ratio'], lengths)}\n"
        f"{table(['frame', 'peak, GB'], rows)}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", default="20,400")
    parser.add_argument("--sizes", default="256,640,1280,1920")
    given = parser.parse_args()
    numbers = [[int(part) for part in text.split(",")] for text in (given.frames, given.sizes)]
    print(report(*numbers))
