"""The search itself: a reference, then trial after trial, each in a directory of its own."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from vst.commandline import leave, reporting_errors
from vst.composing import composed, placed
from vst.errors import VstError
from vst.runs.directory import locked
from vst.runs.settings import resolve
from vst.runs.signals import Interrupted, interruptible
from vst.runs.state import is_done
from vst.search.objective import OBJECTIVES, Values
from vst.search.pruning import Means
from vst.search.results import write_results
from vst.search.space import Setting, Space, reference
from vst.search.study import Trials, reason_of, storage_errors
from vst.search.workers import Outcome, Task, Workers, finished

NAIVE = "naive"


def search(
    folder: Path,
    space: Space,
    total: int,
    workers: int = 1,
    storage: str | None = None,
    seed: int = 0,
    prune_after: int = 0,
) -> str:
    """Try settings until there are `total` trials, and return the lines that report the result.

    Finished trials of the folder's search are kept, and interrupted ones resumed. Trials are pruned by
    `vst.search.pruning` after `prune_after` frames, or never where that is 0.
    """
    with locked(folder, "search", "-o"):
        trials = Trials(folder, space, seed, storage)
        with Workers(workers) as pool:
            naive, means = _reference(folder, space, pool)
            _try_all(folder, space, trials, trials.plan(total), pool, means, prune_after)
        said = write_results(folder, space, trials, naive)
        _check_all_done(folder, trials, said)
    return said


@contextmanager
def answered() -> Generator[None]:
    """Leave with one sentence and a status where a command that searches fails, or is ended by a signal."""
    with reporting_errors():
        try:
            with interruptible():
                yield
        except Interrupted as interrupted:
            leave(f"ended by {interrupted}; the same command resumes it", interrupted.status)
        except (VstError, OSError):
            raise
        except storage_errors() as lost:
            leave(f"the storage was lost ({reason_of(lost)}); the same command resumes once it is back", 1)


def _reference(folder: Path, space: Space, pool: Workers) -> tuple[Values, Means]:
    """The objectives of the naive model, painted once, and their running means.

    Without them there is nothing to be fair by.
    """
    directory, overrides = folder / NAIVE, reference(space.fixed)
    if is_done(directory, resolve(placed(composed(overrides)))):
        outcome = finished(directory)
    else:
        pool.start(Task(NAIVE, directory, overrides))
        _, outcome = pool.next()
    if outcome.values is None:
        error = VstError(f"the reference, the naive model, cannot be painted: {outcome.reason}")
        error.status = outcome.exit_status
        raise error
    print(f"reference  naive: {_described(outcome)}", flush=True)
    return outcome.values, outcome.means


def _try_all(
    folder: Path, space: Space, trials: Trials, total: int, pool: Workers, reference: Means, prune_after: int
) -> None:
    unfinished = trials.unfinished()
    while True:
        while pool.idle and (unfinished or trials.begun() < total):
            number, setting = unfinished.pop(0) if unfinished else trials.ask()
            rivals = trials.rivals() if prune_after else []
            directory = folder / "trials" / f"{number:03d}"
            pool.start(Task(str(number), directory, space.overrides(setting), reference, rivals, prune_after))
        if not pool.busy:
            return
        task, outcome = pool.next()
        number = int(task.name)
        if outcome.status != "ended":  # no fault of its setting's: the next call resumes it
            trials.tell(number, outcome)
        print(
            f"trial {number + 1}/{total}  {_named(trials.setting(number))}: {_described(outcome)}", flush=True
        )


def _check_all_done(folder: Path, trials: Trials, said: str) -> None:
    """Raise where trials of this folder were lost or failed, after the others have been reported."""
    lost, failed = len(trials.unfinished()), len(trials.failed())
    if lost or failed:
        print(said, flush=True)
        raise VstError(
            f"not all trials are finished, {lost} were lost and {failed} failed; {folder / 'trials.csv'} lists them, "
            f"and the same command resumes those that were lost"
        )


def _named(setting: Setting) -> str:
    return " ".join(
        f"{option}={value:.4g}" if isinstance(value, float) else f"{option}={value}"
        for option, value in setting.items()
    )


def _described(outcome: Outcome) -> str:
    if outcome.values is None:
        return f"{outcome.status}, {outcome.reason}"
    return ", ".join(f"{name} {value:.4g}" for name, value in zip(OBJECTIVES, outcome.values, strict=True))
