"""What is read from a run's directory is data: whoever wrote it chooses neither what is done nor how long it takes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

MOST_BYTES, MOST_VALUES, MOST_LEVELS, MOST_BITS = 2**24, 100_000, 20, 1000
"""The limits of a file with a record or a configuration: some thousand times what a run writes."""


def read_text(path: Path) -> str:
    """Read a text file; raises `ValueError` for what no run writes, `OSError` where it cannot be read."""
    if path.exists() and not path.is_file():
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes")
    return content.decode("utf-8")


def plain(content: Any) -> Any:
    """What JSON or YAML holds, as a run would have written it: text for keys, and None for NaN and infinity.

    Raises `ValueError` for what no run writes: endless nesting, or numbers beyond any arithmetic.
    """
    values = count()

    def value_of(value: Any, level: int) -> Any:
        if level > MOST_LEVELS or next(values) > MOST_VALUES:
            raise ValueError("it is nested too deeply, or has too many values")
        if isinstance(value, Mapping):
            return {text(str(key)): value_of(item, level + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [value_of(item, level + 1) for item in value]
        if isinstance(value, int) and value.bit_length() > MOST_BITS:
            raise ValueError("it has a number of too many digits")
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        return value if value is None or isinstance(value, bool | int) else text(str(value))

    return value_of(content, 0)


_HALVES = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")


def text(value: str) -> str:
    """Text that may be the name of a file: half characters, as JSON may have, are replaced.

    Those stay by which Python stands for the bytes of a name that is no UTF-8.
    """
    return _HALVES.sub("?", value)
