from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256 as _hash
from pathlib import Path
from typing import Any

from vst.files import Damaged, naming, write_bytes


class Table:
    """A CSV file to which rows are appended. After a kill, it is cut back to its complete rows."""

    def __init__(self, path: Path):
        self.path = path
        self.columns: list[str] = []
        self._kept = b""
        self._written = _hash()

    def keep(self, size: int | None, sha256: str | None = None, least: int = 0) -> None:
        """Continue after the first `size` bytes of the existing file, None for all of it, once it is begun.

        Raises `Damaged` where they do not have the hash `sha256`, or are fewer than `size` or `least`.
        """
        content = self.path.read_bytes() if self.path.is_file() else b""
        self._kept = content[:size]
        if len(content) < max(size or 0, least) or sha256 not in (None, _hash(self._kept).hexdigest()):
            raise Damaged(self.path)

    def begin(self, columns: Sequence[str]) -> None:
        """Write the header, or what is kept.

        It is written to a new file, so that a link is replaced and not written through. A table that is continued keeps
        its own columns: it may be of a version that had others.
        """
        header = next(csv.reader(io.StringIO(self._kept.decode(errors="replace"), newline="")), None)
        self.columns = header or list(columns)
        self._write(self._kept or _lines([self.columns]).encode())
        self._kept = b""

    def _write(self, content: bytes) -> None:
        write_bytes(self.path, content)
        self._written = _hash(content)

    @property
    def sha256(self) -> str:
        """The hash of what was written so far."""
        return self._written.hexdigest()

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows in one write; a column that a row does not have is left empty."""
        content = _lines([_cell(row.get(column)) for column in self.columns] for row in rows).encode()
        with naming(self.path), self.path.open("ab") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self._written.update(content)

    def replace(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Replace all rows, atomically."""
        lines = [self.columns, *([_cell(row.get(column)) for column in self.columns] for row in rows)]
        self._write(_lines(lines).encode())

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self.path.stat().st_size

    def header(self) -> list[str]:
        """The columns in the file; none where there is no file."""
        if not self.path.is_file():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file), [])

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
