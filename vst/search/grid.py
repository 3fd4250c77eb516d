"""Grids of runs: what a pair stands for, what a run's directory is called, and what is said at the end.

Hydra's part of it, which makes the list of runs and hands it to a launcher, is `hydra_plugins/vst_grid.py`.
"""

from __future__ import annotations

import hashlib
import re
import signal
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from vst.config import choices, quoted
from vst.errors import InputError, VstError, failure
from vst.runs.configuration import configuration_path
from vst.runs.settings import Settings
from vst.runs.signals import Interrupted
from vst.runs.state import is_done


@dataclass(frozen=True)
class Outcome:
    """How a run of a grid ended: well, or with a problem, in a sentence, and the exit status that goes with it."""

    problem: str | None = None
    status: int = 0


@dataclass(frozen=True)
class Job:
    """A run of a grid: its directory below the grid's, its options, and what they come to.

    `settings` is an `Outcome` where the options are refused.
    """

    directory: Path
    overrides: list[str]
    settings: Settings | Outcome

    @property
    def name(self) -> str:
        """The run's name, which is its directory's."""
        return self.directory.name

    def standing(self) -> Outcome | None:
        """How the run ended, if there is nothing to do: refused by its options or its directory, or done."""
        if isinstance(self.settings, Outcome):
            return self.settings
        try:
            return Outcome() if is_done(self.directory, self.settings) else None
        except InputError as error:
            return Outcome(str(error), error.status)


def pair_options(pair: str) -> list[str]:
    """The options that a pair `STYLE:VIDEO` stands for; each is a choice of its group, or a file."""
    colons = [place for place, character in enumerate(pair) if character == ":"]
    if not colons:
        raise InputError(f"pair={pair} is not a style and a video; write it as pair=STYLE:VIDEO")
    unknown = []
    for colon in colons:  # there may be more than one, for a file's name may have its own
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
    return [f"{group}=file", f"{group}.path={quoted(name)}"] if name and Path(name).exists() else []


def _built_in(group: str) -> list[str]:
    return [choice for choice in choices(group) if choice != "file"]


def run_name(chosen: Mapping[str, str], varied: Sequence[str]) -> str:
    """What a run's directory is called, by its model, style and video, and the options that the grid varies.

    It does not depend on the order or the size of the grid, so that a grid that has grown finds what is done.
    Where a value has characters that do not belong in a file's name, or is long, a digest of it stands after
    what is legible of it, so that other values have other names.
    """
    parts = [*chosen.values(), *(option for option in varied if option.partition("=")[0] not in chosen)]
    name = "-".join(_legible(part) for part in parts)
    # file systems count bytes
    coded = name.encode()
    return name if len(coded) <= 120 else f"{coded[:110].decode(errors='ignore')}~{_digest('-'.join(parts))}"


_ODD = re.compile(r"[^\w.+@-]+")
"""What does not belong in a file's name."""


def _legible(option: str) -> str:
    key, equals, value = option.partition("=") if "=" in option else ("", "", option)
    plain = _ODD.sub("_", value.strip("'\"").rpartition("/")[2])[-40:]
    return _ODD.sub("_", key) + equals + (plain if plain == value else f"{plain}~{_digest(value)}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


@contextmanager
def requeued_quietly() -> Generator[None]:
    """Let submitit put a job of SLURM's back in the queue when its time is up.

    SLURM accompanies that with a SIGTERM, which here is nobody's wish to end the run: answered as one, the job
    would hand in a result, and whoever waits for it would not wait for its second part.
    """
    asked = signal.getsignal(signal.SIGUSR2)
    put = False

    def put_back(number: int, frame: FrameType | None) -> None:
        nonlocal put
        put = True
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if callable(asked):
            asked(number, frame)

    signal.signal(signal.SIGUSR2, put_back)
    try:
        yield
    except Interrupted:
        if put:  # Lightning had put the handler back
            sys.exit(-1)
        raise
    finally:
        signal.signal(signal.SIGUSR2, asked)


def conclude(directory: Path, jobs: Sequence[Job], outcomes: Mapping[Path, Outcome]) -> None:
    """Say where each run is, or why it is not there, and set side by side on a page what there is."""
    print()
    for job in jobs:
        outcome = outcomes.get(job.directory, Outcome("it was not finished"))
        clip = job.directory / "stylized.mp4"
        print(f"not finished  {job.name}: {outcome.problem}" if outcome.problem else f"painted clip  {clip}")
    begun = [job.directory for job in jobs if configuration_path(job.directory).is_file()]
    if begun:
        _report(begun, directory / "report")


def _report(runs: Sequence[Path], folder: Path) -> None:
    """Write the page; the runs stand without it, should it fail."""
    from vst.compare.report import write_report

    try:
        page = write_report(runs, folder)
    except (VstError, OSError) as error:
        sentence, _ = failure(error)
        print(f"vst: the page of these runs could not be written: {sentence}", file=sys.stderr)
    else:
        print(f"\nside by side  {page}")


def check_all_done(jobs: Sequence[Job], outcomes: Mapping[Path, Outcome], again: str) -> None:
    """Raise where not all runs are finished; `again` says how to resume the others."""
    failed = [job.name for job in jobs if outcomes.get(job.directory, Outcome("")).problem is not None]
    if failed:
        raise VstError(
            f"{len(failed)} of {len(jobs)} runs did not finish: {', '.join(failed)}; "
            f"correct what is said of them, and resume with {again}"
        )
