"""Reads the output of a run, finished or not, for the report and the plots."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vst.runs.configuration import configuration_path, stored_settings
from vst.runs.directory import lock_path
from vst.runs.identity import painting_settings
from vst.runs.record import Record, RecordError, read_record
from vst.runs.rows import Row, means, number, read_curves, read_frames
from vst.runs.settings import Settings

USUAL_RATE = 25.0
"""Frames per second of a clip whose record does not say."""


@dataclass
class Run:
    """The output of a run: `rows` has one row per frame, of its newest pass, and `curves` one per evaluation.

    `status` is that of the record (finished, failed, interrupted, broken, pruned), `running` while the directory is
    locked, or `stopped` where it is not locked and there is no record. `recorded` says whether there is a record, which
    is written when a run ends. `notes` say what could not be read.
    """

    directory: Path
    name: str
    status: str = "stopped"
    recorded: bool = False
    settings: Settings = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    clip: str = "?"
    style: str = "?"
    motion: str | None = None
    size: tuple[int, int] | None = None
    frame_rate: float = USUAL_RATE
    expected: int | None = None
    rows: list[Row] = field(default_factory=list)
    curves: dict[int, list[Row]] = field(default_factory=dict)
    summary: dict[str, float] = field(default_factory=dict)
    frames: int = 0
    video: bool = False
    keyframes: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.settings.get("model", "?"))

    @property
    def cuts(self) -> list[int]:
        """The frames that begin a shot."""
        return [int(row["frame"] or 0) for row in self.rows if row.get("cut")]

    def column(self, name: str) -> list[float | None]:
        """One column of the table of frames."""
        return [row.get(name) for row in self.rows]


def read_run(directory: Path, name: str) -> Run:
    """Read a run's directory; what cannot be read, or no run writes, is treated as absent, and said in `notes`."""
    try:
        return _read_run(directory, name)
    except OSError as error:
        return Run(directory, name, notes=[f"its directory cannot be read ({error.strerror})"])


def _read_run(directory: Path, name: str) -> Run:
    notes: list[str] = []
    record = _record(directory, notes)
    provenance = record.provenance if record else None
    recorded = provenance.config if provenance else {}
    settings = painting_settings(recorded or _stored_settings(directory, notes))
    running = _is_locked(directory)
    rows, frames = read_frames(directory), _count_frames(directory / "frames")
    summary = _numbers(record.summary) if record and not running else {}
    video, clip = _mapping(settings.get("video")), provenance.clip if provenance else None
    expected = (clip and clip.frames) or video.get("frames")
    return Run(
        directory=directory,
        name=name,
        status="running" if running else record.status if record else "stopped",
        recorded=provenance is not None,
        settings=settings,
        inputs=provenance.inputs if provenance else {},
        clip=str((clip and clip.name) or _node_name(video)),
        style=str((provenance and provenance.style) or _node_name(settings.get("style"))),
        motion=provenance.motion if provenance else None,
        size=clip.size if clip and clip.size and min(clip.size) > 0 else None,
        frame_rate=_rate(clip.frame_rate if clip else None),
        expected=expected if isinstance(expected, int) else None,
        rows=rows,
        curves=read_curves(directory),
        summary={**means(rows), **summary},
        frames=frames,
        video=(directory / "stylized.mp4").is_file(),
        keyframes=_key_frames(directory / "keyframes", frames),
        notes=notes,
    )


def _record(directory: Path, notes: list[str]) -> Record | None:
    try:
        return read_record(directory)
    except RecordError as error:
        notes.append(str(error))
        return None


def _stored_settings(directory: Path, notes: list[str]) -> Settings:
    settings = stored_settings(directory)
    if settings is None and configuration_path(directory).is_file():
        notes.append("its configuration cannot be read")
    return settings or {}


def _is_locked(run: Path) -> bool:
    """Whether a process has locked the directory; a killed run may leave the lock file behind, unlocked."""
    lock = lock_path(run)
    if not lock.is_file():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False  # the lock file cannot be opened for writing, so no run of this user can be in progress


def _node_name(node: Any) -> str:
    """A clip's or painting's name, from the configuration that would build it."""
    node = _mapping(node)
    for key in ("name", "path"):
        value = node.get(key)
        if isinstance(value, str):
            return Path(value).name
        if isinstance(value, Mapping):
            return _node_name(value)
    return str(node.get("_target_", "?")).rpartition(".")[2].lower()


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    numbers = {str(name): number(value) for name, value in values.items()}
    return {name: value for name, value in numbers.items() if value is not None}


def _count_frames(folder: Path) -> int:
    """The number of frames from the first up to the first gap."""
    count = 0
    while (folder / f"{count:06d}.png").is_file():
        count += 1
    return count


def _key_frames(folder: Path, frames: int) -> list[int]:
    found = [re.fullmatch(r"keyframe_(\d{6})\.png", file.name) for file in folder.glob("keyframe_*.png")]
    chosen = sorted(int(match[1]) for match in found if match)
    return [index for index in chosen if index < frames]


def _rate(value: Any) -> float:
    # checked first: a power of ten in it could take forever to write out
    if not re.fullmatch(r"\d{1,9}(/\d{1,9})?", str(value)):
        return USUAL_RATE
    numerator, _, denominator = str(value).partition("/")
    return int(numerator) / int(denominator or 1) if int(numerator) and int(denominator or 1) else USUAL_RATE


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
