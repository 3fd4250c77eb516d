from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vst.files import write_text


class Table:
    """A CSV file to which rows are appended. After a kill, it is truncated to the size of its complete rows."""

    def __init__(self, path: Path):
        self.path = path
        self.columns: list[str] = []

    def begin(self, columns: Sequence[str], size: int | None = 0) -> None:
        """Write the header, or continue after the first `size` bytes of the existing file, None for all of it.

        A table that is continued keeps its own columns: it may be of a version that had others.
        """
        continued = size is None or size > 0
        self.columns = (self._header() if continued else None) or list(columns)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if size:
            os.truncate(self.path, size)
        elif size is not None:
            self.path.write_text(_lines([self.columns]), encoding="utf-8")

    def _header(self) -> list[str] | None:
        if not self.path.is_file():
            return None
        with self.path.open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file), None)

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows in one write; a column that a row does not have is left empty."""
        text = _lines([_cell(row.get(column)) for column in self.columns] for row in rows)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def replace(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace all rows, atomically."""
        lines = [self.columns, *([_cell(row.get(column)) for column in self.columns] for row in rows)]
        write_text(self.path, _lines(lines))

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self.path.stat().st_size

    def read(self) -> list[dict[str, str]]:
        """All rows, by column; none where there is no file."""
        if not self.path.is_file():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    # nine digits distinguish all float32 values
    return f"{value:.9g}" if isinstance(value, float) else value
