"""Finds runs under folders, and gives them distinct names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from vst.compare.runs import Run, read_run
from vst.errors import InputError
from vst.files import natural_key, refuse_link
from vst.runs.configuration import configuration_path
from vst.runs.data import text
from vst.runs.record import RecordError, read_record
from vst.runs.rows import metrics_path


def find_runs(directories: Sequence[Path]) -> list[Run]:
    """All runs under the directories, without duplicates, in the order of their names.

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
        raise InputError(f"there are no runs in {where}; name a run, or a folder that holds runs")
    names = _names(list(found))
    runs = [read_run(path, names[path]) for path in found]
    _fill_in_from_records(runs)
    return runs


def default_output(directories: Sequence[Path], name: str) -> Path:
    """The folder of this name in the first directory, for what is made from its runs.

    Raises `InputError` for a link, since a directory from elsewhere must not choose where is written.
    """
    folder = directories[0] / name
    refuse_link(folder)
    return folder


def _fill_in_from_records(runs: Sequence[Run]) -> None:
    """Copy to runs that have no record yet what all records of the same clip or painting agree on, so that they group.

    The configuration alone may name a clip differently, and does not say which estimator measured its motion.
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
    """The run directories at or below a directory; folders inside a run are not searched."""
    if _is_run(directory):
        yield directory
        return
    folders = [item for item in directory.iterdir() if item.is_dir() and not item.is_symlink()]
    for folder in sorted(folders, key=lambda item: natural_key(item.name)):
        if not folder.name.startswith("."):
            yield from _walk(folder)


def _is_run(directory: Path) -> bool:
    """Whether a directory holds a run; one that cannot be looked into is taken for one, so that the page says so."""
    try:
        if configuration_path(directory).is_file():
            return True
        next(directory.iterdir(), None)
    except OSError:
        return True
    try:
        return read_record(directory) is not None
    except RecordError:
        return metrics_path(directory).is_file()  # or else the file is another program's


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Distinct names of the runs: their paths from the folder that contains them all."""
    if len(paths) == 1:
        return {paths[0]: text(paths[0].name)}
    common = os.path.commonpath([path.parent for path in paths])
    return {path: text(path.relative_to(common).as_posix()) for path in paths}
