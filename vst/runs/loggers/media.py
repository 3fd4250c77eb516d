from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pytorch_lightning import Trainer
from pytorch_lightning.loggers import Logger

from vst.errors import InputError
from vst.runs.loggers.names import run_group, run_name


class MediaLogger(Logger):
    """A logger that also accepts what the callbacks produce: curves, pictures, the painted clip, the summary.

    `describe` is called first, then `begin`, then the logging methods, and finally `finish`, even after a failure.
    Everywhere, an evaluation's losses are `curve/…` against the evaluation, counted through the run, a frame's figures
    `frame/…` and its pictures `media/…` against the frame, and the means `summary/…`. Figures and pictures are those of
    the last pass, since a frame can have only one value there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.labels = {"model": "", "style": "", "video": ""}
        self.config: dict[str, Any] = {}
        self.evaluations = 0
        """How many evaluations have been logged."""

    def describe(self, model: str, style: str, video: str, config: Mapping[str, Any]) -> None:
        """Receive the names of the run's parts and its configuration."""
        self.labels = {"model": model, "style": style, "video": video}
        self.config = dict(config)

    @property
    def run_name(self) -> str:
        """The run's name in legends."""
        return run_name(**self.labels, config=self.config)

    @property
    def run_group(self) -> str:
        """What it has in common with runs that can be compared with it."""
        return run_group(self.labels["video"], self.labels["style"])

    @abstractmethod
    def begin(self) -> None:
        """Begin the run, before anything is painted; raises `InputError` where that cannot be done as asked."""

    @abstractmethod
    def finish(self, failed: bool) -> None:
        """End the run, marked as failed or not."""

    @abstractmethod
    def log_curve(self, frame: int, pass_index: int, rows: Iterable[Mapping[str, float]]) -> None:
        """Log one frame's losses, one row per evaluation."""

    @abstractmethod
    def log_image(self, key: str, path: Path, frame: int) -> None:
        """Log a picture of a frame, a PNG file in the run's directory."""

    @abstractmethod
    def log_video(self, key: str, path: Path) -> None:
        """Log a finished video file."""

    @abstractmethod
    def log_summary(self, summary: Mapping[str, float]) -> None:
        """Log the run's summary."""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the configuration is given to `describe`."""

    def counted(self, rows: Iterable[Mapping[str, float]]) -> Iterator[tuple[int, Mapping[str, float]]]:
        """The rows of a curve with the number of each evaluation in the run."""
        for row in rows:
            self.evaluations += 1
            yield self.evaluations, row

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to continue the same run elsewhere."""
        return {"evaluations": self.evaluations}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.evaluations = state["evaluations"]


def media_loggers(trainer: Trainer) -> list[MediaLogger]:
    """The loggers of a trainer that accept media."""
    return [logger for logger in trainer.loggers if isinstance(logger, MediaLogger)]


def defined(figures: Mapping[str, float], section: str) -> dict[str, float]:
    """The figures of a section, without undefined ones, of which others make text or a point at 0."""
    return {f"{section}/{name}": value for name, value in figures.items() if math.isfinite(value)}


def check_installed(module: str, logger: str, package: str) -> None:
    """Raise an `InputError` where a logger's package, which vst itself does not need, is not installed."""
    if find_spec(module) is None:
        raise InputError(
            f"logger={logger} needs the package {package}, which is not installed here; install it with "
            f"`pip install {package}`, or choose another logger"
        )
