"""`python -m vst` as a process of its own, which a test can wait for and end."""

from __future__ import annotations

import os
import runpy
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from subprocess import CompletedProcess, Popen

from vst.runs.table import Table


def program(
    arguments: Sequence[str], folder: Path | None, environment: Mapping[str, str], said: Path
) -> None:
    """What a process does that was forked for `python -m vst`: work in a folder, and leave what it says in files."""
    os.environ.clear()
    os.environ.update(environment)
    if folder is not None:
        os.chdir(folder)
    for number, suffix in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(said.with_suffix(suffix), os.O_WRONLY | os.O_CREAT), number)
    sys.argv = ["vst", *arguments]
    runpy.run_module("vst", None, "__main__", True)


@dataclass(frozen=True)
class Program:
    """One that has been started."""

    process: BaseProcess
    said: Path

    def ended(self) -> CompletedProcess[str]:
        """Wait for it: its status, and what it has said."""
        status = finish(self.process)
        said = [self.said.with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".out", ".err")]
        return CompletedProcess("vst", -1 if status is None else status, *said)


def finish(process: BaseProcess) -> int | None:
    """Wait for a process, and return how it ended; pytest's timeout ends a wait that has no end."""
    process.join()
    return process.exitcode


def wait_for_rows(directory: Path, rows: int, process: BaseProcess | Popen[str]) -> None:
    """Wait until a run has finished that many frames."""
    table = Table(directory / "metrics.csv")
    while not table.path.is_file() or len(table.read()) < rows:
        status = process.exitcode if isinstance(process, BaseProcess) else process.poll()
        assert status is None, f"it ended with {status} before it was to be ended"
        time.sleep(0.01)
