"""The parts of a training with this package's types, which Lightning's annotations do not give."""

from __future__ import annotations

from typing import Any, cast

from pytorch_lightning import LightningModule

from vst.optim import Losses
from vst.training.module import NetworkTraining


def training_of(module: LightningModule) -> NetworkTraining:
    """The module that is trained."""
    return cast(NetworkTraining, module)


def is_due(module: NetworkTraining, interval: int) -> bool:
    """Whether what is done every `interval` steps, and after the last one, is done after this one."""
    return module.step % interval == 0 or module.step == module.steps


def losses_of(outputs: Any) -> Losses:
    """The losses of a step, a lane each."""
    return outputs["losses"]
