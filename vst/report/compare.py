"""What tells runs apart, and which of them is ahead."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vst.report.metrics import METRICS, Metric
from vst.report.runs import Run

TOP = ("model", "clip", "style", "alpha", "beta", "eta", "evaluations", "passes", "seed")
"""The settings that are named first, in this order; `clip` and `style` are the names of what is configured."""

OWN_PARTS = {"loss.coherence": "model", "video": "clip", "style": "style"}
"""Settings, by how they begin, that a choice brings with it: shown only where they differ beyond that choice."""

# Okabe & Ito's colours, without the yellow and the black that vanish on light and on dark ground
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C")
MODELS = ("naive", "mse", "enhanced", "flow", "robust", "ruder", "ruder_multipass")
"""Models that have one of these colours, in this order, wherever they are drawn."""

# Plotly's own, and three more: nine clips and paintings of a grid stay apart
DASHES = (
    *("solid", "dash", "dot", "dashdot", "longdash", "longdashdot"),
    *("2px,7px", "10px,3px,2px,3px,2px,3px", "14px,3px,5px,3px"),
)


@dataclass(frozen=True)
class Setting:
    """An option in which runs differ, and its value in each of them."""

    key: str
    values: tuple[Any, ...]

    @property
    def numeric(self) -> bool:
        """Whether every run that has it has a number there."""
        given = [value for value in self.values if value is not None]
        return bool(given) and all(
            isinstance(value, int | float) and not isinstance(value, bool) for value in given
        )

    def text(self, index: int) -> str:
        """The value in one run, to be read."""
        return written(self.values[index])

    def choices(self) -> list[str]:
        """The different values, to be read: numbers by size, others as they come."""
        values = list(self.values)
        if self.numeric:
            values.sort(key=lambda value: float("-inf") if value is None else value)
        return list(dict.fromkeys(map(written, values)))


def written(value: Any) -> str:
    """A setting's value in few characters."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    if isinstance(value, list):
        return ", ".join(map(written, value)) or "none"
    return str(value)


def differing_settings(runs: Sequence[Run]) -> list[Setting]:
    """The settings in which the runs differ, the paper's own first."""
    tables = [_flat_settings(run) for run in runs]
    keys = [*TOP, *dict.fromkeys(key for table in tables for key in table if key not in TOP)]
    settings = [Setting(key, tuple(table.get(key) for table in tables)) for key in keys]
    by_key = {setting.key: setting for setting in settings}
    return [
        setting
        for setting in settings
        if len(set(map(_identity, setting.values))) > 1 and not _follows(setting, by_key)
    ]


def _follows(setting: Setting, by_key: Mapping[str, Setting]) -> bool:
    """Whether a setting is but part of a choice that is shown already."""
    for part, choice in OWN_PARTS.items():
        if setting.key not in TOP and f"{setting.key}.".startswith(f"{part}."):
            return _is_settled_by(by_key[choice], setting)
    return False


def _is_settled_by(choice: Setting, setting: Setting) -> bool:
    """Whether runs with the same choice have the same setting."""
    pairs = zip(choice.values, setting.values, strict=True)
    seen = {(_identity(chosen), _identity(value)) for chosen, value in pairs}
    return len(seen) == len(set(map(_identity, choice.values)))


def told_by_model(setting: Setting, runs: Sequence[Run]) -> bool:
    """Whether runs of the same model have the same setting."""
    return _is_settled_by(Setting("model", tuple(run.model for run in runs)), setting)


def brought_along(setting: Setting, runs: Sequence[Run]) -> bool:
    """Whether a setting, none of the paper's own, is but what the choice of another model brings with it."""
    return setting.key not in TOP and told_by_model(setting, runs)


def _identity(value: Any) -> str:
    """The same for equal values, 1 and 1.0 among them."""
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
    """The settings in a node by their paths; what it builds stands under the node's own."""
    leaves: list[tuple[str, Any]] = []
    for key, value in node.items():
        if key == "_target_":
            leaves.append((path + (".class" if path == "style" else ""), str(value).rpartition(".")[2]))
        elif isinstance(value, Mapping):
            leaves += _leaves(value, f"{path}.{key}")
        elif key != "_partial_":
            leaves.append((f"{path}.{key}", value))
    return leaves


def labels(runs: Sequence[Run], settings: Sequence[Setting]) -> list[str]:
    """A short name for each run: its model, and the settings that differ beyond it."""
    telling = [setting for setting in settings if not told_by_model(setting, runs)][:6]
    texts = []
    for index, run in enumerate(runs):
        parts = [run.model]
        for setting in telling:
            if setting.values[index] is not None:
                text = setting.text(index)
                parts.append(text if setting.key in ("clip", "style") else f"{setting.key} {text}")
        texts.append(" · ".join(parts))
    repeated = {text for text in texts if texts.count(text) > 1}
    return [
        f"{text} · {run.name}" if text in repeated else text for text, run in zip(texts, runs, strict=True)
    ]


def group_of(run: Run) -> str:
    """What runs must share to be compared: the clip's stretch, the painting, and whose motion is held for true."""
    parts = [run.settings.get("video"), run.settings.get("style"), run.motion]
    return json.dumps(parts, sort_keys=True, default=str)


def numbered(runs: Sequence[Run], key: Callable[[Run], str]) -> list[int]:
    """For each run the number of its class, in order of appearance."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(key(run), len(numbers)) for run in runs]


def appearance(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """A colour and a dash for each run: the colour tells models apart where they differ, the dash the rest.

    With several clips or paintings the dash is theirs, the same for all models.
    """
    one_by_one = [
        (COLOURS[index % len(COLOURS)], DASHES[index // len(COLOURS) % len(DASHES)])
        for index in range(len(runs))
    ]
    models = [run.model for run in runs]
    if not 1 < len(set(models)) <= len(COLOURS):
        return one_by_one
    places = numbered(runs, group_of)
    if len(set(places)) == 1:
        places = [models[:index].count(model) for index, model in enumerate(models)]
        if max(places) >= len(DASHES):  # more than a model's colour has looks for
            return one_by_one
    colours = model_colours(models)
    return [
        (colours[model], DASHES[place % len(DASHES)]) for model, place in zip(models, places, strict=True)
    ]


def model_colours(models: Sequence[str]) -> dict[str, str]:
    """The colour of each of up to seven models: its own if it has one, else what is left, in order of appearance."""
    own = {model: colour for model, colour in zip(MODELS, COLOURS, strict=True) if model in models}
    left = iter([colour for colour in COLOURS if colour not in own.values()])
    others = [model for model in dict.fromkeys(models) if model not in own]
    return own | dict(zip(others, left, strict=False))


def present_metrics(runs: Sequence[Run]) -> list[Metric]:
    """The metrics that at least one run has."""
    return [metric for metric in METRICS if any(metric.key in run.summary for run in runs)]


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Which points no other is better than in one value and at least as good in the other, from left to right.

    Lower is better in both; of equal points all are on it, or none.
    """
    front: list[int] = []
    for index in sorted(range(len(points)), key=lambda i: points[i]):
        last = points[front[-1]] if front else None
        if last is None or points[index][1] < last[1] or points[index] == last:
            front.append(index)
    return front
