"""The trainer's parts by the types that this house gives them, which Lightning's own annotations leave open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pytorch_lightning import LightningModule, Trainer

from vst.frames import Stylized
from vst.video.datamodule import ClipDataModule

if TYPE_CHECKING:
    from vst.stylizer import VideoStylizer


def data_of(trainer: Trainer) -> ClipDataModule:
    """The clip that is being painted."""
    return cast(ClipDataModule, cast(Any, trainer).datamodule)


def stylizer_of(module: LightningModule) -> VideoStylizer:
    """The frame loop."""
    return cast("VideoStylizer", module)


def stylized_of(outputs: Any) -> Stylized:
    """The frame that a training step painted."""
    return outputs["stylized"]
