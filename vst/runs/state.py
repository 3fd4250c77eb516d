"""Whether the run in a directory is finished, and whether it may be resumed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from vst.errors import InputError
from vst.files import json_ready
from vst.runs.directory import checkpoint_path, clip_paths
from vst.runs.identity import first_difference, identity
from vst.runs.inputs import changed_inputs
from vst.runs.record import read_record
from vst.runs.settings import Settings


def is_finished(directory: Path) -> bool:
    """Whether the run in a directory has painted all of its frames."""
    record = read_record(directory)
    return record is not None and record.status == "finished"


def missing_clips(directory: Path, settings: Settings) -> list[Path]:
    """The painted clips of the finished run in a directory that are not there: removed, or of another codec."""
    writer = settings["callbacks"].get("video_writer")
    return [path for path in clip_paths(directory, writer["codec"]) if not path.is_file()] if writer else []


def is_done(directory: Path, settings: Settings) -> bool:
    """Whether a directory holds the finished run of these settings, with its clips.

    Raises `InputError` for one of other settings. It reads only the run's record, and does not need torch.
    """
    record = read_record(directory)
    if record is None or record.status != "finished":
        return False
    _refuse_change(directory, identity(record.provenance.config), identity(json_ready(settings)))
    _refuse_other_inputs(directory, record.provenance.inputs, settings)
    return not missing_clips(directory, settings)


def checkpoint_to_resume(directory: Path, settings: Settings, again: bool) -> Settings | None:
    """The checkpoint to resume from, if any.

    Raises `InputError` where there is a run that was not to be resumed, a run of other settings, or none to resume.
    """
    begun = checkpoint_path(directory).is_file()
    if again and not begun:
        return None
    if not again and settings["resume"] is None:
        if begun or is_finished(directory):
            raise InputError(
                f"{directory} holds a run already; resume it with {shlex.quote(f'resume={directory}')}, or name "
                f"another directory with hydra.run.dir"
            )
        return None
    if not begun:
        raise InputError(f"{directory} holds no run to resume; name a run directory with resume")
    # slow to import, and the refusals above should be immediate
    from vst.runs.callbacks.resume import load_checkpoint

    state = load_checkpoint(directory)
    _refuse_change(directory, state["config"], identity(settings))
    _refuse_other_inputs(directory, state.get("inputs", {}), settings)
    return state


def _refuse_change(directory: Path, before: Settings, now: Settings) -> None:
    if changed := first_difference(before, now):
        raise InputError(
            f"the run in {directory} was configured with another {changed}; resume it with its original options and "
            f"the original defaults in conf/, or begin a new run in another directory"
        )


def _refuse_other_inputs(directory: Path, before: Mapping[str, str], settings: Settings) -> None:
    """Raise an `InputError` where an input file is another one than before, under the same name."""
    if changed := changed_inputs(before, settings):
        raise InputError(
            f"what {changed[0]} names has changed since the run in {directory} began; restore it, or begin a "
            f"new run in another directory"
        )
