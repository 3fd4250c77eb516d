from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.loggers import Logger


class MediaLogger(Logger):
    """A logger that also accepts what the callbacks produce: curves, pictures, the painted clip, the summary.

    `describe` is called first, then `begin`, then the logging methods, and finally `finish`, even after a failure.
    """

    @abstractmethod
    def describe(self, model: str, style: str, video: str, config: Mapping[str, Any]) -> None:
        """Receive the names of the run's parts and its configuration."""

    @abstractmethod
    def begin(self) -> None:
        """Begin the run, before anything is painted."""

    @abstractmethod
    def finish(self, failed: bool) -> None:
        """End the run, marked as failed or not."""

    @abstractmethod
    def log_curve(self, frame: int, pass_index: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Log one frame's losses, one row per evaluation."""

    @abstractmethod
    def log_image(self, key: str, path: Path, frame: int) -> None:
        """Log a picture of a frame, a PNG file in the run's directory."""

    @abstractmethod
    def log_video(self, key: str, path: Path) -> None:
        """Log a finished video file."""

    @abstractmethod
    def log_summary(self, summary: Mapping[str, Any]) -> None:
        """Log the run's summary."""


def media_loggers(trainer: Trainer) -> list[MediaLogger]:
    """The loggers of a trainer that accept media."""
    return [logger for logger in trainer.loggers if isinstance(logger, MediaLogger)]
