"""Classes that lie elsewhere than they did when a run recorded its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOVED = {
    "vst.callbacks.": "vst.runs.callbacks.",
    "vst.canvas.": "vst.painting.canvas.",
    "vst.loggers.": "vst.runs.loggers.",
    "vst.start.": "vst.painting.start.",
}
"""How their full names began in version 0.1, and how they begin now."""


def with_new_names(node: Any) -> Any:
    """A configuration as this version would write it: every `_target_` where it lies now."""
    return _renamed(node, MOVED)


def with_first_names(node: Any) -> Any:
    """A configuration as version 0.1 would have written it, for fingerprints that it has left."""
    return _renamed(node, {now: before for before, now in MOVED.items()})


def _renamed(node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, Mapping):
        return {
            key: _target(value, names) if key == "_target_" else _renamed(value, names)
            for key, value in node.items()
        }
    return [_renamed(item, names) for item in node] if isinstance(node, list) else node


def _target(target: Any, names: Mapping[str, str]) -> Any:
    for before, now in names.items():
        if isinstance(target, str) and target.startswith(before):
            return now + target.removeprefix(before)
    return target
