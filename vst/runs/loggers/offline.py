"""What W&B recorded offline, and how it is sent. Imports nothing slow, since the command line asks at the end."""

from __future__ import annotations

import shlex
from pathlib import Path

_PLACES = ("wandb", "*/wandb", "*/shots/*/wandb")
"""Where W&B's folders are: in a run's directory, in those of a grid's runs, and of their shots."""


def how_to_send(directory: Path) -> list[str]:
    """The line that says how what a run, or the runs of a grid, recorded offline is sent; none where nothing was."""
    places = [place for place in _PLACES if any(directory.glob(f"{place}/offline-run-*"))]
    folders = [f"{shlex.quote(str(directory))}/{place}" for place in places]
    return [f"offline W&B   wandb sync {' '.join(folders)}"] if folders else []
