"""The command line: Hydra's, with one-sentence errors and runs that can be resumed."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from multiprocessing import parent_process
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vst.commandline import exit_with, say
from vst.composing import STUMBLES, composed, composing, hydras_stumble, message_for, with_home
from vst.config import conf_dir, register_schema
from vst.errors import InputError, VstError, failure
from vst.runs.configuration import stored_overrides, with_stored_overrides
from vst.runs.directory import remove_empty, remove_if_empty
from vst.runs.loggers.offline import how_to_send
from vst.runs.record import record_path

if TYPE_CHECKING:
    from hydra.conf import HydraConf

    from vst.search.grid import Outcome


def main() -> None:
    """Run `vst`, and exit: 0 success, 1 failure during the run, 2 wrong input, 128 + n ended by signal n."""
    # without this, Hydra prints a long message and exits with 1; with it, Hydra raises, and we print one sentence
    os.environ["HYDRA_FULL_ERROR"] = "1"
    import hydra
    from hydra.errors import HydraException

    from vst.runs.signals import Interrupted

    register_schema()
    try:
        given = with_stored_overrides(_multirun_first(sys.argv[1:]), stored_overrides)
        sys.argv[1:] = with_home(_with_shots(_with_pairs(given)))
        if not any(argument.startswith("-") for argument in sys.argv[1:]):
            composed(sys.argv[1:])  # Hydra itself would not say what is wrong with some of them
        hydra.main(version_base="1.3", config_path=str(conf_dir().resolve()), config_name="config")(_job)()
    except Interrupted as interrupted:
        resume = f"; resume with {interrupted.resume_with}" if interrupted.resume_with else " before it began"
        exit_with(f"ended by {interrupted}{resume}", interrupted.status)
    except KeyboardInterrupt:
        exit_with("ended by SIGINT before it began", 130)
    except (HydraException, OmegaConfBaseException) as error:  # first: some are OSErrors too
        exit_with(message_for(error), InputError.status)
    except (VstError, OSError) as error:
        exit_with(*failure(error))
    except STUMBLES as error:
        if (message := hydras_stumble(error, sys.argv[1:])) is None:
            raise
        remove_empty()
        exit_with(message, InputError.status)


def _job(cfg: DictConfig) -> Outcome | None:
    """Run one job of the command line: a single run, or one run of a grid."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from vst.runs.run import run
    from vst.runs.signals import Interrupted

    hydra_config = HydraConfig.get()
    # relative paths are those of the command line, with hydra.job.chdir too
    os.chdir(hydra_config.runtime.cwd)
    if hydra_config.mode == RunMode.MULTIRUN:
        return _job_of_grid(cfg, hydra_config)
    try:
        with composing():
            sweeper = hydra_config.sweeper or {}
            pairs, shots = sweeper.get("pairs"), sweeper.get("shots")
        if pairs:
            raise InputError("pair is only for a grid of runs; add -m, or give style and video instead")
        if shots:
            raise InputError("shots=all is only for a grid of runs, one a shot; add -m")
        say(*_results(run(cfg, _overrides(hydra_config))))
    except Interrupted as interrupted:
        if interrupted.resume_with and (folder := _config_dir(sys.argv[1:])):
            interrupted.resume_with = f"{folder} {interrupted.resume_with}"
        raise
    except (VstError, OSError) as error:
        remove_if_empty(Path(hydra_config.runtime.output_dir))
        exit_with(*failure(error))
    return None


def _config_dir(arguments: Sequence[str]) -> str:
    """The option that names a folder of configurations, which an experiment may be from; empty where none is given."""
    for place, argument in enumerate(arguments):
        name, equals, folder = argument.partition("=")
        if name in ("--config-dir", "-cd"):
            return shlex.join(["--config-dir", folder if equals else arguments[place + 1]])
    return ""


_ended = False
"""Whether a signal has ended a run in this process, a joblib worker, which must then not begin another run."""


def _job_of_grid(cfg: DictConfig, hydra_config: HydraConf) -> Outcome:
    """One run of a grid, in this process or in one that a launcher started. The other runs continue if it fails."""
    global _ended
    from vst.runs.run import run
    from vst.runs.signals import Interrupted, end_with_parent, interruptible
    from vst.search.grid import Outcome, ignoring_sigterm_on_requeue, label_of, outcome_of

    directory = Path(hydra_config.runtime.output_dir)
    launcher = hydra_config.launcher._target_.rpartition(".")[2]
    alone = launcher == "BasicLauncher"
    if launcher == "JoblibLauncher" and (parent := parent_process()) and parent.pid:
        end_with_parent(parent.pid)
    if _ended:
        return Outcome("it was not started", 128 + signal.SIGTERM)
    if alone:
        say("", label_of(directory), to=sys.stderr)
    elif cfg.callbacks.get("progress"):
        # progress bars of concurrent runs would overwrite each other
        OmegaConf.update(cfg, "callbacks.progress.name", label_of(directory), force_add=True)
    try:
        with interruptible(), ignoring_sigterm_on_requeue() if launcher == "SlurmLauncher" else nullcontext():
            return outcome_of(directory, lambda: run(cfg, _overrides(hydra_config), again=True))
    except Interrupted as interrupted:
        if alone:
            raise
        _ended = True
        return Outcome(f"ended by {interrupted}", interrupted.status)


def _overrides(hydra_config: HydraConf) -> list[str]:
    """The options of a job, with the values that they refer to; raises `InputError` where there is none."""
    with composing():
        return list(hydra_config.overrides.task)


def _results(directory: Path) -> list[str]:
    return [
        *(f"painted clip  {path}" for path in sorted(directory.glob("stylized.*"))),
        f"key frames    {directory / 'keyframes'}",
        f"residuals     {directory / 'keyframes'}",
        f"figures       {record_path(directory)}",
        *how_to_send(directory),
    ]


def _multirun_first(arguments: list[str]) -> list[str]:
    """Move `-m` to the front: between options, Hydra would not understand those behind it."""
    flags = [argument for argument in arguments if argument in ("-m", "--multirun")]
    return [*flags, *(argument for argument in arguments if argument not in flags)]


def _with_shots(arguments: list[str]) -> list[str]:
    """Turn `shots=all` into an option of the sweeper."""
    for argument in arguments:
        if argument.startswith("shots=") and argument != "shots=all":
            raise InputError(f"{argument} is not known; write shots=all, or leave it out")
    return ["hydra.sweeper.shots=true" if argument == "shots=all" else argument for argument in arguments]


def _with_pairs(arguments: list[str]) -> list[str]:
    """Turn `pair=A,B,…` into an option of the sweeper; Hydra parses the quotes in it."""
    if "pair=" in arguments:
        raise InputError("pair is empty; write it as pair=STYLE:VIDEO")
    if sum(argument.startswith("pair=") for argument in arguments) > 1:
        raise InputError(
            "pair is given twice; give it once, with commas between the pairs: pair=STYLE:VIDEO,STYLE:VIDEO"
        )
    return [
        f"hydra.sweeper.pairs=[{argument.removeprefix('pair=')}]"
        if argument.startswith("pair=")
        else argument
        for argument in arguments
    ]
