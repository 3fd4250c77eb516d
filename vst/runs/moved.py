"""Names that have changed since a run recorded its configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

CLASSES = {
    "vst.callbacks.": "vst.runs.callbacks.",
    "vst.canvas.": "vst.painting.canvas.",
    "vst.loggers.": "vst.runs.loggers.",
    "vst.start.": "vst.painting.start.",
    "vst.styles.draw_painting": "vst.styles.DrawnPainting",
    "vst.styles.open_painting": "vst.styles.OpenedPainting",
}
"""Beginnings of the full names of classes and functions: in version 0.1, and now."""

OPTIONS = {
    "shares": "evaluation_factors",
    "loss.coherence.anchor_share": "loss.coherence.anchor_weight",
    "start.share": "start.blend",
}
"""Paths of options: in version 0.1, and now."""


FIRST_DEFAULTS = {
    "backbone.precision": "float32",
    "optimizer.tolerance": 0,
    "scales": 1,
    "style.size": 256,
    "backbone.border": "zeros",
    "network": None,
    "later_factor": 1.0,
    "keyframes": None,
}
"""Options whose defaults have changed, or that are new, and the values with which version 0.1 painted."""

WEIGHTS = ("alpha", "beta", "eta")
"""Options whose defaults are found anew when a search finds better ones, each model's own; a run keeps those it began
with."""

NEW = {
    "preview": False,
    "colours": "style",
    "strength": 1,
    "styles": {},
    "style.scale": 1,
    "style.weight": 1,
    "style.mask": None,
}
"""Options that are new, and whose defaults paint as before."""

RANDOM_WIDTH = 64
"""The `width` of random filters before they had that option."""


def with_new_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as this version would write it, with the values of 0.1 for options that are new."""
    renamed = _renamed(settings, OPTIONS, CLASSES)
    for option, value in {**FIRST_DEFAULTS, **NEW}.items():
        group, _, key = option.partition(".")
        if not key and "passes" in renamed:  # a whole configuration
            renamed.setdefault(group, value)
        elif isinstance(renamed.get(group), dict):
            renamed[group].setdefault(key, value)
    filters = renamed["backbone"].get("weights") if isinstance(renamed.get("backbone"), dict) else None
    if isinstance(filters, dict) and str(filters.get("_target_")).endswith(".random"):
        filters.setdefault("width", RANDOM_WIDTH)
    return renamed


def override_with_new_names(override: str) -> str:
    """An override of the command line with the names of this version."""
    option, equals, value = override.partition("=")
    name = option.lstrip("+~")
    sign = option.removesuffix(name)
    for before, now in CLASSES.items():
        value = re.sub(rf"(?<![\w.]){re.escape(before)}", now, value)
    return f"{sign}{OPTIONS.get(name, name)}{equals}{value}"


def _renamed(node: Any, options: Mapping[str, str], classes: Mapping[str, str], path: str = "") -> Any:
    if isinstance(node, list):
        return [_renamed(item, options, classes, path) for item in node]
    if not isinstance(node, Mapping):
        return node
    renamed = {}
    for key, value in node.items():
        inner = f"{path}.{key}" if path else str(key)
        name = options[inner].rpartition(".")[2] if inner in options else key
        renamed[name] = (
            _target(value, classes) if key == "_target_" else _renamed(value, options, classes, inner)
        )
    return renamed


def _target(target: Any, classes: Mapping[str, str]) -> Any:
    for before, now in classes.items():
        if isinstance(target, str) and target.startswith(before):
            return now + target.removeprefix(before)
    return target
