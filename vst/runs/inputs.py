"""Which files a run is painted from, and whether they are still the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from vst.assets import file_hash
from vst.errors import InputError
from vst.pictures import pictures_in
from vst.runs.settings import Settings, files_named, select


def hashes_of_inputs(settings: Settings) -> dict[str, str]:
    """SHA-256 of each file, or folder of pictures, that the settings name, by the option.

    One that cannot be read is left out.
    """
    return dict(_hashes(settings, _options(settings)))


def changed_inputs(before: Mapping[str, str], settings: Settings) -> list[str]:
    """The options whose files are other ones than `before`; a run of version 0.1 has no hashes to tell."""
    known = [option for option in _options(settings) if option in before]
    return [option for option, found in _hashes(settings, known) if found != before[option]]


def _options(settings: Settings) -> list[str]:
    # the start names the file of `network` again
    return [option for option in files_named(settings) if not option.startswith("start.")]


def _hashes(settings: Settings, options: Sequence[str]) -> Iterator[tuple[str, str]]:
    for option in options:
        path = select(settings, option)
        with suppress(OSError, InputError):
            if isinstance(path, str) and Path(path).is_dir():
                yield option, _hash_of_pictures(Path(path))
            elif isinstance(path, str) and Path(path).is_file():
                yield option, _hash_as_it_is(Path(path))


def _hash_of_pictures(folder: Path) -> str:
    """The hash of the names and hashes of the pictures in a folder."""
    listed = [f"{_hash_as_it_is(file)} {file.name}\n" for file in pictures_in(folder)]
    return hashlib.sha256("".join(listed).encode(errors="surrogateescape")).hexdigest()


def _hash_as_it_is(file: Path) -> str:
    state = file.stat()
    return _hash(file, state.st_size, state.st_mtime_ns)


@cache
def _hash(path: Path, size: int, modified: int) -> str:
    """A file's hash, found once in a process as long as the file is not written to: the runs of a grid share it."""
    return file_hash(path)
