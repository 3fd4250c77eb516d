from __future__ import annotations

from vst.compare.series import broken_by_scale
from vst.runs.rows import Row


def test_a_curve_is_broken_where_another_scale_begins():
    sizes = [128.0, 128.0, 222.0, 384.0, 384.0]
    rows: list[Row] = [{"evaluation": float(number), "size": size} for number, size in enumerate(sizes)]
    assert broken_by_scale(rows) == [*rows[:2], {}, rows[2], {}, *rows[3:]]


def test_a_curve_of_one_scale_is_whole():
    rows: list[Row] = [{"evaluation": 1.0, "total": 3.0}, {"evaluation": 2.0, "total": 2.0}]
    assert broken_by_scale(rows) == rows
    assert broken_by_scale([]) == []
