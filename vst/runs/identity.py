"""Which settings determine what a run paints and measures, and so whether two runs are the same."""

from __future__ import annotations

from typing import Any

from vst.runs.settings import Settings, select

_WITHOUT_EFFECT = ("resume", "lanes", "tiles", "output", "paths", "logger", "callbacks", "hydra")
"""The parts of a configuration that do not affect the paintings: where they are written, and how they are shown."""


def painting_settings(settings: Settings) -> Settings:
    """The part of the configuration that determines what is painted."""
    kept = _without(settings, *_WITHOUT_EFFECT)
    backbone = kept.get("backbone")
    return {**kept, "backbone": _without(backbone, "tiles")} if isinstance(backbone, dict) else kept


def identity(settings: Settings) -> Settings:
    """The settings that determine what is painted and what is measured of it, on whatever device."""
    return {
        **painting_settings(settings),
        "optimizer": _without(_node(settings, "optimizer"), "graphs"),
        "trainer": _without(_node(settings, "trainer"), "accelerator", "devices"),
        "callbacks": {"metrics": _without(_node(settings, "callbacks.metrics"), "directory")},
    }


def first_difference(before: Any, now: Any, path: str = "") -> str | None:
    """The first option, by its path, in which two configurations differ."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return None if before == now else path
    for key in sorted(set(before) | set(now)):
        inner = f"{path}.{key}" if path else key
        if key not in before or key not in now:
            return inner
        if found := first_difference(before[key], now[key], inner):
            return found
    return None


def _node(settings: Settings, path: str) -> Settings:
    """A node, or nothing where a record has none, or something else in its place."""
    node = select(settings, path)
    return node if isinstance(node, dict) else {}


def _without(node: Settings, *options: str) -> Settings:
    return {key: value for key, value in node.items() if key not in options}
