from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Behind:
    """A thread that does what is given to it, in order, while the caller goes on: writes a frame beside the next.

    What was given must not change until `flush` has returned. After a failure nothing more is done, so that nothing
    is written that presumes what failed.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._acts: deque[Callable[[], None]] = deque()
        self._busy = False
        self._error: BaseException | None = None

    def submit(self, act: Callable[[], None]) -> None:
        """Do it after all that was given before."""
        with self._changed:
            self._acts.append(act)
            if not self._busy:
                self._busy = True
                threading.Thread(target=self._work, name="behind", daemon=True).start()

    def settle(self) -> None:
        """Wait until all is done that can be."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy)

    def flush(self) -> None:
        """Wait until all is done, and raise what an act has raised."""
        self.settle()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _work(self) -> None:
        while True:
            with self._changed:
                if self._error is not None:
                    self._acts.clear()
                if not self._acts:
                    self._busy = False
                    self._changed.notify_all()
                    return
                act = self._acts.popleft()
            try:
                act()
            except BaseException as error:
                self._error = error
