"""The search: it paints a reference, and then the trials, each in its own directory."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from vst.commandline import exit_with, reporting_errors, say
from vst.composing import composed, with_run_directory
from vst.errors import VstError
from vst.files import refuse_link
from vst.runs.directory import locked
from vst.runs.settings import resolve
from vst.runs.signals import Interrupted, interruptible
from vst.runs.state import is_done
from vst.search.objective import OBJECTIVES, Values
from vst.search.pruning import Means
from vst.search.results import write_results
from vst.search.space import Setting, Space, reference
from vst.search.study import Trials, reason_of, storage_errors
from vst.search.workers import Outcome, Task, Workers, finished_outcome

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

    Finished trials of the folder's search are kept, and interrupted ones resumed. Trials may be pruned by
    `vst.search.pruning` after `prune_after` frames; 0 prunes none.
    """
    with locked(folder, "search", "-o"):
        # what a folder from elsewhere points to is not the search's to fill
        for name in (NAIVE, "trials", "experiment", "report", "study.db"):
            refuse_link(folder / name)
        trials = Trials(folder, space, seed, storage)
        with Workers(workers) as pool:
            naive, means = _reference(folder, space, pool)
            _try_all(folder, space, trials, trials.plan(total), pool, means, prune_after)
        report = write_results(folder, space, trials, naive)
        _check_all_done(folder, trials, report)
    return report


@contextmanager
def reporting_search_errors() -> Generator[None]:
    """Exit with one sentence and a status where a command that searches fails, or is ended by a signal."""
    with reporting_errors():
        try:
            with interruptible():
                yield
        except Interrupted as interrupted:
            exit_with(f"ended by {interrupted}; the same command resumes it", interrupted.status)
        except (VstError, OSError):
            raise
        except storage_errors() as lost:
            exit_with(
                f"the storage is not available ({reason_of(lost)}); the same command resumes once it is", 1
            )


def _reference(folder: Path, space: Space, pool: Workers) -> tuple[Values, Means]:
    """The objectives of the naive model, painted once, and their running means.

    The limits of the losses are relative to them.
    """
    directory, overrides = folder / NAIVE, reference(space.fixed)
    if is_done(directory, resolve(with_run_directory(composed(overrides)))):
        outcome = finished_outcome(directory)
    else:
        pool.start(Task(NAIVE, directory, overrides))
        _, outcome = pool.next()
    if outcome.values is None:
        error = VstError(f"the reference, the naive model, cannot be painted: {outcome.reason}")
        error.status = outcome.exit_status
        raise error
    say(f"reference  naive: {_described(outcome)}")
    return outcome.values, outcome.means


def _try_all(
    folder: Path, space: Space, trials: Trials, total: int, pool: Workers, reference: Means, prune_after: int
) -> None:
    unfinished = trials.unfinished()
    while True:
        while pool.idle and (unfinished or trials.begun() < total):
            number, setting = unfinished.pop(0) if unfinished else trials.ask()
            rivals = trials.finished_means() if prune_after else []
            directory = folder / "trials" / f"{number:03d}"
            refuse_link(directory)
            pool.start(Task(str(number), directory, space.overrides(setting), reference, rivals, prune_after))
        if not pool.busy:
            return
        task, outcome = pool.next()
        number = int(task.name)
        if outcome.status != "interrupted":  # not because of its setting: the next call resumes it
            trials.tell(number, outcome)
        say(f"trial {number + 1}/{total}  {_named(trials.setting(number))}: {_described(outcome)}")


def _check_all_done(folder: Path, trials: Trials, report: str) -> None:
    """Print the report, and raise, where trials of this folder were interrupted or failed."""
    interrupted, failed = len(trials.unfinished()), len(trials.failed())
    if interrupted or failed:
        say(*report.splitlines())
        raise VstError(
            f"not all trials are finished: {interrupted} interrupted, {failed} failed; {folder / 'trials.csv'} lists "
            f"them, and the same command resumes the interrupted ones"
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
