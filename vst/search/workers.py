"""Processes that paint one trial after the other, so that the slow imports are paid once and not for each."""

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

if TYPE_CHECKING:  # not every system has them all
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
"""What workers begin with, for it is slow to import."""

PATIENCE = 30
"""Seconds that a worker has to end its run in order, once it is asked to."""


@dataclass(frozen=True)
class Task:
    """A run to paint or resume, and what it must not be far worse than after so many frames, 0 for never."""

    name: str
    directory: Path
    overrides: Sequence[str]
    reference: Means = ()
    rivals: Sequence[Means] = ()
    prune_after: int = 0


@dataclass(frozen=True)
class Outcome:
    """How a run ended; `values` where it finished, `reason` where it did not; `ended` where its process was."""

    status: Literal["finished", "pruned", "failed", "ended"]
    values: Values | None = None
    means: Means = field(default_factory=list)
    reason: str = ""
    exit_status: int = 0


class Workers:
    """`count` processes that share the machine's cores; each begins when there is first something for it to do."""

    def __init__(self, count: int):
        self._count = count
        self._context = _context()
        self._free: list[tuple[BaseProcess, Connection]] = []
        self._busy: dict[Connection, tuple[BaseProcess, Task]] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *exception: object) -> None:
        """End them all, those that paint by a signal, which leaves a run that can be resumed."""
        processes = [
            *(process for process, _ in self._busy.values()),
            *(process for process, _ in self._free),
        ]
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(PATIENCE)
            process.kill()
            process.join()

    @property
    def busy(self) -> int:
        """How many paint."""
        return len(self._busy)

    @property
    def idle(self) -> bool:
        """Whether one more could."""
        return len(self._busy) < self._count

    def start(self, task: Task) -> None:
        """Give a task to a worker."""
        process, connection = self._free.pop() if self._free else self._begin()
        connection.send(task)
        self._busy[connection] = process, task

    def next(self) -> tuple[Task, Outcome]:
        """Wait until one is done."""
        connection = cast("Connection", wait(list(self._busy))[0])
        process, task = self._busy.pop(connection)
        try:
            outcome = connection.recv()
        except (EOFError, OSError):
            process.join()
            return task, Outcome(
                "ended", reason=f"its process was, with status {process.exitcode}", exit_status=1
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
    """Workers begin as copies of a process that has imported what they need, where the system has that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    return context


def _work(connection: Connection, workers: int) -> None:
    """What a worker does until it is ended, or the process that gives it work is gone."""
    from vst.runs.signals import Interrupted

    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    try:
        divide_cores(workers)
        while True:
            connection.send(paint(connection.recv()))
    except (Interrupted, KeyboardInterrupt, EOFError, BrokenPipeError) as ended:
        sys.exit(ended.status if isinstance(ended, Interrupted) else 0)


def _end_with(sentinel: int) -> None:
    """End this process as soon as another is gone, so that what takes its work up again finds the run free."""
    wait([sentinel])
    os._exit(1)


def paint(task: Task) -> Outcome:
    """Paint a task's run, or resume it where it was begun."""
    from vst.composing import composed
    from vst.runs.run import run
    from vst.search.pruning_callback import Pruning

    try:
        # workers would write over each other's progress
        cfg = composed([*task.overrides, "++callbacks.progress=null"])
        cfg.paths.run = str(task.directory)
        rule = Pruning(task.directory, task.reference, task.rivals, task.prune_after)
        pruning = {"pruning": rule} if task.prune_after else {}
        run(cfg, task.overrides, again=True, callbacks=pruning)
        return finished(task.directory)
    except Pruned as error:
        return Outcome("pruned", reason=str(error))
    except (ClipBroke, OSError) as error:  # a full disk, say: no fault of the setting's, and it may be over
        reason, status = failure(error)
        return Outcome("ended", reason=reason, exit_status=status)
    except VstError as error:
        return Outcome("failed", reason=str(error), exit_status=error.status)
    except Exception as error:  # a fault in one run must not end the search, and is not to pass unseen
        traceback.print_exc()
        return Outcome("failed", reason=f"{type(error).__name__}: {error}", exit_status=1)


def finished(directory: Path) -> Outcome:
    """The outcome of a run that is finished."""
    record = read_record(directory)
    if record is None:
        raise VstError(f"{directory} holds no run's record; paint the trial anew")
    return Outcome("finished", objectives(record.summary), running_means(read_frames(directory)))
