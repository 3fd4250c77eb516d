"""How runs are named and drawn, the same in the report and in the plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vst.compare.groups import group_numbers, group_of
from vst.compare.runs import Run
from vst.compare.settings import Setting, differing_settings, implied_by_model

# Okabe & Ito's colours, without yellow and black, which are hard to see on light and dark backgrounds; and three more
COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C"),
    *("#8B6FE8", "#9A6324", "#7CB518"),
)
MODELS = (
    *("naive", "mse", "enhanced", "flow", "robust", "ruder", "ruder_multipass"),
    *("keyframes", "network", "anystyle"),
)
"""Models that always have these colours, in this order."""

# Plotly's own, and three more, to distinguish nine groups of a clip and a painting
DASHES = (
    *("solid", "dash", "dot", "dashdot", "longdash", "longdashdot"),
    *("2px,7px", "10px,3px,2px,3px,2px,3px", "14px,3px,5px,3px"),
)


@dataclass(frozen=True)
class Look:
    """How a run is named and drawn in all figures."""

    label: str
    colour: str
    dash: str


def looks_of(runs: Sequence[Run]) -> list[Look]:
    """The look of each run, distinct among the runs shown together."""
    names = labels(runs, differing_settings(runs))
    return [Look(name, *look) for name, look in zip(names, appearance(runs), strict=True)]


def labels(runs: Sequence[Run], settings: Sequence[Setting]) -> list[str]:
    """A short name for each run: its model, and the settings that differ within a model."""
    distinguishing = [setting for setting in settings if not implied_by_model(setting, runs)][:6]
    texts = []
    for index, run in enumerate(runs):
        parts = [run.model]
        for setting in distinguishing:
            if setting.values[index] is not None:
                text = setting.text(index)
                parts.append(text if setting.key in ("clip", "style") else f"{setting.key} {text}")
        texts.append(" · ".join(parts))
    repeated = {text for text in texts if texts.count(text) > 1}
    return [
        f"{text} · {run.name}" if text in repeated else text for text, run in zip(texts, runs, strict=True)
    ]


def appearance(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """A colour and a dash for each run: if the models differ, the colour shows the model, and the dash the run.

    With several clips or paintings, the dash shows the clip and painting instead, the same for all models.
    """
    one_by_one = [
        (COLOURS[index % len(COLOURS)], DASHES[index // len(COLOURS) % len(DASHES)])
        for index in range(len(runs))
    ]
    models = [run.model for run in runs]
    if not 1 < len(set(models)) <= len(COLOURS):
        return one_by_one
    places = group_numbers(runs, group_of)
    if len(set(places)) == 1:
        places = [models[:index].count(model) for index, model in enumerate(models)]
        if max(places) >= len(DASHES):  # a model has more runs than there are dashes
            return one_by_one
    colours = model_colours(models)
    return [
        (colours[model], DASHES[place % len(DASHES)]) for model, place in zip(models, places, strict=True)
    ]


def model_colours(models: Sequence[str]) -> dict[str, str]:
    """The colour of each of up to ten models: its own if it has one, else the unused ones in order of appearance."""
    own = {model: colour for model, colour in zip(MODELS, COLOURS, strict=True) if model in models}
    unused = iter([colour for colour in COLOURS if colour not in own.values()])
    others = [model for model in dict.fromkeys(models) if model not in own]
    return own | dict(zip(others, unused, strict=False))
