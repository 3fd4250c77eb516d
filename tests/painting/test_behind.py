from __future__ import annotations

import threading
from functools import partial

import pytest

from vst.painting.behind import Behind


def test_acts_are_done_in_order_while_the_caller_goes_on() -> None:
    behind, go, done = Behind(), threading.Event(), []
    behind.submit(lambda: (go.wait(10), done.append(0))[1])
    for number in range(1, 5):
        behind.submit(partial(done.append, number))
    assert done == []
    go.set()
    behind.flush()
    assert done == [0, 1, 2, 3, 4]
    behind.submit(partial(done.append, 5))
    behind.flush()
    assert done[-1] == 5
    behind.flush()


def test_after_a_failure_nothing_more_is_done_and_it_is_raised_once() -> None:
    behind, done = Behind(), []

    def fail() -> None:
        raise OSError("the disk is full")

    gate = threading.Event()
    behind.submit(lambda: gate.wait(10) and None)
    behind.submit(fail)
    behind.submit(partial(done.append, 1))
    gate.set()
    with pytest.raises(OSError, match="the disk is full"):
        behind.flush()
    assert done == []
    behind.flush()
