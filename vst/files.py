"""Writing of files, atomically and through no link, reading of what may be damaged, and the order of names."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vst.errors import DISK_ERRORS, InputError, VstError

ASIDE = ".part"
"""The ending of files that are being written."""


class Damaged(VstError):  # noqa: N818 - a condition of a file
    """A file that a run left is not as it was written."""

    def __init__(self, path: Path):
        super().__init__(
            f"{path} is damaged, or not as the run left it; restore it, or begin a new run in another directory"
        )


@contextmanager
def atomic_write(path: Path) -> Generator[Path]:
    """Yield a temporary path to write to. It replaces `path` at the end, or is removed if the block fails.

    The temporary file is made here, under a name that nobody can foresee, so that no link lies there through which
    another file would be written; a link at `path` itself is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # a name may be as long as the file system allows, and this one is longer
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}{ASIDE}")
    try:
        with naming(path, temporary):
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
            yield temporary
            with temporary.open("rb") as file:
                if os.fstat(file.fileno()).st_size == 0:
                    raise FileNotFoundError(errno.ENOENT, "nothing was written", str(path))
                os.fsync(file.fileno())  # otherwise a power cut could leave an empty file under the new name
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def naming(path: Path, temporary: Path | None = None) -> Generator[None]:
    """Name the file that is written in an error of its disk, which names none that is open, or the `temporary` one."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_ERRORS and error.filename in (None, temporary and str(temporary)):
            # a new one: PyAV's own cannot be given another name
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def from_home(name: str) -> str:
    """The name of a file, with the user's folder for a `~` at its beginning; that of nobody known stays as it is."""
    return os.path.expanduser(name)  # noqa: PTH111 - pathlib's raises for a user who is not known


def refuse_link(path: Path) -> None:
    """Raise an `InputError` for a folder or a file that is a link: what it points to is not the program's to fill."""
    if path.is_symlink():
        raise InputError(f"{path} is a link, which is not written through; remove it")


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a binary file atomically."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    r"""Write a text file atomically.

    Names of files that are no UTF-8 have halves of characters in them, which become escapes, such as \udcff: in JSON
    they are read back as they were.
    """
    write_bytes(path, text.encode(errors="backslashreplace"))


HASHED = b"vst sha256 "
"""How a file begins that `write_hashed` wrote."""


def write_hashed(path: Path, content: memoryview) -> None:
    """Write a binary file atomically, behind a line with its hash, by which `read_hashed` notices damage."""
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write(HASHED + hashlib.sha256(content).hexdigest().encode() + b"\n")
        file.write(content)


def read_hashed(path: Path) -> bytes:
    """What `write_hashed` wrote; raises `Damaged` where the file is not as it was.

    A file that does not begin with a hash, such as one of version 0.1, is taken as it is. What is no file, such as a
    pipe or a device, would be waited for, or never end.
    """
    if path.exists() and not path.is_file():
        raise Damaged(path)
    content = path.read_bytes()
    if not content.startswith(HASHED):
        return content
    line, _, rest = content.partition(b"\n")
    if hashlib.sha256(rest).hexdigest().encode() != line.removeprefix(HASHED):
        raise Damaged(path)
    return rest


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write strict JSON, indented, with null for NaN and infinity."""
    write_text(path, json.dumps(json_ready(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def json_ready(value: Any) -> Any:
    """A value as it is read back from JSON: lists for tuples, text for keys, and None for NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def natural_key(text: str) -> list[tuple[int, str]]:
    """A sort key that compares the numbers in names as numbers: 2-flow before 10-flow."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
