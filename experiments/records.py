"""What the scripts here read of a run: how it ended, and its figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vst.errors import InputError
from vst.runs.record import Record, read_record

Summary = Mapping[str, float | None]
"""The figures of a run by metric; None where a metric is undefined for the clip."""


def record_of(directory: Path) -> Record:
    """The record of a run that has ended; raises `InputError` where there is none."""
    record = read_record(directory)
    if record is None:
        raise InputError(f"{directory} holds no run that has ended; give a run's directory")
    return record


def status(directory: Path) -> str | None:
    """How a run ended; None where none has."""
    record = read_record(directory)
    return record.status if record else None


def summary_of(directory: Path) -> Summary:
    """The figures of a run that has ended."""
    return record_of(directory).summary


def number(summary: Summary, name: str) -> float:
    """A metric that is defined for the clip."""
    value = summary[name]
    assert value is not None, name
    return value
