"""Processes that paint one trial after another, so that slow imports are done once and not for each trial."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from vst.errors import ClipBroke, Pruned, VstError, failure
from vst.runs.record import read_record
from vst.runs.rows import read_frames
from vst.runs.threads import divide_cores
from vst.search.objective import Values, objectives
from vst.search.pruning import Means, running_means

if TYPE_CHECKING:  # not every system has all of them
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext, SpawnContext
    from multiprocessing.process import BaseProcess

PRELOADED = (
    "vst.search.workers",
    "vst.search.pruning_callback",
    "vst.painting.stylizer",
    "vst.video.datamodule",
    "vst.runs.callbacks.metrics",
    "vst.runs.callbacks.video_writer",
)
"""Modules imported before workers start, since they are slow to import."""

EXIT_TIMEOUT = 30
"""Seconds that a worker has to end its run cleanly after SIGTERM."""


@dataclass(frozen=True)
class Task:
    """A run to paint or resume, and the means by which it may be pruned after `prune_after` frames, 0 for never."""

    name: str
    directory: Path
    overrides: Sequence[str]
    reference: Means = ()
    rivals: Sequence[Means] = ()
    prune_after: int = 0


@dataclass(frozen=True)
class Outcome:
    """How a run ended: with `values` if it finished, else with a `reason`.

    It was `interrupted` if it can be resumed: its process was ended, or its clip or disk failed.
    """

    status: Literal["finished", "pruned", "failed", "interrupted"]
    values: Values | None = None
    means: Means = field(default_factory=list)
    reason: str = ""
    exit_status: int = 0


class Workers:
    """Up to `count` processes that share the machine's cores, each started when it is first needed."""

    def __init__(self, count: int):
        self._count = count
        self._context = _context()
        self._free: list[tuple[BaseProcess, Connection]] = []
        self._busy: dict[Connection, tuple[BaseProcess, Task]] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *exception: object) -> None:
        """End all processes by SIGTERM, after which runs in progress can be resumed."""
        processes = [
            *(process for process, _ in self._busy.values()),
            *(process for process, _ in self._free),
        ]
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(EXIT_TIMEOUT)
            process.kill()
            process.join()

    @property
    def busy(self) -> int:
        """How many workers are painting."""
        return len(self._busy)

    @property
    def idle(self) -> bool:
        """Whether another task can be started."""
        return len(self._busy) < self._count

    def start(self, task: Task) -> None:
        """Give a task to a worker."""
        process, connection = self._free.pop() if self._free else self._begin()
        connection.send(task)
        self._busy[connection] = process, task

    def next(self) -> tuple[Task, Outcome]:
        """Wait for a task to end, and return it with its outcome."""
        connection = cast("Connection", wait(list(self._busy))[0])
        process, task = self._busy.pop(connection)
        try:
            outcome = connection.recv()
        except (EOFError, OSError):
            process.join()
            return task, Outcome(
                "interrupted", reason=f"its process exited with status {process.exitcode}", exit_status=1
            )
        self._free.append((process, connection))
        return task, outcome

    def _begin(self) -> tuple[BaseProcess, Connection]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._count), daemon=True)
        process.start()
        theirs.close()
        return process, ours


def _context() -> ForkServerContext | SpawnContext:
    """Fork workers from a process that has made the slow imports, on systems that can."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def _work(connection: Connection, workers: int) -> None:
    """Paint tasks until this worker is ended, or its parent process has exited."""
    from vst.runs.signals import Interrupted

    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_exit_after, args=(parent.sentinel,), daemon=True).start()
    try:
        divide_cores(workers)
        while True:
            connection.send(paint(connection.recv()))
    except (Interrupted, KeyboardInterrupt, EOFError, BrokenPipeError) as ended:
        sys.exit(ended.status if isinstance(ended, Interrupted) else 0)


def _exit_after(sentinel: int) -> None:
    """Exit when another process has ended, so that the run's lock is free for whoever resumes it."""
    wait([sentinel])
    os._exit(1)


def paint(task: Task) -> Outcome:
    """Paint a task's run, or resume it if it had begun."""
    from vst.composing import composed
    from vst.runs.run import run
    from vst.search.pruning_callback import Pruning

    try:
        # trials are compared by the search itself, and would bury other runs in W&B: only where it is asked for
        # progress bars of concurrent workers would overwrite each other
        cfg = composed(["logger=csv", *task.overrides, "++callbacks.progress=null"])
        cfg.paths.run = str(task.directory)
        rule = Pruning(task.directory, task.reference, task.rivals, task.prune_after)
        pruning = {"pruning": rule} if task.prune_after else {}
        run(cfg, task.overrides, again=True, callbacks=pruning)
        return finished_outcome(task.directory)
    except Pruned as error:
        return Outcome("pruned", reason=str(error))
    except (
        ClipBroke,
        OSError,
    ) as error:  # a full disk, for example: not because of the setting, and perhaps temporary
        reason, status = failure(error)
        return Outcome("interrupted", reason=reason, exit_status=status)
    except VstError as error:
        return Outcome("failed", reason=str(error), exit_status=error.status)
    except Exception as error:  # a bug in one run must not end the search, but must be visible
        traceback.print_exc()
        return Outcome("failed", reason=f"{type(error).__name__}: {error}", exit_status=1)


def finished_outcome(directory: Path) -> Outcome:
    """The outcome of a finished run, from its record and its table."""
    record = read_record(directory)
    if record is None:
        raise VstError(f"{directory} has no record of a run; remove it, and paint the trial again")
    return Outcome("finished", objectives(record.summary), running_means(read_frames(directory)))
