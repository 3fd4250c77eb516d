from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from vst.errors import InputError
from vst.files import read_hashed, write_hashed
from vst.runs.callbacks.parts import data_of, stylizer_of
from vst.runs.callbacks.video_writer import VideoWriter
from vst.runs.directory import checkpoint_path
from vst.runs.moved import with_new_names

if TYPE_CHECKING:
    from vst.frames import ClipInfo
    from vst.painting.stylizer import VideoStylizer
    from vst.video.datamodule import ClipDataModule


class Resume(Checkpoint):
    """Writes checkpoints/last.ckpt: what a run needs to continue after the last frame that it painted.

    ```yaml
    resume:
      _target_: vst.runs.callbacks.resume.Resume
      directory: ${paths.run}/checkpoints
    ```
    It is written after every frame, while the next is painted, once all other output of the frame is on disk; being a
    `Checkpoint`, this callback comes after all others. Rows of an unfinished frame are beyond the table sizes that it
    stores.
    """

    def __init__(self, directory: str):
        self.path = checkpoint_path(Path(directory).parent)
        self.config: dict[str, Any] = {}
        """The run's configuration, which a run that resumes it must share."""
        self.inputs: dict[str, str] = {}
        """The hashes of its input files, which must be the same too."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write a first checkpoint, which marks the directory as this run's before any frame is painted."""
        data = data_of(trainer)
        state = self._state(trainer, pl_module, data.first_pass, data.first_position)
        self._save(trainer, state)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the checkpoint after a finished frame."""
        if not stylizer_of(pl_module).settled:
            # the rest of a group would be painted in another group after a kill here, and so be rounded otherwise
            return
        data = data_of(trainer)
        done = batch_idx + 1 + (data.first_position if data.pass_index == data.first_pass else 0)
        frames = data.clip.info.frames
        state = self._state(trainer, pl_module, data.pass_index + done // frames, done % frames)
        stylizer_of(pl_module).behind.submit(partial(self._save, trainer, state))

    def _state(
        self, trainer: Trainer, pl_module: LightningModule, pass_index: int, position: int
    ) -> dict[str, Any]:
        """The state of what goes on while it is written."""
        module = stylizer_of(pl_module)
        return {
            "config": self.config,
            "inputs": self.inputs,
            "precision": module.backbone.precision,
            "pass": pass_index,
            "position": position,
            "history": module.history.state_dict() if position else [],
            "anchor": module.anchor.state_dict() if position and module.anchor else {},
            "data": data_of(trainer).state_dict(),
        }

    def _save(self, trainer: Trainer, state: dict[str, Any]) -> None:
        # only now: the tables have the frame's rows
        state["parts"] = {type(part).__name__: part.state_dict() for part in parts_with_state(trainer)}
        content = BytesIO()  # where torch itself writes to a full disk, it does not say that it is full
        torch.save(state, content)
        write_hashed(self.path, content.getbuffer())


def load_checkpoint(run: Path) -> dict[str, Any]:
    """The checkpoint of the run in a directory; raises `InputError` where it cannot be read."""
    state = read_checkpoint(run)
    return {**state, "config": with_new_names(state["config"])}


def read_checkpoint(run: Path) -> dict[str, Any]:
    """The checkpoint in a directory as it was written, with a configuration; raises `InputError` as above."""
    path = checkpoint_path(run)
    try:
        state = torch.load(BytesIO(read_hashed(path)), map_location="cpu", weights_only=True)
        return {**state, "config": dict(state["config"])}
    except OSError as error:
        raise InputError(
            f"the checkpoint {path} cannot be read ({error.strerror}); correct that, or begin a new run"
        ) from error
    except Exception as error:  # on bad bytes torch's unpickler may raise anything, even KeyError
        raise InputError(
            f"the checkpoint {path} is damaged, or not one of a run; restore it, or begin a new run"
        ) from error


def restore(state: dict[str, Any], trainer: Trainer, module: VideoStylizer, data: ClipDataModule) -> None:
    """Restore a checkpoint's state into a run that is about to begin.

    Raises `InputError` where the state is not one of this run, or what it refers to is missing or damaged.
    """
    with _of_this_run():
        _restore(state, trainer, module, data)


def restore_clips(state: dict[str, Any], writer: VideoWriter, clip: ClipInfo) -> None:
    """Write the painted clips of a finished run that were removed since; raises as `restore` does."""
    with _of_this_run():
        times = {int(index): int(time) for index, time in state["data"]["times"].items()}
        writer.check(len(times), clip)
    writer.write_missing(clip, times)


@contextmanager
def _of_this_run() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{error.filename}, which the run needs to go on, cannot be read ({error.strerror}); restore it, or begin "
            f"a new run in another directory"
        ) from error
    # a checkpoint is data, and may hold anything
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            "the checkpoint does not fit its run; begin a new run in another directory"
        ) from error


def _restore(state: dict[str, Any], trainer: Trainer, module: VideoStylizer, data: ClipDataModule) -> None:
    data.first_pass, data.first_position = state["pass"], state["position"]
    data.load_state_dict(state["data"])
    if precision := state.get("precision"):
        module.backbone.choose_precision(module.device, precision)
    module.history.load_state_dict(state["history"])
    if module.anchor is not None:
        module.anchor.load_state_dict(state["anchor"])
    for part in parts_with_state(trainer):
        if stored := state["parts"].get(type(part).__name__):
            part.load_state_dict(stored)
    for part in cast(Any, trainer).callbacks:
        if isinstance(part, VideoWriter):
            info = data.clip.info
            part.check(info.frames if data.first_pass else data.first_position, info)


def parts_with_state(trainer: Trainer) -> list[Any]:
    """The callbacks and loggers that have a state."""
    parts = [*cast(Any, trainer).callbacks, *trainer.loggers]
    return [part for part in parts if hasattr(part, "state_dict")]
