from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Generic, TypeVar, cast

Item = TypeVar("Item")

SECONDS_BETWEEN_LOOKS = 0.1
"""How often a thread that waits for room looks whether it is to end."""


class Ahead(Generic[Item]):
    """The items of an iterator, which a thread of its own computes ahead: at most `depth`, and one in its hands.

    They are the same, in the same order, as without the thread; an exception comes after the items before it.
    """

    def __init__(self, items: Iterator[Item], depth: int):
        self._queue: Queue[tuple[Item | None, BaseException | None]] = Queue(depth)
        self._stopped = threading.Event()
        # a daemon, so that a process that ends in another way does not wait for it
        self._thread = threading.Thread(target=self._work, args=(items,), name="ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        item, error = self._queue.get()
        if error is not None:
            self.close()
            raise error
        return cast(Item, item)

    def close(self) -> None:
        """End the thread after the item in its hands."""
        self._stopped.set()
        with suppress(Empty):
            while True:
                self._queue.get_nowait()
        self._thread.join()

    def _work(self, items: Iterator[Item]) -> None:
        try:
            for item in items:
                if not self._put(item, None):
                    return
        except BaseException as error:
            self._put(None, error)
        else:
            self._put(None, StopIteration())

    def _put(self, item: Item | None, error: BaseException | None) -> bool:
        while not self._stopped.is_set():
            with suppress(Full):
                self._queue.put((item, error), timeout=SECONDS_BETWEEN_LOOKS)
                return not self._stopped.is_set()
        return False
