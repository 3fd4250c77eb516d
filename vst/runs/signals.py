"""Signals that end a run, turned into an exception, so that the run can clean up."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from types import FrameType


class Interrupted(BaseException):
    """A signal ended the run; the exit status is 128 plus the signal's number, as in shells."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number
        self.resume_with: str | None = None
        """The option or command that resumes the run; None where there is nothing to resume."""


@contextmanager
def interruptible() -> Generator[None]:
    """Turn the first SIGTERM or SIGINT into `Interrupted`; later ones are ignored, so that the clean-up can finish."""

    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        if (
            not interrupted
        ):  # a flag, since Lightning would restore this handler if it were replaced meanwhile
            interrupted = True
            raise Interrupted(number)

    in_main_thread = threading.current_thread() is threading.main_thread()
    handled = (signal.SIGTERM, signal.SIGINT) if in_main_thread else ()  # Python allows handlers only there
    before = [signal.signal(number, interrupt) for number in handled]
    try:
        yield
    finally:
        for number, handler in zip(handled, before, strict=True):
            signal.signal(number, handler)


@cache
def end_with_parent(parent: int) -> None:
    """End this process as by SIGTERM once the process that started it is gone: killed, it cannot say so itself.

    `parent` is its number, since it may be gone already.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        # the first ends a run, which then ignores it until all is written; one after that the process
        while True:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()
