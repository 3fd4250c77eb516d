"""The settings in which runs differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vst.compare.runs import Run
from vst.formatting import format_setting

TOP = ("model", "clip", "style", "alpha", "beta", "eta", "evaluations", "scales", "passes", "seed")
"""The settings that come first, in this order; `clip` and `style` are the names of the clip and the painting."""

IMPLIED_BY = {"loss.coherence": "model", "video": "clip", "style": "style"}
"""Prefixes of settings, and the choice that implies them: they are shown only where they differ within that choice."""


@dataclass(frozen=True)
class Setting:
    """An option in which runs differ, and its value in each run."""

    key: str
    values: tuple[Any, ...]

    @property
    def numeric(self) -> bool:
        """Whether all its values are numbers, except those of runs that do not have the option."""
        given = [value for value in self.values if value is not None]
        return bool(given) and all(
            isinstance(value, int | float) and not isinstance(value, bool) for value in given
        )

    def text(self, index: int) -> str:
        """The value in one run, formatted."""
        return format_setting(self.values[index])

    def choices(self) -> list[str]:
        """The distinct values, formatted: numbers in order, others in order of appearance."""
        values = list(self.values)
        if self.numeric:
            values.sort(key=lambda value: float("-inf") if value is None else value)
        return list(dict.fromkeys(map(format_setting, values)))


def differing_settings(runs: Sequence[Run]) -> list[Setting]:
    """The settings in which the runs differ, the paper's own first."""
    tables = [_flat_settings(run) for run in runs]
    keys = [*TOP, *dict.fromkeys(key for table in tables for key in table if key not in TOP)]
    settings = [Setting(key, tuple(table.get(key) for table in tables)) for key in keys]
    by_key = {setting.key: setting for setting in settings}
    return [
        setting
        for setting in settings
        if len(set(map(_identity, setting.values))) > 1 and not _is_implied(setting, by_key)
    ]


def _is_implied(setting: Setting, by_key: Mapping[str, Setting]) -> bool:
    """Whether a setting is implied by a choice that is shown already."""
    for part, choice in IMPLIED_BY.items():
        if setting.key not in TOP and f"{setting.key}.".startswith(f"{part}."):
            return _is_determined_by(by_key[choice], setting)
    return False


def _is_determined_by(choice: Setting, setting: Setting) -> bool:
    """Whether runs with the same choice have the same value of the setting."""
    pairs = zip(choice.values, setting.values, strict=True)
    seen = {(_identity(chosen), _identity(value)) for chosen, value in pairs}
    return len(seen) == len(set(map(_identity, choice.values)))


def implied_by_model(setting: Setting, runs: Sequence[Run]) -> bool:
    """Whether runs of the same model have the same value of the setting."""
    return _is_determined_by(Setting("model", tuple(run.model for run in runs)), setting)


def implied_by_choice(setting: Setting, runs: Sequence[Run]) -> bool:
    """Whether a setting, other than those of `TOP`, is implied by the model."""
    return setting.key not in TOP and implied_by_model(setting, runs)


def _identity(value: Any) -> str:
    """A key that is the same for equal values, such as 1 and 1.0."""
    return json.dumps(float(value) if isinstance(value, int) else value, sort_keys=True, default=str)


def _flat_settings(run: Run) -> dict[str, Any]:
    flat: dict[str, Any] = {"clip": run.clip, "style": run.style}
    weights = {"content": "alpha", "style": "beta", "coherence": "eta"}
    for key, value in run.settings.items():
        if not isinstance(value, Mapping):
            flat[key] = value
            continue
        for path, leaf in _leaves(value, key):
            term = path.removeprefix("loss.").removesuffix(".weight")
            if path == f"loss.{term}.weight" and leaf == run.settings.get(weights.get(term, "")):
                continue  # α, β and η themselves
            flat[path] = leaf
    return flat


def _leaves(node: Mapping[str, Any], path: str) -> list[tuple[str, Any]]:
    """The settings in a node by their paths; the class that it builds is under the node's own path."""
    leaves: list[tuple[str, Any]] = []
    for key, value in node.items():
        if key == "_target_":
            leaves.append((path + (".class" if path == "style" else ""), str(value).rpartition(".")[2]))
        elif isinstance(value, Mapping):
            leaves += _leaves(value, f"{path}.{key}")
        elif key != "_partial_":
            leaves.append((f"{path}.{key}", value))
    return leaves
