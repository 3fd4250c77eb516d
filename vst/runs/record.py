"""A run's record, metrics.json: what was painted, how the run ended, and what is needed to repeat it.

All reading and writing of records is done here. `VERSION` is the version of their format. Version 1, which has no
version entry, names classes by their modules before the package was divided into rooms.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from vst.errors import InputError
from vst.files import write_json
from vst.runs.data import plain, read_text
from vst.runs.moved import with_new_names
from vst.runs.settings import Settings

VERSION = 2


class RecordError(InputError):
    """A record that cannot be used: it is damaged, or written by a later version."""


@dataclass(frozen=True)
class ClipRecord:
    """The part of the clip that was painted: `size` is (width, height) in pixels, `frame_rate` a fraction as text."""

    name: str | None = None
    start: int | None = None
    frames: int | None = None
    size: tuple[int, int] | None = None
    frame_rate: str | None = None


@dataclass(frozen=True)
class Provenance:
    """What is needed to repeat a run.

    `config` is its resolved configuration, `inputs` the SHA-256 of each file that it names, by the option, `precision`
    that of the convolutions, `motion` the source of the motion by which its coherence was measured.
    """

    config: Settings = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    weights: Mapping[str, str | None] = field(default_factory=dict)
    precision: str | None = None
    clip: ClipRecord = field(default_factory=ClipRecord)
    style: str | None = None
    motion: str | None = None
    versions: Mapping[str, str | None] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """`status` is how the run ended: finished, failed, interrupted, broken or pruned.

    `summary` has the figures by name, None where a figure is undefined.
    """

    status: str
    summary: Mapping[str, Any]
    provenance: Provenance


def record_path(run: Path) -> Path:
    """Path of the record of the run in a directory."""
    return run / "metrics.json"


def write_record(run: Path, record: Record) -> None:
    """Write the record of the run in a directory, atomically."""
    write_json(record_path(run), {"version": VERSION, **asdict(record)})


def read_record(run: Path) -> Record | None:
    """The record of the run in a directory; None where there is none, or the file is another program's.

    Raises `RecordError` where it cannot be used.
    """
    path = record_path(run)
    try:
        content = plain(json.loads(read_text(path)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise RecordError(
            f"the record {path} is damaged and cannot be read ({_first_line(error)}); restore it, or remove it and "
            f"paint the run anew"
        ) from error
    if not (isinstance(content, dict) and "status" in content and "provenance" in content):
        return None
    version = content.get("version", 1)
    if not isinstance(version, int) or version > VERSION:
        raise RecordError(
            f"the record {path} has version {version}, and this vst reads up to {VERSION}; install a newer vst"
        )
    # slow to import, and not needed where there is no record
    from pydantic import TypeAdapter, ValidationError

    try:
        record = TypeAdapter(Record).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RecordError(
            f"the record {path} is damaged ({where}: {first['msg']}); restore it, or remove it and paint the run anew"
        ) from error
    config = with_new_names(record.provenance.config)
    return replace(record, provenance=replace(record.provenance, config=config))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
