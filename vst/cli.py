"""The command line: Hydra's, with errors of one sentence and runs that can be resumed."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vst.commandline import leave
from vst.composing import sentence_for
from vst.config import conf_dir, quoted, register_schema
from vst.errors import InputError, VstError, failure
from vst.runs.configuration import stored_overrides
from vst.runs.record import record_path

if TYPE_CHECKING:
    from hydra.conf import HydraConf

    from vst.search.grid import Outcome


def main() -> None:
    """Run `vst`, and exit: 0 done, 1 failed on the way, 2 wrong input, 128 + n ended by signal n."""
    # Hydra would print a page and exit with 1; with this it raises, and the sentence is ours
    os.environ["HYDRA_FULL_ERROR"] = "1"
    import hydra
    from hydra.errors import HydraException

    from vst.runs.signals import Interrupted

    register_schema()
    try:
        sys.argv[1:] = _with_pairs(_with_stored_overrides(sys.argv[1:]))
        hydra.main(version_base="1.3", config_path=str(conf_dir().resolve()), config_name="config")(_job)()
    except Interrupted as interrupted:
        go_on = f"; resume with {interrupted.go_on}" if interrupted.go_on else ", before it began"
        leave(f"ended by {interrupted}{go_on}", interrupted.status)
    except KeyboardInterrupt:
        leave("ended by SIGINT, before it began", 130)
    except (HydraException, OmegaConfBaseException) as error:  # some of Hydra's are OSErrors as well
        leave(sentence_for(error), InputError.status)
    except (VstError, OSError) as error:
        leave(*failure(error))


def _job(cfg: DictConfig) -> Outcome | None:
    """One run of the command line, alone or as a job of a grid."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from vst.runs.run import run

    hydra_config = HydraConfig.get()
    if hydra_config.mode == RunMode.MULTIRUN:
        return _job_of_grid(cfg, hydra_config)
    try:
        if hydra_config.sweeper.get("pairs"):
            raise InputError("pair is for a grid of runs; add -m, or give style and video")
        print(_where(run(cfg, list(hydra_config.overrides.task))))
    except (VstError, OSError) as error:
        _remove_empty(Path(hydra_config.runtime.output_dir))
        leave(*failure(error))
    return None


_ended = False
"""Whether a signal has ended a run in this process, one of joblib's workers; it is not to begin another."""


def _job_of_grid(cfg: DictConfig, hydra_config: HydraConf) -> Outcome:
    """One run of a grid, in this process or in one that a launcher started; if it fails, the others continue."""
    global _ended
    from vst.runs.run import run
    from vst.runs.signals import Interrupted, interruptible
    from vst.search.grid import Outcome, requeued_quietly

    directory = Path(hydra_config.runtime.output_dir)
    launcher = hydra_config.launcher._target_.rpartition(".")[2]
    alone = launcher == "BasicLauncher"
    if _ended:
        return Outcome("it was not begun", 128 + signal.SIGTERM)
    if alone:
        print(f"\n{directory.name}", file=sys.stderr)
    elif cfg.callbacks.get("progress"):
        # progress bars of concurrent runs would overwrite each other
        OmegaConf.update(cfg, "callbacks.progress.name", directory.name, force_add=True)
    try:
        with interruptible(), requeued_quietly() if launcher == "SlurmLauncher" else nullcontext():
            run(cfg, list(hydra_config.overrides.task), again=True)
    except Interrupted as interrupted:
        if alone:
            raise
        _ended = True
        return Outcome(f"ended by {interrupted}", interrupted.status)
    except (VstError, OSError) as error:
        _remove_empty(directory)
        outcome = Outcome(*failure(error))
    except Exception as error:
        traceback.print_exc()
        outcome = Outcome(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}", VstError.status)
    else:
        return Outcome()
    print(f"vst: {directory.name}: {outcome.problem}", file=sys.stderr)
    return outcome


def _remove_empty(directory: Path) -> None:
    """Take back the directories that Hydra made for a run that never began: its own, and dated ones above it."""
    made = Path.cwd() / "outputs", Path.cwd() / "multirun"
    for folder in (directory, *directory.parents):
        ours = folder == directory or any(folder == top or top in folder.parents for top in made)
        if not ours or not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()


def _where(directory: Path) -> str:
    return "\n".join(
        [
            f"painted clip  {directory / 'stylized.mp4'}",
            f"key frames    {directory / 'keyframes'}",
            f"residuals     {directory / 'keyframes'}",
            f"figures       {record_path(directory)}",
        ]
    )


def _with_stored_overrides(arguments: list[str]) -> list[str]:
    """For `resume=DIR`, put the options of the run in DIR before those given, and direct it there."""
    named = [argument.removeprefix("resume=") for argument in arguments if argument.startswith("resume=")]
    if not named or named[-1] in ("null", ""):
        return arguments
    directory = Path(named[-1].strip("'\""))
    others = [argument for argument in arguments if not argument.startswith("resume=")]
    where = quoted(directory)
    return [*stored_overrides(directory), f"hydra.run.dir={where}", f"resume={where}", *others]


def _with_pairs(arguments: list[str]) -> list[str]:
    """For `pair=A,B,…`, ask the sweeper for these pairs; Hydra itself reads what is quoted in them."""
    if "pair=" in arguments:
        raise InputError("pair is empty; write it as pair=STYLE:VIDEO")
    if sum(argument.startswith("pair=") for argument in arguments) > 1:
        raise InputError(
            "pair is given twice; write all pairs into one, with commas: pair=STYLE:VIDEO,STYLE:VIDEO"
        )
    return [
        f"hydra.sweeper.pairs=[{argument.removeprefix('pair=')}]"
        if argument.startswith("pair=")
        else argument
        for argument in arguments
    ]
