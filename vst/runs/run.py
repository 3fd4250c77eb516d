"""Paints one run: from its configuration to its directory."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from vst.commandline import say
from vst.errors import ClipBroke, InputError, Pruned, memory_for
from vst.frames import ClipInfo
from vst.runs.configuration import write_configuration
from vst.runs.directory import checkpoint_path, locked, make_own
from vst.runs.identity import identity
from vst.runs.lanes import frames_at_once
from vst.runs.parts import Parts, build_clip, build_parts
from vst.runs.provenance import provenance_of
from vst.runs.record import Record, write_record
from vst.runs.settings import Settings, resolve
from vst.runs.signals import Interrupted, interruptible
from vst.runs.state import checkpoint_to_resume, is_done, is_finished, missing_clips
from vst.runs.threads import limit_threads
from vst.runs.trainer import make_trainer, quiet

if TYPE_CHECKING:
    from pytorch_lightning import Callback, Trainer

    from vst.optim import Minimise


def run(
    cfg: DictConfig,
    overrides: Sequence[str] = (),
    again: bool = False,
    callbacks: Mapping[str, Callback] | None = None,
    as_lane: Callable[[Minimise], Minimise] | None = None,
) -> Path:
    """Paint a clip as configured, and return the run's directory.

    The configuration and the files that it names are checked before anything is written. `overrides` are the
    options of the command line, which are stored. With `again`, a run of the same configuration that the directory
    already holds is resumed. `callbacks`, by name, come after those of the configuration; they belong to the caller,
    and are not restored when the run is resumed. `as_lane` makes the run's optimisation one lane of several runs'
    (`vst.painting.together`).
    """
    settings = resolve(cfg)
    directory = Path(settings["paths"]["run"])
    beginning = partial(memory_for, "this clip and painting", "give a smaller video.size or style.size")
    with beginning():
        clip = build_clip(settings)
    with interruptible(), locked(directory, "run", "hydra.run.dir"):
        if again and is_done(directory, settings):
            return directory
        state = checkpoint_to_resume(directory, settings, again)
        if is_finished(directory):
            _remove_stores(directory)  # the run may have been killed before it did
            say(f"{directory} is finished already")
            _restore_clips(directory, settings, clip.info, state)
            return directory
        make_own(directory)
        limit_threads()
        with beginning():
            parts = build_parts(settings, clip, callbacks or {})
            if as_lane is not None:
                parts.module.minimise = as_lane(parts.module.minimise)
            trainer = _begin(settings, parts, state, alone=as_lane is None)
        with ExitStack() as begun:  # where one cannot begin, those before it end
            for logger in parts.loggers:
                logger.describe(settings["model"], parts.style, parts.clip.info.name, settings)
                logger.begin()
                begun.callback(logger.finish, failed=True)
            write_configuration(directory, cfg, overrides, settings)
            begun.pop_all()
        try:
            _paint(directory, settings, parts, trainer)
        except Interrupted as interrupted:
            begun = checkpoint_path(directory).is_file()
            interrupted.resume_with = shlex.quote(f"resume={directory}") if begun else None
            raise
        _remove_stores(directory)
    return directory


def _restore_clips(directory: Path, settings: Settings, info: ClipInfo, state: Settings | None) -> None:
    """Write the painted clips of a finished run that are missing; its frames are there, or it is said which is not."""
    if not (missing := missing_clips(directory, settings)):
        return
    if state is None:
        raise InputError(
            f"{missing[0]} is missing, and cannot be written again without {checkpoint_path(directory)}; restore one "
            f"of them, or begin a new run in another directory"
        )
    from vst.runs.callbacks.resume import restore_clips
    from vst.runs.callbacks.video_writer import VideoWriter

    restore_clips(state, VideoWriter(str(directory), settings["callbacks"]["video_writer"]["codec"]), info)


def _begin(settings: Settings, parts: Parts, state: Settings | None, alone: bool) -> Trainer:
    """Make the trainer, and restore the state of the checkpoint if there is one.

    A run that is `alone` paints as many frames at once as it may, and one that is a lane of several one.
    """
    from vst.features.tiles import WHOLE
    from vst.runs.callbacks.resume import restore

    if "resume" in parts.callbacks:
        parts.callbacks["resume"].config = identity(settings)
        parts.callbacks["resume"].inputs = parts.inputs
    remaining = settings["passes"] - (state["pass"] if state else 0)
    trainer = make_trainer(settings, remaining, list(parts.callbacks.values()), parts.loggers)
    device, info = trainer.strategy.root_device, parts.clip.info
    if device.type == "cpu" and info.width * info.height > WHOLE:
        # the motion of the next frame of 4K took 2 GB beside the painting, and is ready in a minute
        parts.data.frames_ahead = 0
    if alone:
        parts.module.lanes = frames_at_once(settings, parts.module, info, device)
        if parts.data.frames_ahead:
            parts.data.frames_ahead = max(parts.data.frames_ahead, parts.module.lanes)
    if state is not None:
        restore(state, trainer, parts.module, parts.data)
    return trainer


def _paint(directory: Path, settings: Settings, parts: Parts, trainer: Trainer) -> None:
    """Paint, and write the record however the run ends."""
    status, info = "failed", parts.clip.info
    frames = f"frames of {info.width}x{info.height} pixels"
    more = "resume the run with more tiles, such as tiles=16, or paint a smaller video.size"
    try:
        with memory_for(frames, more), quiet(), closing(parts):
            trainer.fit(parts.module, datamodule=parts.data)
        info = parts.clip.info
        if info.fault:  # known before, but all that is there is painted first, in all passes
            raise ClipBroke(info.name, info.start + info.frames, info.fault)
        status = "finished"
    except (Interrupted, SystemExit):  # SystemExit where a SLURM job is put back in its queue
        status = "interrupted"
        raise
    except ClipBroke:
        status = "broken"
        raise
    except Pruned:
        status = "pruned"
        raise
    finally:
        metrics = parts.callbacks.get("metrics")
        with ExitStack() as ends:  # each logger is told, though another fails
            for logger in parts.loggers:
                ends.callback(logger.finish, failed=status not in ("finished", "pruned"))
            summary = metrics.summary() if metrics else {}
            for logger in parts.loggers:
                ends.callback(logger.log_summary, summary)
        # last: a run that is recorded as finished is not resumed, and so could not send the rest of its figures
        write_record(directory, Record(status, summary, provenance_of(settings, parts, trainer)))
    if not_finished := summary.get("frames_not_finished"):
        say(
            f"the loss was not a number at times in {not_finished} optimisations, whose frames are painted as far as "
            f"it was (outcome in metrics.csv); lower alpha, beta and eta",
            to=sys.stderr,
        )


def _remove_stores(directory: Path) -> None:
    """Remove what only a run that goes on needs; the record must say already that this one does not."""
    for folder in ("paintings", "content", "flow", "history"):
        shutil.rmtree(directory / "checkpoints" / folder, ignore_errors=True)
