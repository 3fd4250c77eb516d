from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from vst.painting.stylized import Stylized
from vst.runs.callbacks.parts import behind, stylized_of, stylizer_of
from vst.runs.loggers.media import media_loggers
from vst.runs.rows import curves_path
from vst.runs.table import Table


class Curves(Callback):
    """Writes curves.csv: the unweighted losses at every evaluation of every frame, and the weighted total.

    `size` is the longer side, in pixels, of the scale at which it was evaluated. Losses of different sizes cannot be
    compared.

    ```yaml
    curves:
      _target_: vst.runs.callbacks.curves.Curves
      directory: ${paths.run}
    ```
    """

    def __init__(self, directory: str):
        self.table = Table(curves_path(Path(directory)))

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the table, or continue where a resumed run stopped."""
        terms = list(stylizer_of(pl_module).losses)
        names = dict.fromkeys(["content", "style", "coherence", *terms, "total"])
        self.table.begin(["frame", "pass", "evaluation", "size", *names])

    @behind
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write one frame's rows."""
        stylized = stylized_of(outputs)
        frame = stylized.frame
        losses = list(_by_evaluation(stylized))
        place = {"frame": frame.index, "pass": frame.pass_index}
        sizes = [max(stage.size) for stage in stylized.stages for _ in range(stage.evaluations)]
        numbered = enumerate(zip(sizes, losses, strict=True), start=1)
        self.table.append({**place, "evaluation": n, "size": size, **row} for n, (size, row) in numbered)
        for logger in media_loggers(trainer):
            logger.log_curve(frame.index, frame.pass_index, losses)

    def state_dict(self) -> dict[str, Any]:
        """The table's size, to which a resumed run cuts it back, and its hash."""
        return {"size": self.table.size, "sha256": self.table.sha256}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; raises `Damaged` where the table is not as it was."""
        self.table.keep(**state_dict)


def _by_evaluation(stylized: Stylized) -> Iterator[dict[str, float]]:
    """The losses at each evaluation by name, with a coherence of 0 for a model without that loss."""
    columns = {name: values[:, 0].tolist() for name, values in stylized.solution.curves.items()}
    for values in zip(*columns.values(), strict=True):
        yield {"coherence": 0.0, **dict(zip(columns, values, strict=True))}
