"""The sweeper of `python -m vst -m`: Hydra's basic one, which also skips finished runs, with any launcher.

Hydra looks for sweepers only in this package.
"""

from __future__ import annotations

import multiprocessing
import os
import shlex
import signal
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from vst.commandline import say
from vst.composing import check_choices, composing
from vst.config import quoted
from vst.errors import InputError
from vst.files import write_text
from vst.runs.directory import about_to_make, remove_if_empty
from vst.runs.settings import resolve
from vst.runs.signals import Interrupted, interruptible
from vst.runs.threads import divide_cores
from vst.search.grid import Job, Outcome, check_all_done, pair_options, report_outcomes, run_name
from vst.search.lanes import differ_in_tf32, fitting, paint_in_lanes
from vst.search.shots import Whole, divided, joined


class GridSweeper(BasicSweeper):
    """Paints every combination of the values given, and of the pairs of a style and a video.

    A run's directory is named by its options, not by its number. Finished runs are not launched again, and runs
    whose options are wrong are refused before any other begins. With `shots`, each shot of a run's clip is a run of its
    own, and they are joined once all are finished.
    """

    def __init__(self, pairs: Sequence[str] = (), shots: bool = False, params: dict[str, str] | None = None):
        super().__init__(max_batch_size=None, params=params)
        self.pairs = list(pairs)
        self.shots = shots

    def sweep(self, arguments: list[str]) -> None:
        """Launch the runs that are not finished, and print at the end how each run ended."""
        assert self.config is not None
        directory = Path(str(self.config.hydra.sweep.dir))
        jobs = self._jobs(arguments, directory)
        outcomes = {job.directory: outcome for job in jobs if (outcome := job.known_outcome())}
        if all(outcomes.get(job.directory, Outcome()).problem for job in jobs):
            raise InputError("; ".join(dict.fromkeys(str(outcome.problem) for outcome in outcomes.values())))
        remaining = [job for job in jobs if job.directory not in outcomes]
        wholes = [self._divided(job) for job in remaining] if self.shots else []
        if wholes:
            remaining = [shot for whole in wholes for shot in whole.shots]
            outcomes |= {job.directory: known for job in remaining if (known := job.known_outcome())}
            remaining = [job for job in remaining if job.directory not in outcomes]
        lanes = self._lanes(remaining)
        refused = sum(outcome.problem is not None for outcome in outcomes.values())
        say(
            f"{len(jobs)} runs in {directory}: {len(outcomes) - refused} finished already, {refused} refused, "
            f"{len(remaining)} to paint" + (f", which are shots of {len(wholes)}" if wholes else ""),
            to=sys.stderr,
        )
        for job in remaining:
            about_to_make(job.directory)
        write_text(directory / "multirun.yaml", OmegaConf.to_yaml(self.config))
        named = any(option.startswith("hydra.sweep.dir=") for option in self.config.hydra.overrides.hydra)
        resume_with = "the same command" + (
            "" if named else f" and {shlex.quote(f'hydra.sweep.dir={directory}')}"
        )
        try:
            if remaining:
                outcomes |= self._paint_in_lanes(remaining, lanes) if lanes > 1 else self._launch(remaining)
        except Interrupted as interrupted:
            if self._kind in ("LocalLauncher", "SlurmLauncher"):
                resume_with = f"{resume_with} when its jobs, which continue by themselves, are done"
            interrupted.resume_with = resume_with
            raise
        finally:
            # if the grid was interrupted, the launcher did not return the runs that it had finished
            missing = [job for job in remaining if job.directory not in outcomes]
            outcomes |= {job.directory: outcome for job in missing if (outcome := job.known_outcome())}
            outcomes |= {whole.job.directory: joined(whole, outcomes) for whole in wholes}
            for job in remaining:
                remove_if_empty(job.directory)
            report_outcomes(directory, jobs, outcomes)
        check_all_done(jobs, outcomes, resume_with)

    def _divided(self, job: Job) -> Whole:
        assert not isinstance(job.settings, Outcome)
        return divided(job, self._configuration(job), self._job_at)

    def _configuration(self, job: Job) -> DictConfig:
        """A run's configuration, as its process would have it."""
        assert self.config is not None
        assert self.hydra_context is not None
        cfg = self.hydra_context.config_loader.load_sweep_config(self.config, job.overrides)
        return _without_hydra(cfg, job.directory)

    @property
    def _kind(self) -> str:
        """The name of the launcher's class. Hydra imports plugins afresh, so that their classes cannot be compared."""
        assert self.config is not None
        return self.config.hydra.launcher._target_.rpartition(".")[2]

    def _jobs(self, arguments: list[str], directory: Path) -> list[Job]:
        """The grid's runs, without duplicates."""
        assert self.hydra_context is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        overrides = parser.parse_overrides([*self._parse_config(), *arguments])
        given = {str(override.key_or_group) for override in overrides}
        if self.pairs and (twice := given & {"style", "video"}):
            raise InputError(
                f"{min(twice)} is given as well as pair, which already names it; drop one of them"
            )
        varied = {override.get_key_element() for override in overrides if override.is_sweep_override()}
        [products] = self.split_arguments(overrides, None)
        jobs: dict[Path, Job] = {}
        for pair in [pair_options(pair) for pair in self.pairs] or [[]]:
            for options in products:
                swept = [option for option in options if option.partition("=")[0] in varied]
                job = self._job([*pair, *options], [*pair, *swept], directory)
                jobs.setdefault(job.directory, job)
        return list(jobs.values())

    def _job(self, options: list[str], varied: list[str], directory: Path) -> Job:
        assert self.config is not None
        assert self.hydra_context is not None
        check_choices(options)
        with composing():
            cfg = self.hydra_context.config_loader.load_sweep_config(self.config, options)
        run_directory = directory / run_name(
            {group: str(cfg.hydra.runtime.choices[group]) for group in ("model", "style", "video")}, varied
        )
        return self._job_at([*options, f"hydra.sweep.subdir={quoted(run_directory.name)}"], run_directory)

    def _job_at(self, overrides: list[str], directory: Path) -> Job:
        assert self.config is not None
        assert self.hydra_context is not None
        cfg = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        return Job(directory, overrides, _settings(cfg, directory))

    def _launch(self, jobs: Sequence[Job]) -> dict[Path, Outcome]:
        assert self.launcher is not None
        assert self.config is not None
        kind = self._kind
        if kind == "JoblibLauncher":
            divide_cores(min(_concurrent_jobs(self.config.hydra.launcher.n_jobs), len(jobs)))
        elif kind == "LocalLauncher":  # starts all jobs at once
            divide_cores(len(jobs))
        if kind in ("LocalLauncher", "SlurmLauncher"):
            say(f"the output of each job is in {self.config.hydra.sweep.dir}/.submitit", to=sys.stderr)
        logs = Path(str(self.config.hydra.sweep.dir)) / ".submitit"
        earlier = set(logs.glob("*"))
        try:
            with _signals_forwarded() if kind == "JoblibLauncher" else interruptible():
                returns = self.launcher.launch([job.overrides for job in jobs], initial_job_idx=0)
                return {job.directory: done.return_value for job, done in zip(jobs, returns, strict=True)}
        except Exception as error:
            if kind == "BasicLauncher":
                raise
            # a job that was killed returns nothing, and the launchers raise at the first such job
            say(f"vst: a job was killed or crashed: {_last_line(error)}", to=sys.stderr)
            with interruptible():
                if kind in ("LocalLauncher", "SlurmLauncher"):
                    _wait_for(set(logs.glob("*")) - earlier, kind)
            return {
                job.directory: job.known_outcome() or Outcome("its job ended before the run was finished")
                for job in jobs
            }

    def _lanes(self, jobs: Sequence[Job]) -> int:
        """How many runs are painted at once in this process, as lanes of one optimisation."""
        asked = {job.settings["lanes"] for job in jobs if not isinstance(job.settings, Outcome)}
        if asked == {None} and self._kind == "BasicLauncher":
            return fitting(jobs)
        asked -= {None, 1}
        if not asked:
            return 1
        if len(asked) > 1:
            raise InputError(f"lanes has the values {sorted(asked)} in one grid; give one")
        if self._kind != "BasicLauncher":
            raise InputError(
                f"lanes={min(asked)} paints runs at once in one process, and hydra/launcher starts others; drop "
                f"one of them"
            )
        if differ_in_tf32(jobs):
            raise InputError(
                f"lanes={min(asked)} paints runs at once in one process, which computes all in tf32 or none; give one "
                f"backbone.precision, or drop lanes"
            )
        return min(asked)

    def _paint_in_lanes(self, jobs: Sequence[Job], lanes: int) -> dict[Path, Outcome]:
        configurations = {job.directory: self._configuration(job) for job in jobs}
        return paint_in_lanes(jobs, configurations, lanes)


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _wait_for(folders: set[Path], kind: str) -> None:
    """Wait for the submitit jobs of these folders, which are named by the job's number, or its process's."""
    from submitit import SlurmJob

    for folder in folders:
        if not any(folder.glob("*_submitted.pkl")):
            continue
        if kind == "SlurmLauncher":
            SlurmJob(folder=folder.parent / "%j", job_id=folder.name).wait()
        else:
            with suppress(ChildProcessError):  # it has ended, and was waited for already
                os.waitpid(int(folder.name), 0)


def _concurrent_jobs(requested: int) -> int:
    """How many jobs joblib runs at a time for this value of `n_jobs`."""
    from joblib import effective_n_jobs

    try:
        return effective_n_jobs(requested)
    except ValueError as error:
        raise InputError(
            f"hydra.launcher.n_jobs={requested} is not a number of jobs; give 1 or more, or -1 for one per core"
        ) from error


def _settings(cfg: DictConfig, directory: Path) -> dict[str, Any] | Outcome:
    """A run's resolved settings, or why its options are refused."""
    try:
        return resolve(_without_hydra(cfg, directory))
    except InputError as error:
        return Outcome(str(error), error.status)


def _without_hydra(cfg: DictConfig, directory: Path) -> DictConfig:
    """A run's own part of the configuration, with its directory, which otherwise only a job of Hydra's sets."""
    with open_dict(cfg):
        del cfg["hydra"]
        cfg.paths.run = str(directory)
    return cfg


@contextmanager
def _signals_forwarded() -> Generator[None]:
    """Forward the first SIGTERM or SIGINT to joblib's workers, and wait until they have cleaned up."""
    received: list[int] = []

    def forward(number: int, frame: FrameType | None) -> None:
        if received:
            raise Interrupted(number)
        received.append(number)
        for worker in multiprocessing.active_children():
            worker.terminate()

    before = {number: signal.signal(number, forward) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except Exception:
        if not received:  # otherwise a worker was terminated before it had its handler, and joblib lost it
            raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise Interrupted(received[0])
