from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest

from vst.features import memory


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone says how much memory a process holds")
def test_what_is_freed_is_given_back():
    if memory._trim() is None:
        pytest.skip("this C library has no malloc_trim")

    def held() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    memory.give_back()
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    # blocks that are not mapped one by one, the last of which keeps the heap from shrinking by itself
    blocks = [library.malloc(100_000) for _ in range(1001)]
    for block in blocks:
        ctypes.memset(block, 1, 100_000)
    for block in blocks[:-1]:
        library.free(ctypes.c_void_p(block))
    before = held()
    memory.give_back()
    assert held() < before - 80_000_000
    library.free(ctypes.c_void_p(blocks[-1]))


def test_a_c_library_that_cannot_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())
    memory._trim.cache_clear()
    try:
        memory.give_back()
        assert memory._trim() is None
    finally:
        memory._trim.cache_clear()
