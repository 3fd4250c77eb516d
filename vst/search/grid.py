"""Grids of runs: the options of a pair, the names of run directories, and the report at the end.

The sweeper, which lists the runs and passes them to a launcher, is in `hydra_plugins/vst_grid.py`.
"""

from __future__ import annotations

import hashlib
import re
import signal
import sys
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from vst.commandline import say
from vst.config import choices, quoted
from vst.errors import InputError, VstError, failure
from vst.files import from_home, refuse_link
from vst.runs.configuration import configuration_path
from vst.runs.loggers.offline import how_to_send
from vst.runs.settings import Settings
from vst.runs.signals import Interrupted
from vst.runs.state import is_done


@dataclass(frozen=True)
class Outcome:
    """How a run of a grid ended: `problem` says in a sentence why it is not finished, with the exit status for it."""

    problem: str | None = None
    status: int = 0


@dataclass(frozen=True)
class Job:
    """A run of a grid: its directory below the grid's, its options, and the settings resolved from them.

    `settings` is an `Outcome` where the options are refused.
    """

    directory: Path
    overrides: list[str]
    settings: Settings | Outcome

    @property
    def name(self) -> str:
        """The run's name (`label_of`)."""
        return label_of(self.directory)

    def known_outcome(self) -> Outcome | None:
        """The outcome if the run is finished, or its options or directory are refused; None if it must be launched."""
        if isinstance(self.settings, Outcome):
            return self.settings
        try:
            refuse_link(self.directory)
            return Outcome() if is_done(self.directory, self.settings) else None
        except InputError as error:
            return Outcome(str(error), error.status)


def label_of(directory: Path) -> str:
    """How a run of a grid is called on the terminal: by its directory, and the run whose shot it is."""
    own, folder = directory.name, directory.parent
    return f"{folder.parent.name} shot {own}" if folder.name == "shots" else own


def pair_options(pair: str) -> list[str]:
    """The options of a pair `STYLE:VIDEO`, of which each part is a choice of its group, or a file."""
    colons = [place for place, character in enumerate(pair) if character == ":"]
    if not colons:
        raise InputError(f"pair={pair} is not a style and a video; write it as pair=STYLE:VIDEO")
    unknown = []
    for colon in colons:  # there may be several, since file names may contain colons
        named = {"style": pair[:colon], "video": pair[colon + 1 :]}
        options = {group: _options(group, name) for group, name in named.items()}
        if all(options.values()):
            return [*options["style"], *options["video"]]
        unknown += [group for group in named if not options[group]]
    group = unknown[0]
    raise InputError(
        f"pair={pair}: {named[group] or 'nothing'} is neither a file nor a {group}; "
        f"the choices are: {', '.join(_built_in(group))}"
    )


def _options(group: str, name: str) -> list[str]:
    if name in _built_in(group):
        return [f"{group}={name}"]
    file = from_home(name)
    return [f"{group}=file", f"{group}.path={quoted(file)}"] if name and Path(file).exists() else []


def _built_in(group: str) -> list[str]:
    return [choice for choice in choices(group) if choice != "file"]


def run_name(chosen: Mapping[str, str], varied: Sequence[str]) -> str:
    """The name of a run's directory, from its model, style and video, and the options that the grid varies.

    It does not depend on the order or the size of the grid, so that an extended grid finds its finished runs. Where a
    value is long, or has characters that are unsafe in file names, a digest of it follows its readable part, so that
    different values have different names.
    """
    parts = [*chosen.values(), *(option for option in varied if option.partition("=")[0] not in chosen)]
    name = "-".join(_name_part(part) for part in parts)
    # file systems count bytes
    encoded = name.encode()
    return (
        name if len(encoded) <= 120 else f"{encoded[:110].decode(errors='ignore')}~{_digest('-'.join(parts))}"
    )


_UNSAFE = re.compile(r"[^\w.+@-]+")
"""Characters that are unsafe in file names."""


def _name_part(option: str) -> str:
    key, equals, value = option.partition("=") if "=" in option else ("", "", option)
    readable = _UNSAFE.sub("_", value.strip("'\"").rpartition("/")[2])[-40:]
    return (
        _UNSAFE.sub("_", key) + equals + (readable if readable == value else f"{readable}~{_digest(value)}")
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:6]


def outcome_of(directory: Path, paint: Callable[[], object]) -> Outcome:
    """How the run in a directory ends, which is also said where it does not finish; a signal passes through."""
    try:
        paint()
    except (VstError, OSError) as error:
        outcome = Outcome(*failure(error))
    except Exception as error:
        traceback.print_exc()
        outcome = Outcome(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}", VstError.status)
    else:
        return Outcome()
    say(f"vst: {label_of(directory)}: {outcome.problem}", to=sys.stderr)
    return outcome


@contextmanager
def ignoring_sigterm_on_requeue() -> Generator[None]:
    """Let submitit put a SLURM job back in the queue when its time is up.

    SLURM then also sends SIGTERM, which must not end the run as a SIGTERM from the user does: the job would return a
    result, and submitit would not wait for the requeued part of the job.
    """
    requeue_handler = signal.getsignal(signal.SIGUSR2)
    requeued = False

    def requeue(number: int, frame: FrameType | None) -> None:
        nonlocal requeued
        requeued = True
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if callable(requeue_handler):
            requeue_handler(number, frame)

    signal.signal(signal.SIGUSR2, requeue)
    try:
        yield
    except Interrupted:
        if requeued:  # Lightning had restored the SIGTERM handler
            sys.exit(-1)
        raise
    finally:
        signal.signal(signal.SIGUSR2, requeue_handler)


def report_outcomes(directory: Path, jobs: Sequence[Job], outcomes: Mapping[Path, Outcome]) -> None:
    """Print where each run's clip is, or why the run is not finished, and write the report of all runs that began."""
    say("")
    for job in jobs:
        outcome = outcomes.get(job.directory, Outcome("it was not finished"))
        clip = job.directory / "stylized.mp4"
        say(f"not finished  {job.name}: {outcome.problem}" if outcome.problem else f"painted clip  {clip}")
    say(*how_to_send(directory))
    begun = [job.directory for job in jobs if configuration_path(job.directory).is_file()]
    if begun:
        _write_report(begun, directory)


def _write_report(runs: Sequence[Path], directory: Path) -> None:
    """Write the report into the grid's directory; a failure is only printed, since it does not affect the runs."""
    from vst.compare.find import default_output
    from vst.compare.report import write_report

    try:
        page = write_report(runs, default_output([directory], "report"))
    except (VstError, OSError) as error:
        message, _ = failure(error)
        say(f"vst: the report of these runs could not be written: {message}", to=sys.stderr)
    else:
        say("", f"side by side  {page}")


def check_all_done(jobs: Sequence[Job], outcomes: Mapping[Path, Outcome], resume_with: str) -> None:
    """Raise where not all runs are finished; `resume_with` says how to resume the others."""
    failed = [job.name for job in jobs if outcomes.get(job.directory, Outcome("")).problem is not None]
    if failed:
        raise VstError(
            f"{len(failed)} of {len(jobs)} runs did not finish: {', '.join(failed)}; "
            f"correct the problems listed above, and resume with {resume_with}"
        )
