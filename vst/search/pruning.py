"""When to prune a trial. The rule is our own, since optuna's pruners support only one objective."""

from __future__ import annotations

from collections.abc import Sequence

from vst.runs.rows import Row
from vst.search.objective import LOSS_LIMITS, OBJECTIVES, Values

MARGIN = 0.25
"""By what fraction another trial must be better in every objective."""

HOPELESS_FACTOR = 2.0
"""A loss above this multiple of its limit (`LOSS_LIMITS`) is not expected to recover."""

Means = Sequence[Values | None]
"""The mean of each objective over the first 1, 2, 3 … frames after the clip's first; None while one is undefined."""


def running_means(rows: Sequence[Row]) -> list[Values | None]:
    """The objectives' means so far, from the newest row of each frame, after each frame but the clip's first.

    The first frame has none before it to be coherent with. Empty cells, such as the warping error at a cut, are
    skipped. A run of several passes has no warping error before its end, hence no running means, and is never pruned.
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


def reason_to_prune(own: Means, reference: Means, finished: Sequence[Means], after: int) -> str | None:
    """Why a trial should be pruned, judged by the frames painted so far, or None if it should continue.

    It should be pruned if a loss is above `HOPELESS_FACTOR` times its limit, relative to the reference over the same
    frames, since it would never be chosen; or if a finished trial was better by `MARGIN` in all objectives. The result
    is None before `after` frames, not counting the clip's first.
    """
    count = len(own)
    if count < max(1, after) or (mine := own[-1]) is None:
        return None
    if base := _means_after(count, reference):
        for name, value, theirs in zip(OBJECTIVES, mine, base, strict=True):
            if name in LOSS_LIMITS and value > HOPELESS_FACTOR * LOSS_LIMITS[name] * theirs:
                return f"its {name} loss is {value / theirs:.2g} times the reference's"
    for means in finished:
        rival = _means_after(count, means)
        if rival and all(value * (1 + MARGIN) < here for value, here in zip(rival, mine, strict=True)):
            return "another setting is much better in every objective"
    return None


def _means_after(count: int, means: Means) -> Values | None:
    """The means after `count` frames; None if there are fewer."""
    return means[count - 1] if len(means) >= count else None
