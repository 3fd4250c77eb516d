"""When a trial is not worth finishing. optuna's pruners know one objective only, so this rule is ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vst.sweep.objective import OBJECTIVES, Values

MARGIN = 0.25
"""By how much another trial must be better, in every objective."""

Means = Sequence[Values | None]
"""The mean of each objective over the first 1, 2, 3 … frames after the clip's first; None while one has no value."""


def running_means(rows: Sequence[Mapping[str, str]]) -> list[Values | None]:
    """The objectives' means so far, from the rows of metrics.csv, after each frame but the clip's first.

    The first has nothing before it to be coherent with. A frame painted in several passes counts as it is in
    the newest; cells that are empty, as the warping error is at a cut, do not count.
    """
    newest = {int(row["frame"]): row for row in rows}
    later = [newest[frame] for frame in sorted(newest)][1:]
    means: list[Values | None] = []
    sums, counts = dict.fromkeys(OBJECTIVES, 0.0), dict.fromkeys(OBJECTIVES, 0)
    for row in later:
        for name in OBJECTIVES:
            if row[name]:
                sums[name] += float(row[name])
                counts[name] += 1
        known = all(counts.values())
        means.append(tuple(sums[name] / counts[name] for name in OBJECTIVES) if known else None)
    return means


def hopeless(own: Means, finished: Sequence[Means], after: int, margin: float = MARGIN) -> bool:
    """Whether a finished trial was better by `margin` in all objectives over the frames painted so far.

    Nothing is said before `after` frames, the clip's first not counted.
    """
    count = len(own)
    if count < max(1, after) or (mine := own[-1]) is None:
        return False
    at_par = [theirs for means in finished if len(means) >= count and (theirs := means[count - 1])]
    return any(
        all(value * (1 + margin) < here for value, here in zip(theirs, mine, strict=True))
        for theirs in at_par
    )
