"""The run's own record: tables that grow by whole rows, and files that appear whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vst.errors import InputError


class Table:
    """A CSV file that grows by rows. What is on disk after a kill is cut back to a size known to be whole."""

    def __init__(self, path: Path):
        self.path = path
        self.columns: list[str] = []

    def begin(self, columns: Sequence[str], size: int | None = 0) -> None:
        """Start with a header, or go on after the first `size` bytes of what is there, None for all of it."""
        self.columns = list(columns)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if size:
            os.truncate(self.path, size)
        elif size is not None:
            self.path.write_text(_lines([self.columns]), encoding="utf-8")

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows in one write; values of columns that a row does not have stay empty."""
        text = _lines([_cell(row.get(column)) for column in self.columns] for row in rows)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def replace(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Put other rows in the place of all there are, whole or not at all."""
        lines = [self.columns, *([_cell(row.get(column)) for column in self.columns] for row in rows)]
        write_text(self.path, _lines(lines))

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self.path.stat().st_size

    def read(self) -> list[dict[str, str]]:
        """All rows, by column; none where the table was not begun."""
        if not self.path.is_file():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    # nine digits tell every float32 from the next
    return f"{value:.9g}" if isinstance(value, float) else value


@contextmanager
def written_aside(path: Path) -> Generator[Path]:
    """Give a file beside `path` to write; it takes the place of `path` at the end, or goes where that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.part")
    try:
        yield aside
        with aside.open("rb") as file:
            os.fsync(file.fileno())  # or a power cut could leave the name without the content
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def held(directory: Path, purpose: str, option: str) -> Generator[None]:
    """Hold a directory for one process; leave none behind that was made for what could not begin.

    `purpose` says in a refusal what works there, `option` what would name another directory.
    """
    try:
        created = not directory.exists() or not any(directory.iterdir())
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(directory / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(
            f"{directory} is in use by another {purpose}; wait for it, or name another directory with {option}"
        ) from error
    except OSError as error:
        raise InputError(
            f"{directory} cannot be written ({error.strerror}); name another directory with {option}"
        ) from error
    try:
        yield
    finally:
        # removed while it is held, or another's lock would be
        (directory / ".lock").unlink(missing_ok=True)
        lock.release()
        if created and directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()


def checkpoint_path(run: Path) -> Path:
    """Where the checkpoint of the run in a directory lies."""
    return run / "checkpoints" / "last.ckpt"


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON that any reader takes: indented, and without NaN, which stands as null."""
    write_text(path, json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """A value as it is read back from JSON: lists for tuples, text for keys, and None for what is no number."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
