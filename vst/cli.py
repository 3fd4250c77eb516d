"""The command line: Hydra's, with errors of one sentence and runs that can be taken up again."""

from __future__ import annotations

import difflib
import errno
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from vst.config import Config, conf_dir, register_schema
from vst.errors import InputError, VstError, leave


def main() -> None:
    """Run `vst`, and exit: 0 done, 1 failed on the way, 2 wrong input, 128 + n ended by signal n."""
    # Hydra would print a page and exit with 1; with this it raises, and the sentence is ours
    os.environ["HYDRA_FULL_ERROR"] = "1"
    import hydra
    from hydra.errors import HydraException

    from vst.run import Interrupted

    register_schema()
    try:
        sys.argv[1:] = _with_stored_overrides(sys.argv[1:])
        hydra.main(version_base="1.3", config_path=str(conf_dir().resolve()), config_name="config")(_job)()
    except Interrupted as interrupted:
        go_on = (
            f"; go on with resume={interrupted.directory}" if interrupted.directory else ", before it began"
        )
        leave(f"ended by {interrupted}{go_on}", interrupted.status)
    except KeyboardInterrupt:
        leave("ended by SIGINT, before it began", 130)
    except (HydraException, OmegaConfBaseException) as error:  # some of Hydra's are OSErrors as well
        leave(sentence_for(error), InputError.status)
    except (VstError, OSError) as error:
        leave(*_failure(error))
    finally:
        if len(_finished) > 1:
            print("\n" + "\n\n".join(_where(directory) for directory in _finished))
            _report(_finished)


def _report(directories: Sequence[Path]) -> None:
    """Set the runs of a multirun side by side on a page; the runs stand without it, should it fail."""
    from vst.report import write_report

    try:
        page = write_report(directories, Path(os.path.commonpath(directories)) / "report")
    except (VstError, OSError) as error:
        sentence, _ = _failure(error)
        print(f"vst: the page of these runs could not be made: {sentence}", file=sys.stderr)
    else:
        print(f"\nside by side  {page}")


def _failure(error: VstError | OSError) -> tuple[str, int]:
    """The sentence and the exit status for a failure that the user can act on."""
    if isinstance(error, VstError):
        return str(error), error.status
    reason = error.strerror or str(error)
    what = f"{error.filename}: {reason}" if error.filename else reason
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS):
        return (
            f"the run could not be written ({what}); free or mend the disk, and resume the run",
            InputError.status,
        )
    return f"{what}; name another file or directory, or mend this one", InputError.status


_finished: list[Path] = []
"""The directories of the runs of this process, in order."""


def _job(cfg: DictConfig) -> None:
    """One run of the command line, alone or as a job of a multirun."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from vst.run import run

    hydra_config = HydraConfig.get()
    several = hydra_config.mode == RunMode.MULTIRUN
    if several:
        print(f"\n{_job_name()}", file=sys.stderr)
    try:
        directory = run(cfg, list(hydra_config.overrides.task))
    except (VstError, OSError) as error:
        _remove_empty(Path(hydra_config.runtime.output_dir))
        sentence, status = _failure(error)
        if not several:
            leave(sentence, status)
        # Hydra goes on with the other jobs, and reports one failure of them all at the end
        print(f"vst: {_job_name()}: {sentence}", file=sys.stderr)
        raise
    _finished.append(directory)
    if not several:
        print(_where(directory))


def _remove_empty(directory: Path) -> None:
    """Take back the directories that Hydra made for a run that never began: its own, and dated ones above it."""
    made = Path.cwd() / "outputs", Path.cwd() / "multirun"
    for folder in (directory, *directory.parents):
        ours = folder == directory or any(folder == top or top in folder.parents for top in made)
        if not ours or not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()


def _job_name() -> str:
    from hydra.core.hydra_config import HydraConfig

    job = HydraConfig.get().job
    return f"job {job.num}: {job.override_dirname.replace(',', ' ')}"


def _where(directory: Path) -> str:
    return "\n".join(
        [
            f"painted clip  {directory / 'stylized.mp4'}",
            f"key frames    {directory / 'keyframes'}",
            f"residuals     {directory / 'keyframes'}",
            f"figures       {directory / 'metrics.json'}",
        ]
    )


def _with_stored_overrides(arguments: list[str]) -> list[str]:
    """For `resume=DIR`, put the options of the run in DIR before those given, and direct it there."""
    named = [argument.removeprefix("resume=") for argument in arguments if argument.startswith("resume=")]
    if not named or named[-1] in ("null", ""):
        return arguments
    directory = Path(named[-1].strip("'\""))
    stored = directory / ".hydra" / "overrides.yaml"
    if not stored.is_file():
        raise InputError(f"{directory} holds no run to go on with; name a run directory with resume")
    from omegaconf import OmegaConf

    # not resolved: an option that refers to another is to do so again
    lines = OmegaConf.to_container(OmegaConf.load(stored), resolve=False) or []
    kept = [str(line) for line in lines if not str(line).startswith(("resume=", "hydra."))]
    others = [argument for argument in arguments if not argument.startswith("resume=")]
    where = _quoted(directory)
    return [*kept, f"hydra.run.dir={where}", f"resume={where}", *others]


def _quoted(path: Path) -> str:
    """A path as Hydra reads it whatever is in its name."""
    escaped = str(path).replace("'", "\\'")
    return f"'{escaped}'"


def sentence_for(error: Exception) -> str:
    """One sentence for what Hydra or OmegaConf found wrong with the command line."""
    from hydra.errors import OverrideParseException

    text = str(error)
    if found := re.search(r"Could not find '(.+)/(.+?)'", text):
        group, choice = found.groups()
        return f"{group}={choice} is not known; choose one of: {', '.join(_choices(group))}"
    if found := re.search(r"Could not override '(.+?)'", text):
        option = found[1]
        return f"{option} is not an option{_did_you_mean(option)}; see python -m vst --help"
    if found := re.search(r"Error merging override (\S+?)=(.*)", text):
        option, value = found.groups()
        kind = {"Integer": "a whole number", "Float": "a number"}.get(
            _wanted_type(error), "of the right kind"
        )
        return f"{option}={value} is not {kind}; correct it"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if isinstance(error, OverrideParseException):
        hint = "put a value with commas, brackets or spaces in quotes, \"video.path='clip (1).mp4'\""
        return f"{error.override} cannot be understood; {hint}"
    return f"the command line cannot be understood: {lines[0]}; see python -m vst --help"


def _wanted_type(error: Exception) -> str:
    found = re.search(r"could not be converted to (\w+)", str(error.__cause__))
    return found[1] if found else ""


def _choices(group: str) -> Iterator[str]:
    return (file.stem for file in sorted((conf_dir() / group.split("@")[0]).glob("*.yaml")))


def _did_you_mean(option: str) -> str:
    groups = [folder.name for folder in conf_dir().iterdir() if folder.is_dir()]
    known = [*(item.name for item in fields(Config)), *groups]
    close = difflib.get_close_matches(option, known, n=1)
    return f", did you mean {close[0]}" if close else ""
