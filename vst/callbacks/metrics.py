from __future__ import annotations

from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from vst.callbacks.parts import data_of, stylized_of, stylizer_of
from vst.records import Table

COUNTED = ("frame", "source_frame", "pass", "time")
LOSSES = ("content", "style", "coherence", "total")
SPENT = ("evaluations", "seconds")


class Metrics(Callback):
    """Writes metrics.csv: a row a frame and pass, and sums it up.

    ```yaml
    metrics:
      _target_: vst.callbacks.metrics.Metrics
      directory: ${paths.run}
    ```
    `time` is when the frame is shown, in seconds of the source; the losses are those of the painted frame,
    before their weights; `outcome` says how its minimisation ended.
    """

    def __init__(self, directory: str):
        self.table = Table(Path(directory) / "metrics.csv")
        self._size = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the table, or go on where a resumed run stopped."""
        terms = [name for name in stylizer_of(pl_module).losses if name not in LOSSES]
        self.table.begin([*COUNTED, *LOSSES, *terms, *SPENT, "outcome"], self._size)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write one frame's row."""
        stylized = stylized_of(outputs)
        frame, solution = stylized.frame, stylized.solution
        clip = data_of(trainer).clip
        figures = {
            "coherence": 0.0,
            **{name: float(values[0]) for name, values in solution.losses.items()},
            "evaluations": int(solution.evaluations[0]),
            "seconds": solution.seconds,
        }
        place = {
            "frame": frame.index,
            "source_frame": frame.source_index,
            "pass": frame.pass_index,
            "time": float(frame.pts * clip.info.time_base),
        }
        self.table.append([{**place, **figures, "outcome": solution.outcomes[0]}])
        for logger in trainer.loggers:
            logger.log_metrics(figures, step=frame.index)

    def summary(self) -> dict[str, Any]:
        """Means over the frames of the newest pass of each, and what all passes together took."""
        rows = self.table.read()
        newest = {row["frame"]: row for row in rows}.values()
        counted = len(newest)
        names = [name for name in self.table.columns if name not in (*COUNTED, "outcome")]
        means = {name: sum(float(row[name]) for row in newest) / counted for name in names} if counted else {}
        totals = {f"{name}_total": sum(float(row[name]) for row in rows) for name in SPENT}
        troubled = sum(row["outcome"] != "finished" for row in rows)
        return {"frames": counted, **means, **totals, "frames_not_finished": troubled}

    def state_dict(self) -> dict[str, Any]:
        """The table's size, to which a resumed run cuts it back."""
        return {"size": self.table.size}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self._size = state_dict["size"]
