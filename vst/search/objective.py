"""The objectives of a search, and the choice of its best trial. Nothing here paints, reads or writes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vst.errors import VstError

OBJECTIVES = ("warping_error", "style", "content")
"""Keys of a run's summary (metrics.json), each to be minimised. The losses are unweighted, so that
trials with different α and β are comparable."""

LOSS_LIMITS = {"style": 1.05, "content": 1.10}
"""Maximum losses of the best trial, as ratios to the reference's: without them, a barely painted clip would win, since
it is easily steady."""

Values = tuple[float, ...]
"""One value for each of OBJECTIVES, in their order."""


def objectives(summary: Mapping[str, Any]) -> Values:
    """The objectives of a run, from its summary.

    Raises `VstError` where one is undefined: a single frame, or frames that are all cuts, have no warping error.
    """
    values = tuple(summary.get(name) for name in OBJECTIVES)
    for name, value in zip(OBJECTIVES, values, strict=True):
        if value is None or not math.isfinite(value):
            raise VstError(
                f"the run has no {name}, by which trials are compared; give more than one frame with video.frames, "
                f"and keep callbacks.metrics"
            )
    return tuple(float(value) for value in values if value is not None)


@dataclass(frozen=True)
class Best:
    """The number of the best trial, and whether it is within `LOSS_LIMITS`."""

    number: int
    within_limits: bool


def best(trials: Mapping[int, Values], reference: Values) -> Best:
    """The trial with the lowest warping error among those whose losses are within `LOSS_LIMITS`.

    Where there is none, the one that exceeds the limits least. `trials` maps numbers to objectives, and is not empty.
    """
    excesses = {number: excess(values, reference) for number, values in trials.items()}
    chosen = min(trials, key=lambda number: (excesses[number], trials[number]))
    return Best(chosen, excesses[chosen] == 0)


def excess(values: Values, reference: Values) -> float:
    """The largest excess of a loss over its limit, as a fraction of the limit; 0 within the limits."""
    named = zip(OBJECTIVES, values, reference, strict=True)
    return max(
        max(0.0, value / (LOSS_LIMITS[name] * base) - 1) for name, value, base in named if name in LOSS_LIMITS
    )
