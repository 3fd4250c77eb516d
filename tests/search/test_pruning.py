from __future__ import annotations

import pytest

from vst.runs.rows import Row, metrics_path, read_frames
from vst.runs.table import Table
from vst.search.pruning import reason_to_prune, running_means


def row(frame: int, error: float | None, style: float, content: float, pass_index: int = 0) -> Row:
    return {
        "frame": frame,
        "pass": pass_index,
        "warping_error": error,
        "style": style,
        "content": content,
    }


def test_means_grow_by_frames_and_leave_the_first_out():
    rows = [row(0, None, 100, 1000), row(1, 2, 10, 30), row(2, 4, 20, 60), row(3, 6, 30, 30)]
    assert running_means(rows) == [(2, 10, 30), (3, 15, 45), (4, 20, 40)]


def test_a_frame_without_a_value_does_not_count_where_it_has_none():
    # a cut at frame 2: its losses count, and it has no warping error
    rows = [row(0, None, 9, 9), row(1, 2, 10, 30), row(2, None, 20, 60), row(3, 6, 30, 30)]
    assert running_means(rows) == [(2, 10, 30), (2, 15, 45), (4, 20, 40)]


def test_before_there_is_any_value_there_is_no_mean():
    rows = [row(0, None, 9, 9), row(1, None, 10, 30), row(2, 4, 20, 60)]
    assert running_means(rows) == [None, (4, 15, 45)]


def test_a_frame_of_several_passes_counts_as_in_the_newest(tmp_path):
    rows = [row(0, None, 9, 9), row(1, None, 10, 30), row(1, 3, 4, 5, 1), row(0, None, 1, 1, 1)]
    table = Table(metrics_path(tmp_path))
    table.begin(list(rows[0]))
    table.append(rows)
    assert running_means(read_frames(tmp_path)) == [(3, 4, 5)]


OWN = [(9.0, 9.0, 9.0), (5.0, 10.0, 100.0)]
"""After two frames; by 25 % better than the last are (4, 8, 80)."""


NOTHING_FINISHED: list[list[tuple[float, ...]]] = []
LIKE_IT = OWN
"""A reference with the same losses."""


@pytest.mark.parametrize(
    ("finished", "verdict"),
    [
        # better by more than the margin in everything, over the same frames
        ([[(1, 1, 1), (3.9, 7.9, 79)]], True),
        # in two of three
        ([[(1, 1, 1), (3.9, 7.9, 81)]], False),
        # each is better somewhere, none everywhere
        ([[(1, 1, 1), (1, 1, 200)], [(1, 1, 1), (200, 1, 1)]], False),
        # exactly by the margin is not yet enough
        ([[(1, 1, 1), (4, 7, 70)]], False),
        # better in the end, but not over the frames painted so far
        ([[(1, 1, 1), (9, 9, 90), (1, 1, 1)]], False),
        # it has no such frame, or no value there
        ([[(1, 1, 1)]], False),
        ([[(1, 1, 1), None]], False),
        (NOTHING_FINISHED, False),
        # of several, one will do
        ([[(9, 9, 9), (9, 90, 900)], [(9, 9, 9), (1, 1, 1)]], True),
    ],
)
def test_hopeless_is_what_another_beats_in_everything(finished, verdict):
    reason = reason_to_prune(OWN, LIKE_IT, finished, after=2)
    assert reason == ("another setting is much better in every objective" if verdict else None)


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        # twice 1.05 of 4.7 is 9.87, of 4.8 10.08: the trial has 10
        ([(9, 9, 9), (5, 4.7, 100)], "its style loss is 2.1 times the reference's"),
        ([(9, 9, 9), (5, 4.8, 100)], None),
        # twice 1.10 of 45 is 99, of 46 101.2: the trial has 100
        ([(9, 9, 9), (5, 10, 45)], "its content loss is 2.2 times the reference's"),
        ([(9, 9, 9), (5, 10, 46)], None),
        # it may flicker as it likes: the trials next to it show what that buys
        ([(9, 9, 9), (0.001, 10, 100)], None),
        # over the same frames, where the reference has a value
        ([(1, 1, 1), (5, 10, 100), (1, 1, 1)], None),
        ([(1, 1, 1), None], None),
        ([(1, 1, 1)], None),
    ],
)
def test_hopeless_is_what_is_hardly_painted(reference, reason):
    assert reason_to_prune(OWN, reference, NOTHING_FINISHED, after=2) == reason


def test_nothing_is_said_too_early_or_without_a_value():
    better = [(1, 1, 1), (1, 1, 1), (1, 1, 1)]
    for reference, finished in [(better, NOTHING_FINISHED), (LIKE_IT, [better])]:
        assert not reason_to_prune(OWN, reference, finished, after=3)
        assert reason_to_prune(OWN, reference, finished, after=1)
        assert not reason_to_prune([], reference, finished, after=0)
        assert not reason_to_prune([(9, 9, 9), None], reference, finished, after=1)
