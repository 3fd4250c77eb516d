"""What the options that are stored in a run's directory may choose, which may come from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from vst.composing import parse
from vst.config import choices, conf_dir
from vst.errors import InputError
from vst.runs.signatures import NAME

TRAINER = ("accelerator", "devices")
"""The options of Lightning's Trainer that do not decide what it calls or where it writes."""

_CHOICE = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")
_INTERPOLATION = re.compile(r"(?<!\\)(?:\\\\)*\$\{")
OF_AN_OPTION = re.compile(r"\$\{([\w.]+)\}")
"""A value that stands for that of another option."""


def may_choose(override: str) -> bool:
    """Whether an option is one that a directory may choose.

    It may choose among the program's own configurations, classes and functions, and values for their options. It may
    not choose where is written, read the environment, or have anything else called.
    """
    try:
        [parsed] = parse([override])
    except InputError:
        return False
    if parsed.is_sweep_override():
        return False
    key, package = str(parsed.key_or_group), parsed.package or ""
    if _is_reserved(re.split(r"[./]", key)) or _is_reserved(package.split(".")):
        return False
    return all(_is_harmless(path, value) for path, value in _leaves(key.split("."), parsed.value()))


@cache
def own_targets() -> frozenset[str]:
    """The classes and functions that the program's own configurations name."""
    groups = (
        file for file in conf_dir().rglob("[!.]*.yaml") if "hydra" not in file.relative_to(conf_dir()).parts
    )
    texts = (file.read_text(encoding="utf-8") for file in groups)
    names = {name for text in texts for name in re.findall(r"^\s*_target_:\s*(\S+)", text, re.M)}
    # Lightning's Trainer would take anything else in its options, and a directory may not choose them
    return frozenset(name for name in names if name.startswith(f"{NAME}."))


def _is_reserved(path: Sequence[str]) -> bool:
    """Whether an option decides where is written, or what Hydra or Lightning call."""
    top, *inner = path
    if top == "trainer" and inner:
        return inner[0] not in TRAINER
    return top in ("hydra", "paths") or path[-1] in ("directory", "tracking_uri")


def _leaves(path: list[str], value: Any) -> Iterator[tuple[list[str], Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves([*path, *str(key).split(".")], item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(path, item)
    else:
        yield path, value


def _is_harmless(path: list[str], value: Any) -> bool:
    if _is_reserved(path):
        return False
    if any(part.startswith("_") for part in path):
        return path[-1] == "_target_" and value in own_targets()
    if not isinstance(value, str):
        return True
    if _INTERPOLATION.search(value):
        return OF_AN_OPTION.fullmatch(value) is not None
    # the choice of a group is the name of a file that is composed
    return not (len(path) == 1 and choices(path[0])) or _CHOICE.fullmatch(value) is not None
