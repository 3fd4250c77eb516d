from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from vst.bounds import Few
from vst.frames import Clip, Frame
from vst.metrics.clip import METRICS, ClipMetrics, FrameMotion
from vst.metrics.motion import Judge, truth_for
from vst.painting.scales import cost
from vst.runs.callbacks.parts import behind, data_of, last_pass, stylized_of, stylizer_of
from vst.runs.rows import LOSSES, OUTCOME, PLACE, SPENT, metrics_path
from vst.runs.summary import summary_of
from vst.runs.table import Table
from vst.video.store import opaque_parts


class Metrics(Callback):
    """Writes metrics.csv, one row per frame and pass, and summarises it.

    ```yaml
    metrics:
      _target_: vst.runs.callbacks.metrics.Metrics
      directory: ${paths.run}
      interval: 10   # distance in frames of the long warping error
      motion: auto   # exact if the clip knows it, else an estimator that the model does not use; or an estimator's name
    ```
    `time` is the frame's time in the source in seconds, and `cut` is 1 where a new shot begins. The losses
    (unweighted, but for the total) and the temporal metrics (vst.metrics) are those of the finished painting, clamped
    to [0, 1] and not rounded to 8 bits; a metric is empty where it is undefined. `outcome` says how the minimisation
    ended.
    """

    def __init__(self, directory: str, interval: Few = 10, motion: Judge = "auto"):
        self.table = Table(metrics_path(Path(directory)))
        self.reach = self.interval = interval
        self.motion: Judge = motion
        self.judge: str | None = None
        """The source of the motion, known once the run has begun."""
        self._place: dict[str, Any] = {"size": 0}
        self._energy: torch.Tensor | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the table, or continue where a resumed run stopped."""
        module, data = stylizer_of(pl_module), data_of(trainer)
        terms = [name for name in module.losses if name not in LOSSES]
        self.table.begin([*PLACE, *LOSSES, *terms, *SPENT, *METRICS, OUTCOME])
        truth = truth_for(data.clip, module.preparation.estimator.name, self.motion)
        self._clip_metrics = ClipMetrics(truth, self.interval)
        self.judge = truth.name
        if last_pass(trainer) == 0:
            module.preparation.also["judge"] = partial(self._judged, data.clip)
            for past in reversed(list(module.history)):
                index = past.frame.index
                images = (image.to(pl_module.device) for image in (past.frame.content, past.image))
                self._clip_metrics.recall(*images, index, cut=_is_cut(data.clip, index, past.frame.cut))
            if self._energy is not None:
                self._clip_metrics.painted_energy = self._energy.to(pl_module.device)

    @behind
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write one frame's row."""
        stylized, data = stylized_of(outputs), data_of(trainer)
        frame, solution = stylized.frame, stylized.solution
        losses = {**stylized.losses.terms, "total": stylized.losses.total}
        figures = {
            "coherence": 0.0,
            **{name: float(values[0]) for name, values in losses.items()},
            "evaluations": int(solution.evaluations[0]),
            "cost": cost(stylized.stages),
            "seconds": solution.seconds,
        }
        if last_pass(trainer) == 0:
            with torch.no_grad():
                cut = _is_cut(data.clip, frame.index, frame.cut)
                motion = batch.also["judge"]
                values = self._clip_metrics.update(frame.content, stylized.image, frame.index, cut, motion)
                self._energy = self._clip_metrics.painted_energy
            figures |= _defined(values)
        place = {
            "frame": frame.index,
            "source_frame": frame.source_index,
            "pass": frame.pass_index,
            "time": float(frame.pts * data.clip.info.time_base),
            "cut": int(frame.cut),
        }
        self.table.append([{**place, **figures, OUTCOME: solution.outcomes[0]}])
        whole = frame.pass_index == last_pass(trainer) and batch_idx + 1 == trainer.num_training_batches
        # what is whole may be replaced once the run ends
        part = {"size": self.table.size, "sha256": self.table.sha256}
        self._place = {"size": None, "least": self.table.size} if whole else part
        if frame.pass_index == last_pass(
            trainer
        ):  # otherwise a frame would have several values of one figure
            for logger in trainer.loggers:
                logger.log_metrics(figures, step=frame.index)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Measure the paintings of the last of several passes, which need not have been painted in order."""
        last, data, paintings = last_pass(trainer), data_of(trainer), stylizer_of(pl_module).paintings
        if last == 0 or paintings is None or data.kept is None:
            return
        painted, measured = paintings.of(last), {}
        for index in range(data.clip.info.frames):
            values = self._clip_metrics.update(
                opaque_parts(data.kept.load(index))[0],
                painted.load(index),
                index,
                _is_cut(data.clip, index, index in data.cuts),
            )
            measured[index] = _defined(values)
            for logger in trainer.loggers:
                logger.log_metrics(measured[index], step=index)
        rows: Iterable[dict[str, Any]] = (
            {**row, **(measured[int(row["frame"])] if int(row["pass"]) == last else {})}
            for row in self.table.read()
        )
        self.table.replace(rows)

    def summary(self) -> dict[str, Any]:
        """Means over the frames: of the newest pass's defined values, and of the cost summed over the passes."""
        return summary_of(self.table.columns, self.table.read())

    def state_dict(self) -> dict[str, Any]:
        """The table's size, to which a resumed run cuts it back, None once all rows are written, with its hash or least
        size; and what the next frame's metrics need beside the frames before it."""
        return {**self._place, "energy": self._energy}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned; raises `Damaged` where the table is not as it was."""
        self._place = {name: value for name, value in state_dict.items() if name != "energy"}
        self._energy = state_dict.get("energy")
        self.table.keep(**self._place)

    def _judged(self, clip: Clip, frame: Frame) -> FrameMotion:
        """The motion by which a frame will be judged, asked ahead of its painting."""
        return self._clip_metrics.motion.next(
            frame.content, frame.index, _is_cut(clip, frame.index, frame.cut)
        )


def _is_cut(clip: Clip, index: int, detected: bool) -> bool:
    """Whether a shot begins at this frame, by the clip's exact cuts if it has them, else as `detected`."""
    exact = getattr(clip, "cuts", None)
    return detected if exact is None else index in exact


def _defined(values: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: float(value[0]) for name, value in values.items() if value.isfinite()[0]}
