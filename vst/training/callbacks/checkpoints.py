from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint

from vst.bounds import Count
from vst.errors import InputError
from vst.files import write_hashed
from vst.runs.callbacks.resume import parts_with_state
from vst.runs.directory import checkpoint_path
from vst.training.callbacks.parts import is_due, training_of
from vst.training.module import NetworkTraining


class Checkpoints(Checkpoint):
    """Writes checkpoints/last.ckpt every so many steps: what a training needs to go on.

    ```yaml
    resume:
      _target_: vst.training.callbacks.checkpoints.Checkpoints
      directory: ${paths.run}/checkpoints
      interval: 50
    ```
    """

    def __init__(self, directory: str, interval: Count = 50):
        self.path = checkpoint_path(Path(directory).parent)
        self.interval = interval
        self.config: dict[str, Any] = {}
        """The training's configuration, which one that resumes it must share."""
        self.inputs: dict[str, str] = {}
        """The hashes of its input files, which must be the same too."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write a first checkpoint, which marks the directory as this training's."""
        self._save(trainer, training_of(pl_module))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write one after the last step too: what follows it may fail."""
        module = training_of(pl_module)
        if is_due(module, self.interval):
            self._save(trainer, module)

    def _save(self, trainer: Trainer, module: NetworkTraining) -> None:
        state = {
            "config": self.config,
            "inputs": self.inputs,
            "precision": module.backbone.precision,
            "step": module.step,
            "network": module.network.state_dict(),
            "optimizer": trainer.optimizers[0].state_dict(),
            "parts": {type(part).__name__: part.state_dict() for part in parts_with_state(trainer)},
        }
        content = BytesIO()  # where torch itself writes to a full disk, it does not say that it is full
        torch.save(state, content)
        write_hashed(self.path, content.getbuffer())


def restore(state: dict[str, Any], trainer: Trainer, module: NetworkTraining) -> None:
    """Restore a checkpoint's state into a training that is about to begin; raises `InputError` for another's."""
    try:
        module.backbone.choose_precision(module.device, state["precision"])
        module.step, module.optimizer_state = int(state["step"]), state["optimizer"]
        module.network.load_state_dict(state["network"])
        for part in parts_with_state(trainer):
            if stored := state["parts"].get(type(part).__name__):
                part.load_state_dict(stored)
    # a checkpoint is data, and may hold anything
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            "the checkpoint does not fit its training; begin a new one in another directory"
        ) from error
