"""What the benchmarks have in common: medians of repeated timings, small runs, and the machine they ran on."""

from __future__ import annotations

import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import torch

from vst.composing import composed
from vst.features.precision import fastest_precision
from vst.runs.run import run

QUIET = ("~callbacks.progress", "~callbacks.key_frames", "~callbacks.residuals", "~callbacks.video_writer")


def median_seconds(act: Callable[[], object], repeats: int = 5) -> float:
    """The median time of an act, after one that does not count."""
    act()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        act()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


@contextmanager
def small_run(*overrides: str) -> Generator[Path]:
    """Paint as configured, logged nowhere else, in a directory that goes afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield run(composed(["logger=csv", *overrides, f"paths.run={folder}/run"]))


def precisions() -> list[str]:
    """float32, and what this processor is faster at."""
    return list(dict.fromkeys(["float32", fastest_precision(torch.device("cpu"))]))


def machine() -> str:
    """What the figures are of, in a line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line
        ]
        model = names[0] if names else model
    return f"{model}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
