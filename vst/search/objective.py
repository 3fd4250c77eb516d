"""What a search minimises, and which of its trials is best. Nothing here paints, reads or writes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vst.errors import VstError

OBJECTIVES = ("warping_error", "style", "content")
"""Keys of a run's summary (metrics.json), each to be minimised. The losses are before their weights, so that
trials of different α and β are measured alike."""

MOST = {"style": 1.05, "content": 1.10}
"""Losses that the best trial may have, by those of the reference: a clip is easily steady when it is hardly painted."""

Values = tuple[float, ...]
"""One value for each of OBJECTIVES, in their order."""


def objectives(summary: Mapping[str, Any]) -> Values:
    """The objectives of a run, from its summary.

    Raises `VstError` where the run has none: a single frame, or frames that are all cuts, have no warping error.
    """
    values = tuple(summary.get(name) for name in OBJECTIVES)
    for name, value in zip(OBJECTIVES, values, strict=True):
        if value is None or not math.isfinite(value):
            raise VstError(
                f"the run has no {name} to be compared by; give more than one frame with video.frames, "
                f"and keep callbacks.metrics"
            )
    return tuple(float(value) for value in values if value is not None)


@dataclass(frozen=True)
class Best:
    """The trial that was chosen, by its number, and whether it is within the limits of `MOST`."""

    number: int
    within: bool


def best(trials: Mapping[int, Values], reference: Values) -> Best:
    """The trial with the lowest warping error among those whose losses are within `MOST` of the reference's.

    Where none is, the one that exceeds its limit least. `trials` are by number, and not empty.
    """
    excesses = {number: excess(values, reference) for number, values in trials.items()}
    chosen = min(trials, key=lambda number: (excesses[number], trials[number]))
    return Best(chosen, excesses[chosen] == 0)


def excess(values: Values, reference: Values) -> float:
    """How far the loss that is furthest beyond its limit is beyond it, in parts of the limit; 0 within."""
    named = zip(OBJECTIVES, values, reference, strict=True)
    return max(max(0.0, value / (MOST[name] * base) - 1) for name, value, base in named if name in MOST)
