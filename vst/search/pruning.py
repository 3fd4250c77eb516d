"""When a trial is not worth finishing. optuna's pruners know one objective only, so this rule is ours."""

from __future__ import annotations

from collections.abc import Sequence

from vst.runs.rows import Row
from vst.search.objective import MOST, OBJECTIVES, Values

MARGIN = 0.25
"""By how much another trial must be better, in every objective."""

BEYOND = 2.0
"""How many times the most that the best trial may have of a loss (`MOST`) is too much to come back from."""

Means = Sequence[Values | None]
"""The mean of each objective over the first 1, 2, 3 … frames after the clip's first; None while one has no value."""


def running_means(rows: Sequence[Row]) -> list[Values | None]:
    """The objectives' means so far, from the newest row of each frame, after each frame but the clip's first.

    The first has nothing before it to be coherent with. Cells that are empty, as the warping error is at a cut, do
    not count. A run of several passes has
    no warping error before its end, so no mean on the way, and is never pruned.
    """
    means: list[Values | None] = []
    sums, counts = dict.fromkeys(OBJECTIVES, 0.0), dict.fromkeys(OBJECTIVES, 0)
    for row in rows[1:]:
        for name in OBJECTIVES:
            if (value := row.get(name)) is not None:
                sums[name] += value
                counts[name] += 1
        known = all(counts.values())
        means.append(tuple(sums[name] / counts[name] for name in OBJECTIVES) if known else None)
    return means


def hopeless(own: Means, reference: Means, finished: Sequence[Means], after: int) -> str | None:
    """Why a trial is not worth finishing, judged by the frames painted so far, or None if it may be.

    It is not where a loss is `BEYOND` times the most that the best trial may have, by the reference's over the same
    frames, so that it would never be chosen; nor where a finished trial was better by `MARGIN` in all objectives.
    Nothing is said before `after` frames, the clip's first not counted.
    """
    count = len(own)
    if count < max(1, after) or (mine := own[-1]) is None:
        return None
    if base := _after(count, reference):
        for name, value, theirs in zip(OBJECTIVES, mine, base, strict=True):
            if name in MOST and value > BEYOND * MOST[name] * theirs:
                return f"its {name} loss is {value / theirs:.2g} times the reference's"
    for means in finished:
        rival = _after(count, means)
        if rival and all(value * (1 + MARGIN) < here for value, here in zip(rival, mine, strict=True)):
            return "another setting is better in everything by far"
    return None


def _after(count: int, means: Means) -> Values | None:
    """The means after so many frames, if there are as many."""
    return means[count - 1] if len(means) >= count else None
