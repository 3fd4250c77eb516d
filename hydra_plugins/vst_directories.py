"""A callback of Hydra's, which tells a directory that Hydra makes from one that was the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from vst.runs.directory import about_to_make


class BeforeItIsMade(Callback):
    """Looks at the directory of a single run before Hydra makes it, so that a refused run can remove it again."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Hydra calls this when the directory is known."""
        about_to_make(Path(str(config.hydra.run.dir)))
