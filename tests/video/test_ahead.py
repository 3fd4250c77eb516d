from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from vst.video.ahead import Ahead


def test_the_items_are_those_of_the_iterator_in_its_order() -> None:
    assert list(Ahead(iter(range(20)), depth=2)) == list(range(20))
    assert list(Ahead(iter([]), depth=1)) == []


def test_no_more_than_its_depth_and_one_are_made_ahead() -> None:
    made, full = [], threading.Event()

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 3:
                full.set()
            yield number

    ahead = Ahead(items(), depth=2)
    next(ahead)
    assert full.wait(10), "two wait, and a third is in its hands"
    ahead.close()
    assert made == [0, 1, 2, 3]


def test_an_exception_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("the disk is gone")

    ahead, found = Ahead(items(), depth=1), []
    with pytest.raises(OSError, match="the disk is gone"):
        found.extend(ahead)
    ahead = Ahead(items(), depth=1)
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        next(ahead)


def test_closed_it_leaves_no_thread() -> None:
    before = threading.active_count()
    ahead = Ahead(iter(range(100)), depth=3)
    next(ahead)
    ahead.close()
    ahead.close()
    assert threading.active_count() == before
