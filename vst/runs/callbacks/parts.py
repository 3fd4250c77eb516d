"""The parts of the trainer with this package's types, which Lightning's annotations do not give."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, cast

from pytorch_lightning import LightningModule, Trainer

from vst.painting.stylized import Stylized
from vst.video.datamodule import ClipDataModule

if TYPE_CHECKING:
    from vst.painting.stylizer import VideoStylizer


def data_of(trainer: Trainer) -> ClipDataModule:
    """The clip that is being painted."""
    return cast(ClipDataModule, cast(Any, trainer).datamodule)


def stylizer_of(module: LightningModule) -> VideoStylizer:
    """The frame loop."""
    return cast("VideoStylizer", module)


def stylized_of(outputs: Any) -> Stylized:
    """The frame that a training step painted."""
    return outputs["stylized"]


Hook = Callable[[Any, Trainer, LightningModule, Any, Any, int], None]


def behind(hook: Hook) -> Hook:
    """Let a callback's `on_train_batch_end` be done while the next frame is painted, after those given before it."""

    @wraps(hook)
    def submitted(
        self: Any, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        stylizer_of(pl_module).behind.submit(
            partial(hook, self, trainer, pl_module, outputs, batch, batch_idx)
        )

    return submitted


def last_pass(trainer: Trainer) -> int:
    """The number of the pass whose paintings are the run's result; 0 where there is only one."""
    # the trainer's epochs are the passes that are left: none for a run that was killed after its last frame
    return data_of(trainer).first_pass + (trainer.max_epochs or 0) - 1
