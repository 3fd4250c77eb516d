from __future__ import annotations

import pytest

from vst.sweep.pruning import hopeless, running_means


def row(frame: int, error: float | str, style: float, content: float, pass_index: int = 0) -> dict[str, str]:
    return {
        "frame": str(frame),
        "pass": str(pass_index),
        "warping_error": str(error),
        "style": str(style),
        "content": str(content),
    }


def test_means_grow_by_frames_and_leave_the_first_out():
    rows = [row(0, "", 100, 1000), row(1, 2, 10, 30), row(2, 4, 20, 60), row(3, 6, 30, 30)]
    assert running_means(rows) == [(2, 10, 30), (3, 15, 45), (4, 20, 40)]


def test_a_frame_without_a_value_does_not_count_where_it_has_none():
    # a cut at frame 2: its losses count, and it has no warping error
    rows = [row(0, "", 9, 9), row(1, 2, 10, 30), row(2, "", 20, 60), row(3, 6, 30, 30)]
    assert running_means(rows) == [(2, 10, 30), (2, 15, 45), (4, 20, 40)]


def test_before_there_is_any_value_there_is_no_mean():
    rows = [row(0, "", 9, 9), row(1, "", 10, 30), row(2, 4, 20, 60)]
    assert running_means(rows) == [None, (4, 15, 45)]


def test_a_frame_of_several_passes_counts_as_in_the_newest():
    rows = [row(0, "", 9, 9), row(1, "", 10, 30), row(1, 3, 4, 5, 1), row(0, "", 1, 1, 1)]
    assert running_means(rows) == [(3, 4, 5)]


OWN = [(9.0, 9.0, 9.0), (5.0, 10.0, 100.0)]
"""After two frames; by 25 % better than the last are (4, 8, 80)."""


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
        ([], False),
        # of several, one will do
        ([[(9, 9, 9), (9, 90, 900)], [(9, 9, 9), (1, 1, 1)]], True),
    ],
)
def test_hopeless_is_what_another_beats_in_everything(finished, verdict):
    assert hopeless(OWN, finished, after=2) is verdict


def test_nothing_is_said_too_early_or_without_a_value():
    better = [[(1, 1, 1), (1, 1, 1), (1, 1, 1)]]
    assert not hopeless(OWN, better, after=3)
    assert hopeless(OWN, better, after=1)
    assert not hopeless([], better, after=0)
    assert not hopeless([(9, 9, 9), None], better, after=1)


def test_the_margin_counts():
    assert hopeless(OWN, [[(1, 1, 1), (4, 8, 80)]], after=1, margin=0.2)
    assert not hopeless(OWN, [[(1, 1, 1), (4, 8, 80)]], after=1, margin=0.25)
