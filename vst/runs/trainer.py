"""Lightning's trainer, which runs the loop over the frames."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vst.errors import InputError
from vst.runs.build import build
from vst.runs.settings import Settings

if TYPE_CHECKING:
    from pytorch_lightning import Trainer


def make_trainer(settings: Settings, passes: int, callbacks: list[Any], loggers: list[Any]) -> Trainer:
    """Lightning's trainer as configured; an epoch is a pass."""
    from pytorch_lightning.callbacks import Checkpoint, ProgressBar
    from pytorch_lightning.plugins.environments import LightningEnvironment
    from pytorch_lightning.utilities.exceptions import MisconfigurationException

    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    options = {
        "max_epochs": passes,
        "callbacks": callbacks,
        "logger": loggers,
        "enable_checkpointing": any(isinstance(part, Checkpoint) for part in callbacks),
        "enable_progress_bar": any(isinstance(part, ProgressBar) for part in callbacks),
        "reload_dataloaders_every_n_epochs": 1,
        # one process, even where SLURM's environment variables are set
        "plugins": [LightningEnvironment()],
    }
    try:
        trainer = build({**settings["trainer"], "_partial_": True})(**options)
    except (TypeError, ValueError, MisconfigurationException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"the trainer cannot be made as configured ({reason}); correct trainer.*") from error
    if trainer.world_size != 1:
        raise InputError(
            f"trainer.devices={settings['trainer']['devices']} are {trainer.world_size} devices, and a run paints on "
            f"one; give one, and paint several runs at once with -m"
        )
    return trainer


@contextmanager
def quiet() -> Generator[None]:
    """Suppress Lightning's warnings that do not apply to a frame loop (data workers, optimizers), those of deprecated
    calls in its own code, and that of an installed srun, which a single process does not need."""
    with warnings.catch_warnings():
        for module in ("pytorch_lightning", "lightning_fabric"):
            for category in (UserWarning, FutureWarning):
                warnings.filterwarnings("ignore", module=module, category=category)
        yield
