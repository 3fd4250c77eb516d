from __future__ import annotations

import pytest

from vst.video.times import Clock, Schedule, increasing


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([0, 40, 80], [0, 40, 80]),
        ([7, 47, 47, 87], [7, 47, 67, 87]),  # two share the time of one
        ([0, 40, 40, 40, 100], [0, 40, 60, 80, 100]),
        ([0, 40, 40, 40], [0, 40, 80, 120]),  # nothing follows that would end their time
        ([5, 5, 5, 6, 20], [5, 6, 7, 8, 20]),  # and no later picture is moved but those that are in the way
        ([3], [3]),
    ],
)
def test_pictures_of_one_time_share_it(given: list[int], expected: list[int]) -> None:
    assert increasing(given, 40) == expected


def test_a_picture_is_shown_by_its_own_time() -> None:
    clock = Clock(Schedule([0, 40, 60, 80, 120], 160, 40, given=[0, 40, 40, 80, 120]))
    # the second of the two at 40 turned out to hold no picture
    assert [clock.time(pts) for pts in (0, 40, 80, 120)] == [0, 40, 80, 120]


def test_pictures_without_times_follow_each_other() -> None:
    clock = Clock(Schedule([10, 50, 90, 130], 170, 40, given=[10, 50, 90, 130]))
    assert [clock.time(pts) for pts in (None, 50, None, 95, 20)] == [10, 50, 90, 95, 135]


def test_pictures_that_are_numbered_are_shown_by_their_number() -> None:
    clock = Clock(Schedule([0, 2, 3], 4, 1))
    assert [clock.time(pts) for pts in (9, None, 0)] == [0, 2, 3]
