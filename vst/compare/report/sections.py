"""The rows and columns of the page's tables and grids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vst.compare.groups import group_numbers, group_of
from vst.compare.report.shown import Shown
from vst.compare.settings import implied_by_model
from vst.formatting import exponent, legible


def columns(shown: Shown) -> list[dict[str, Any]]:
    """The columns of the metrics: the metric, its power of ten, and each run's value as number and text."""
    columns = []
    for metric in shown.metrics:
        values = [run.summary.get(metric.key) for run in shown.runs]
        power = 0 if metric.unit else exponent(value for value in values if value is not None)
        texts = ["–" if value is None else legible(value / 10**power) for value in values]
        columns.append({"metric": metric, "power": power, "numbers": values, "texts": texts})
    return columns


def key_frame_rows(shown: Shown) -> list[dict[str, Any]]:
    """For each clip with key frames: its runs, and the frames to show."""
    rows: list[dict[str, Any]] = []
    for number in range(len(shown.contents)):
        members = [i for i, content in enumerate(shown.chosen) if content == number]
        kept = sorted({frame for i in members for frame in shown.runs[i].keyframes})
        frames = _spread(kept, 8)
        rows.append({"content": number, "runs": members, "frames": frames})
    return [row for row in rows if row["frames"]]


def grid(shown: Shown) -> dict[str, Any] | None:
    """A grid of styles × clips for each model; None where there is only one of each."""
    clips = list(dict.fromkeys(run.clip for run in shown.runs))
    styles = list(dict.fromkeys(run.style for run in shown.runs))
    if len(clips) * len(styles) < 2:
        return None
    models = list(dict.fromkeys(run.model for run in shown.runs))
    cells = {
        (model, style, clip): [
            index
            for index, run in enumerate(shown.runs)
            if (run.model, run.style, run.clip) == (model, style, clip)
        ]
        for model in models
        for style in styles
        for clip in clips
    }
    return {
        "models": models,
        "styles": styles,
        "clips": clips,
        "cells": cells,
        "short": [_in_cell(shown, index) for index in range(len(shown.runs))],
    }


def _in_cell(shown: Shown, index: int) -> str:
    """The settings that distinguish a run from others in its cell of the grid."""
    parts = [
        f"{setting.key} {setting.text(index)}"
        for setting in shown.settings
        if setting.key not in ("clip", "style")
        and setting.values[index] is not None
        and not implied_by_model(setting, shown.runs)
    ]
    return " · ".join(parts[:2])


def glance(shown: Shown) -> dict[str, Any] | None:
    """The table of means by model and clip; None where there is nothing to average.

    Several runs of one model on the same clip and painting differ in a setting, over which a mean is meaningless.
    """
    groups = group_numbers(shown.runs, group_of)
    pairs = [(run.model, group) for run, group in zip(shown.runs, groups, strict=True)]
    models = {run.model: index for index, run in reversed(list(enumerate(shown.runs)))}
    if len(set(groups)) < 2 or len(models) < 2 or len(set(pairs)) < len(pairs):
        return None
    by_key = {column["metric"].key: column for column in columns(shown)}
    if "warping_error" not in by_key:
        return None
    return {
        "models": sorted(models.items(), key=lambda item: item[1]),
        "clips": list(dict.fromkeys(run.clip for run in shown.runs)),
        "coherence": by_key["warping_error"],
        "costs": [by_key[key] for key in ("style", "content", "seconds") if key in by_key],
    }


def matched_models(shown: Shown) -> list[str]:
    """The models whose runs can be the baselines of their groups; none where there is only one group."""
    groups = group_numbers(shown.runs, group_of)
    if len(set(groups)) < 2:
        return []
    return list(dict.fromkeys(run.model for run in shown.runs))


def _spread(values: Sequence[int], most: int) -> list[int]:
    if len(values) <= most:
        return list(values)
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]
