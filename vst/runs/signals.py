"""How a run is ended from outside, and its directory left in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


class Interrupted(BaseException):
    """A signal asked the run to end; its status is 128 and the signal's number, as shells have it."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number
        self.go_on: str | None = None
        """How to resume, where there is something to resume."""


@contextmanager
def interruptible() -> Generator[None]:
    """Turn SIGTERM and SIGINT into `Interrupted`, once: a second one does not disturb the tidying up."""

    ended = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal ended
        if not ended:  # remembered here, since Lightning puts handlers back that are set aside meanwhile
            ended = True
            raise Interrupted(number)

    in_main_thread = threading.current_thread() is threading.main_thread()
    handled = (signal.SIGTERM, signal.SIGINT) if in_main_thread else ()  # Python allows handlers only there
    before = [signal.signal(number, interrupt) for number in handled]
    try:
        yield
    finally:
        for number, handler in zip(handled, before, strict=True):
            signal.signal(number, handler)
