from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vst.metrics.clip import ROOTS
from vst.runs.rows import OUTCOME, PLACE, SPENT


def summary_of(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of a run by its frame table: means of the newest pass's defined values, and of the summed cost.

    `rows` are those of metrics.csv as text, in the order in which they were written.
    """
    newest = list({row["frame"]: row for row in rows}.values())
    names = [name for name in columns if name not in (*PLACE, OUTCOME)]
    names = names if newest else []
    means = {name: _mean([float(row[name]) for row in newest if row[name]]) for name in names}
    spent = {name: sum(float(row[name]) for row in rows) for name in SPENT if name in columns}
    means |= {name: total / len(newest) for name, total in spent.items() if newest}
    roots = {root: math.sqrt(means[name]) for root, name in ROOTS.items() if name in means}
    totals = {f"{name}_total": total for name, total in spent.items()}
    not_finished = sum(row[OUTCOME] != "finished" for row in rows)
    return {"frames": len(newest), **means, **roots, **totals, "frames_not_finished": not_finished}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
