"""Which files a run is painted from, and whether they are still the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from vst.assets import file_hash
from vst.runs.settings import Settings, select

FILES = ("video.path", "style.path", "backbone.weights.path")
"""The options that may name a file of the user's. What they fetch instead has a hash of its own (`vst.assets`)."""


def hashes_of_inputs(settings: Settings) -> dict[str, str]:
    """SHA-256 of each file that the settings name, by the option; a file that does not exist is left out."""
    named = {option: select(settings, option) for option in FILES}
    return {
        option: _hash(Path(path), *_state(Path(path)))
        for option, path in named.items()
        if isinstance(path, str) and Path(path).is_file()
    }


def _state(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


@cache
def _hash(path: Path, size: int, modified: int) -> str:
    """A file's hash, found once in a process as long as the file is not written to: the runs of a grid share it."""
    return file_hash(path)
