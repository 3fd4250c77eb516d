from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from vst.errors import Pruned
from vst.runs.callbacks.parts import stylizer_of
from vst.runs.rows import read_frames
from vst.search.pruning import Means, reason_to_prune, running_means


class Pruning(Callback):
    """Prunes a trial of a search by the rule of `vst.search.pruning`.

    `reference` and `finished` are the running means of the runs to compare with. It must come after the callback that
    writes metrics.csv, which it reads, so that a resumed run is judged by all of its frames.
    """

    def __init__(self, directory: Path, reference: Means, finished: Sequence[Means], after: int):
        self._directory = directory
        self._reference = reference
        self._finished = finished
        self._after = after

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Raise `Pruned` if the frames painted so far are a reason to."""
        # the frame's row must be in its table
        stylizer_of(pl_module).behind.flush()
        means = running_means(read_frames(self._directory))
        if reason := reason_to_prune(means, self._reference, self._finished, self._after):
            raise Pruned(f"pruned after {len(means) + 1} frames: {reason}")
