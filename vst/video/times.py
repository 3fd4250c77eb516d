"""When the pictures of a clip are shown, each later than the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class Schedule:
    """The times of a clip's pictures, in units of its time base.

    `times` are increasing, and `end` is when the last picture ends; `step` is the usual time from one to the next.
    `given` are the times that the file gives the pictures, in their order, which may repeat; None if picture n is
    shown at times[n] whatever the file says of it.
    """

    times: Sequence[int]
    end: int
    step: int
    given: Sequence[int] | None = None


class Clock:
    """Tells when each picture is shown, in the order in which they are decoded."""

    def __init__(self, schedule: Schedule):
        self._schedule = schedule
        self._number = 0
        self._time: int | None = None

    def time(self, pts: int | None) -> int:
        """When the next picture is shown, to which the file gives the time `pts`, or none."""
        self._time = time = self._of_number() if self._schedule.given is None else self._of_given(pts)
        return time

    def _of_number(self) -> int:
        self._number += 1
        return self._schedule.times[self._number - 1]

    def _of_given(self, pts: int | None) -> int:
        given, times = self._schedule.given or (), self._schedule.times
        if pts is not None:
            # a packet may turn out to hold no picture
            while self._number < len(given) and given[self._number] < pts:
                self._number += 1
            if self._number < len(given) and given[self._number] == pts:
                self._number += 1
                return self._after_the_last(times[self._number - 1])
            if self._time is None or pts > self._time:
                return pts
        return times[0] if self._time is None else self._time + self._schedule.step

    def _after_the_last(self, time: int) -> int:
        return time if self._time is None else max(time, self._time + 1)


def increasing(times: Sequence[int], step: int) -> list[int]:
    """Return times in order, made strictly increasing.

    Pictures with the same time share the time until the next one, as far as it goes; the last ones take a `step` each.
    So a clip keeps its playing time.
    """
    groups = [(time, len(list(group))) for time, group in groupby(times)]
    ends = [time for time, _ in groups[1:]]
    moved: list[int] = []
    for number, (time, count) in enumerate(groups):
        room = ends[number] - time if number < len(ends) else count * step
        for place in range(count):
            share = time + place * room // count
            moved.append(max(share, moved[-1] + 1) if moved else share)
    return moved
