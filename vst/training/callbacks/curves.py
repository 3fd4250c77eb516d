from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from vst.runs.loggers.media import media_loggers
from vst.runs.rows import curves_path
from vst.runs.table import Table
from vst.training.callbacks.parts import losses_of, training_of

LAST = 100
"""Steps at the end over which the losses of a trained network are averaged."""


class TrainingCurves(Callback):
    """Writes curves.csv: a row a step, with the unweighted losses in the mean over its frames, and the weighted total.

    `seconds` is the wall-clock time since the step before.

    ```yaml
    curves:
      _target_: vst.training.callbacks.curves.TrainingCurves
      directory: ${paths.run}
    ```
    """

    def __init__(self, directory: str):
        self.table = Table(curves_path(Path(directory)))
        self._began = 0.0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the table, or continue where a resumed training stopped."""
        self.table.begin(["step", *training_of(pl_module).losses, "total", "seconds"])
        self._began = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write a step's row."""
        losses, now = losses_of(outputs), time.perf_counter()
        row = {name: float(values.mean()) for name, values in {**losses.terms, "total": losses.total}.items()}
        step = training_of(pl_module).step
        self.table.append([{"step": step, **row, "seconds": now - self._began}])
        self._began = now
        for logger in media_loggers(trainer):
            logger.log_curve(0, 0, [row])

    def summary(self) -> dict[str, float]:
        """The steps and the time spent, and the losses of the `LAST` steps in the mean."""
        rows = self.table.read()
        if not rows:
            return {}
        names = [name for name in rows[0] if name not in ("step", "seconds")]
        last = rows[-LAST:]
        means = {name: sum(float(row[name]) for row in last) / len(last) for name in names}
        return {"steps": float(len(rows)), "seconds": sum(float(row["seconds"]) for row in rows), **means}

    def state_dict(self) -> dict[str, Any]:
        """The table's size, to which a resumed training cuts it back, and its hash."""
        return {"size": self.table.size, "sha256": self.table.sha256}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; raises `Damaged` where the table is not as it was."""
        self.table.keep(**state_dict)
