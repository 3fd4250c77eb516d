from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from vst.bounds import Count
from vst.runs.loggers.media import media_loggers
from vst.runs.pictures import key_frame_sheet
from vst.training.callbacks.parts import is_due, training_of
from vst.video.store import save_png


class Previews(Callback):
    """Draws the first frame of what is trained on beside the network's painting of it, every so many steps.

    ```yaml
    previews:
      _target_: vst.training.callbacks.previews.Previews
      directory: ${paths.run}/previews
      interval: 100
    ```
    """

    def __init__(self, directory: str, interval: Count = 100):
        self.directory, self.interval = Path(directory), interval
        self.content: Tensor | None = None
        """The frame that is painted, which the program gives."""

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Draw one, at the last step too."""
        module = training_of(pl_module)
        if self.content is None or not is_due(module, self.interval):
            return
        with torch.no_grad():
            painted = module.paint(self.content.to(module.device))
        path = self.directory / f"step_{module.step:06d}.png"
        save_png(path, key_frame_sheet(self.content, painted))
        for logger in media_loggers(trainer):
            logger.log_image("preview", path, module.step)
