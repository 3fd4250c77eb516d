from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import Logger


class MediaLogger(Logger):
    """A logger that also takes what the callbacks make: curves, pictures, the painted clip, the summary.

    It is told what the run is, begins, takes what there is, and finishes, whatever happened in between.
    """

    @abstractmethod
    def describe(self, model: str, style: str, video: str, config: Mapping[str, Any]) -> None:
        """Say what the run is: its names, and its configuration."""

    @abstractmethod
    def begin(self) -> None:
        """Begin the run, before anything is painted."""

    @abstractmethod
    def finish(self, failed: bool) -> None:
        """End the run, marked as failed or not."""

    @abstractmethod
    def log_curve(self, frame: int, pass_index: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take one frame's losses, a row an evaluation."""

    @abstractmethod
    def log_image(self, key: str, image: NDArray[np.uint8], frame: int) -> None:
        """Take a picture, uint8 RGB of shape (H, W, 3), that belongs to a frame."""

    @abstractmethod
    def log_video(self, key: str, path: Path) -> None:
        """Take a finished video file."""

    @abstractmethod
    def log_summary(self, summary: Mapping[str, Any]) -> None:
        """Take the run's summary."""


def media_loggers(trainer: Trainer) -> list[MediaLogger]:
    """The loggers of a trainer that take media."""
    return [logger for logger in trainer.loggers if isinstance(logger, MediaLogger)]
