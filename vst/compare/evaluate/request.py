"""Reads what to evaluate from `key=value` arguments."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vst.bounds import LONGEST
from vst.commandline import Parser
from vst.errors import InputError
from vst.files import from_home

MOST = 1_000_000_000
"""The largest number of a frame."""

FLOWS = ("consensus", "deepflow", "dis", "farneback", "raft", "sparse")


@dataclass(frozen=True)
class Request:
    """The arguments of the command line."""

    content: str
    stylized: tuple[str, ...]
    style: str | None = None
    flow: str | None = None
    size: int | None = None
    start: int = 0
    frames: int | None = None
    cuts: tuple[int, ...] | None = None
    output: Path | None = None


def parse(arguments: Sequence[str]) -> Request:
    """Read `key=value` arguments and `-o FILE`; raises `InputError` for what is unknown, missing or wrong."""
    parser = Parser(prog="python -m vst.evaluate")
    parser.add_option("-o", dest="output", type=Path)
    parser.add_argument("pairs", nargs="*")
    parsed = parser.parse_intermixed_args(list(arguments))
    given: dict[str, list[str]] = {}
    for argument in parsed.pairs:
        key, equals, value = argument.partition("=")
        if not equals or key not in _READERS:
            raise InputError(f"{argument} is not understood; see {parser.prog} --help")
        if not value:
            raise InputError(f"{key} is given without a value; add one")
        given.setdefault(key, []).append(value)
    for key in ("content", "stylized"):
        if key not in given:
            raise InputError(f"{key} is not given; add {key}=… to the command line")
    for key, values in given.items():
        if len(values) > 1 and key != "stylized":
            raise InputError(f"{key} is given {len(values)} times; give it once")
    stylized = tuple(_file("stylized", name) for name in given.pop("stylized"))
    read = {key: _READERS[key](key, values[0]) for key, values in given.items()}
    return Request(stylized=stylized, output=parsed.output and _output(parsed.output), **read)


def _output(path: Path) -> Path:
    """Where to write; raises `InputError` for what a file cannot take the place of, such as a device."""
    if path.is_dir():
        raise InputError(f"-o {path} is a folder; name a file")
    target = path.resolve()  # a link that the user names is meant
    if target.exists() and not target.is_file():
        raise InputError(f"-o {path} is not a file; name one")
    return target


def _file(key: str, text: str) -> str:
    """The name of a file; a shell leaves a `~` after = as it is."""
    return from_home(text)


def _flow(key: str, text: str) -> str:
    if text not in FLOWS:
        raise InputError(f"flow={text} is not known; choose one of: {', '.join(FLOWS)}")
    return text


def _whole(key: str, text: str, least: int, most: int = MOST) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
        raise InputError(f"{key}={text} is not a whole number from {least} to {most}; correct it")
    return int(text)


def _numbers(key: str, text: str) -> tuple[int, ...]:
    """Whole numbers separated by commas, with or without brackets."""
    inner = text.removeprefix("[").removesuffix("]").strip()
    return tuple(_whole(key, number.strip(), least=0) for number in inner.split(",")) if inner else ()


_READERS: dict[str, Callable[[str, str], Any]] = {
    "content": _file,
    "stylized": _file,
    "style": _file,
    "flow": _flow,
    "size": partial(_whole, least=1, most=LONGEST),
    "start": partial(_whole, least=0),
    "frames": partial(_whole, least=1),
    "cuts": _numbers,
}
