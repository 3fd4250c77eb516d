from __future__ import annotations

import sys
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar
from tqdm import tqdm

from vst.formatting import legible
from vst.training.callbacks.parts import losses_of, training_of


class TrainingProgress(ProgressBar):
    """Shows how many steps are done, the loss of the last one, and the time that remains.

    ```yaml
    progress:
      _target_: vst.training.callbacks.progress.TrainingProgress
    ```
    """

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        self._bar: tqdm | None = None

    def disable(self) -> None:
        """Show nothing, as Lightning asks of all processes but the first."""
        self._enabled = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the bar; that of a resumed training begins where it stopped."""
        module = training_of(pl_module)
        self._bar = tqdm(
            total=module.steps,
            initial=module.step,
            disable=not self._enabled,
            file=sys.stderr,
            unit="step",
            dynamic_ncols=True,
            # in a log file, a line every ten seconds is enough
            mininterval=0.2 if sys.stderr.isatty() else 10,
        )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count a step."""
        if self._bar is not None:
            loss = float(losses_of(outputs).total.mean())
            self._bar.set_description_str(f"loss {legible(loss)}", refresh=False)
            self._bar.update()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the bar, and leave it on the screen."""
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Close the bar, so that the error message has a line of its own."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
