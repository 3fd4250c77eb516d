"""Finds runs under folders, and reads what each has left so far, finished or not."""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vst.errors import InputError

Row = dict[str, float | None]
Settings = dict[str, Any]

NOT_PAINTED_BY = ("resume", "paths", "callbacks", "logger", "hydra")
"""The parts of a configuration that do not decide what is painted."""


@dataclass
class Run:
    """What a run has left: `rows` is a row a frame of its newest pass, `curves` the rows of an evaluation each.

    `status` is the run's own word (finished, failed, interrupted, broken, pruned), or `running` while its directory
    is held, or `stopped` where it is not held and left no word. `recorded` says whether it has left its record, which
    it does at its end. `notes` say what could not be read.
    """

    directory: Path
    name: str
    status: str
    recorded: bool
    settings: Settings
    clip: str
    style: str
    motion: str | None
    size: tuple[int, int] | None
    frame_rate: float
    expected: int | None
    rows: list[Row]
    curves: dict[int, list[Row]]
    summary: dict[str, float]
    frames: int
    video: bool
    keyframes: list[int]
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


def find_runs(directories: Sequence[Path]) -> list[Run]:
    """All runs under the directories, each once, in the order of their names.

    Raises `InputError` for a directory that does not exist, and where there are no runs at all.
    """
    found: dict[Path, Path] = {}
    for directory in directories:
        if not directory.exists():
            raise InputError(f"{directory} does not exist; name a run, or a folder that holds runs")
        if not directory.is_dir():
            raise InputError(f"{directory} is a file; name a run, or a folder that holds runs")
        for place in _walk(directory):
            found.setdefault(place.resolve(), place)
    if not found:
        where = ", ".join(map(str, directories))
        raise InputError(f"no runs are found in {where}; name a run, or a folder that holds runs")
    names = _names(list(found))
    runs = [read_run(path, names[path]) for path in found]
    _learn_from_others(runs)
    return runs


def _learn_from_others(runs: Sequence[Run]) -> None:
    """Give runs without a record yet what records of the same clip or painting agree on, so that they stand together.

    The configuration alone may call a clip otherwise than the clip calls itself, and does not say who judges it.
    """
    for part, names in (("style", ("style",)), ("video", ("clip", "motion"))):
        keys = [json.dumps(run.settings.get(part), sort_keys=True, default=str) for run in runs]
        for name in names:
            known: dict[str, set[str]] = {}
            for run, key in zip(runs, keys, strict=True):
                if run.recorded:
                    known.setdefault(key, set()).add(getattr(run, name))
            for run, key in zip(runs, keys, strict=True):
                if not run.recorded and len(known.get(key, ())) == 1:
                    setattr(run, name, *known[key])


def _walk(directory: Path) -> Iterator[Path]:
    """The run directories at or below a directory; what lies inside a run is its own."""
    if _is_run(directory):
        yield directory
        return
    try:
        folders = [item for item in directory.iterdir() if item.is_dir() and not item.is_symlink()]
    except PermissionError:
        return
    for folder in sorted(folders, key=lambda item: natural(item.name)):
        if not folder.name.startswith("."):
            yield from _walk(folder)


def _is_run(directory: Path) -> bool:
    if (directory / ".hydra" / "config.yaml").is_file():
        return True
    record = _read_json(directory / "metrics.json")
    return record is not None and "status" in record and "provenance" in record


def natural(text: str) -> list[tuple[int, str]]:
    """What to sort a name by so that numbers in it count as numbers: 2-flow before 10-flow."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Names that tell the runs apart: their paths from the folder that holds them all."""
    if len(paths) == 1:
        return {paths[0]: paths[0].name}
    common = os.path.commonpath([path.parent for path in paths])
    return {path: path.relative_to(common).as_posix() for path in paths}


def read_run(directory: Path, name: str) -> Run:
    """Read a run's directory, and take what is not there, or cannot be read, as absent."""
    notes: list[str] = []
    record = _read_json(directory / "metrics.json") or {}
    if (directory / "metrics.json").is_file() and not record:
        notes.append("metrics.json cannot be read")
    provenance = _mapping(record.get("provenance"))
    settings = _mapping(provenance.get("config")) or _stored_settings(directory, notes)
    settings = {key: value for key, value in settings.items() if key not in NOT_PAINTED_BY}
    clip = _mapping(provenance.get("clip"))
    held = _is_held(directory / ".lock")
    status = "running" if held else str(record.get("status", "stopped"))
    rows = _newest_pass(_read_table(directory / "metrics.csv"))
    frames = _count_frames(directory / "frames")
    summary = {} if held else _numbers(_mapping(record.get("summary")))
    expected = clip.get("frames") or _mapping(settings.get("video")).get("frames")
    size = clip.get("size")
    return Run(
        directory=directory,
        name=name,
        status=status,
        recorded=bool(provenance),
        settings=settings,
        clip=str(clip.get("name") or _node_name(settings.get("video"))),
        style=str(provenance.get("style") or _node_name(settings.get("style"))),
        motion=_text(provenance.get("motion")),
        size=(int(size[0]), int(size[1])) if isinstance(size, list) and len(size) == 2 else None,
        frame_rate=_rate(clip.get("frame_rate")),
        expected=expected if isinstance(expected, int) else None,
        rows=rows,
        curves=_curves(_read_table(directory / "curves.csv")),
        summary={**_means(rows), **summary},
        frames=frames,
        video=(directory / "stylized.mp4").is_file(),
        keyframes=_key_frames(directory / "keyframes", frames),
        notes=notes,
    )


def _is_held(lock: Path) -> bool:
    """Whether a run holds its directory; a lock file alone may be what a killed run has left."""
    if not lock.is_file():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False  # a file that cannot be opened for writing lies where no run of ours can go on


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _stored_settings(directory: Path, notes: list[str]) -> Settings:
    """The configuration as Hydra stored it, resolved as far as that goes outside of the run."""
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    path = directory / ".hydra" / "config.yaml"
    try:
        stored = OmegaConf.load(path)
    except (OSError, ValueError, YAMLError, OmegaConfBaseException):
        if path.is_file():
            notes.append("its configuration cannot be read")
        return {}
    if not isinstance(stored, DictConfig):
        return {}
    plain = OmegaConf.to_container(stored, resolve=False)
    settings: Settings = {str(key): value for key, value in _mapping(plain).items()}
    for key in settings:
        # one by one: the paths, for instance, come from Hydra, which is not about here
        with suppress(OmegaConfBaseException):
            value = OmegaConf.select(stored, key)
            settings[key] = (
                OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            )
    return settings


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


def _read_table(path: Path) -> list[dict[str, str]]:
    """A table's rows; the last may be cut short where a run is writing it, and is then left out."""
    try:
        with path.open(encoding="utf-8", newline="", errors="replace") as file:
            return [row for row in csv.DictReader(file, restkey="") if None not in row.values()]
    except (OSError, csv.Error):
        return []


def _newest_pass(table: Sequence[Mapping[str, str]]) -> list[Row]:
    newest: dict[int, Row] = {}
    for cells in table:
        row = _row(cells)
        frame = row.get("frame")
        if frame is not None:
            newest[int(frame)] = row
    return [newest[frame] for frame in sorted(newest)]


def _curves(table: Sequence[Mapping[str, str]]) -> dict[int, list[Row]]:
    """The rows of the newest pass of each frame, by frame."""
    curves: dict[int, list[Row]] = {}
    passes: dict[int, float] = {}
    for cells in table:
        row = _row(cells)
        frame, number = row.get("frame"), row.get("pass") or 0.0
        if frame is None:
            continue
        if passes.setdefault(int(frame), number) != number:
            passes[int(frame)], curves[int(frame)] = number, []
        curves.setdefault(int(frame), []).append(row)
    return curves


def _row(cells: Mapping[str, str]) -> Row:
    return {name: _number(text) for name, text in cells.items() if name != "outcome"}


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    numbers = {str(name): _number(value) for name, value in values.items()}
    return {name: number for name, number in numbers.items() if number is not None}


def _means(rows: Sequence[Row]) -> dict[str, float]:
    """What a run's own summary would be, so far."""
    means: dict[str, float] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [value for row in rows if (value := row.get(name)) is not None]
        if values and name not in ("frame", "source_frame", "pass", "time", "cut"):
            means[name] = sum(values) / len(values)
    return {**means, "frames": float(len(rows))} if rows else {}


def _count_frames(folder: Path) -> int:
    """How many frames there are without a gap, from the first on."""
    count = 0
    while (folder / f"{count:06d}.png").is_file():
        count += 1
    return count


def _key_frames(folder: Path, frames: int) -> list[int]:
    found = [re.fullmatch(r"keyframe_(\d{6})\.png", file.name) for file in folder.glob("keyframe_*.png")]
    chosen = sorted(int(match[1]) for match in found if match)
    return [index for index in chosen if index < frames]


def _rate(value: Any) -> float:
    try:
        rate = float(Fraction(str(value)))
    except (ValueError, ZeroDivisionError):
        return 25.0
    return rate if rate > 0 else 25.0


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
