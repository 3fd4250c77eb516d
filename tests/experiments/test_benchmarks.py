"""What the benchmarks do with their measurements; what they measure is not tested, for timing decides no test."""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
import torch

BENCHMARKS = Path(__file__).parents[2] / "experiments" / "benchmarks"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    before = set(sys.modules)
    yield load
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCHMARKS)):
            del sys.modules[name]


def test_the_clock_of_a_part_stands_still_while_another_within_it_runs(load, monkeypatch):
    wall = load("wall")
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)

    class Work:
        def outer(self) -> None:
            nonlocal now
            now += 1
            self.inner()
            now += 2

        def inner(self) -> None:
            nonlocal now
            now += 10

        def frames(self):
            nonlocal now
            for number in range(2):
                now += 100
                yield number

    clocks = wall.Clocks()
    clocks._since = now
    for name in ("outer", "inner"):
        clocks.watch(Work, name, name)
    clocks.watch_frames(Work, "frames", "reading")
    work = Work()
    for _ in work.frames():
        now += 1000
        work.outer()
    clocks.switch()
    assert dict(clocks.seconds) == {"rest": 2000.0, "outer": 6.0, "inner": 20.0, "reading": 200.0}


def test_the_floor_counts_the_operations_of_the_convolutions(load):
    evaluation = load("evaluation")
    seconds, operations = evaluation.floor(32, 48, torch.float32)
    channels, expected = 3, 0
    for block, (count, out) in enumerate(((2, 64), (2, 128), (4, 256), (4, 512), (1, 512))):
        for _ in range(count):
            expected += 2 * 2 * 9 * channels * out * (32 >> block) * (48 >> block)
            channels = out
    assert operations == expected
    assert seconds > 0


def test_tables_go_between_their_markers(load, tmp_path):
    everything = load("all")
    document = tmp_path / "benchmarks.md"
    document.write_text("a\n<!-- wall -->\nold\n<!-- /wall -->\nb\n")
    everything.insert(document, "wall", "| new |\n")
    assert document.read_text() == "a\n<!-- wall -->\n\n| new |\n\n<!-- /wall -->\nb\n"
    with pytest.raises(SystemExit, match="no markers <!-- memory -->"):
        everything.insert(document, "memory", "")


def test_the_document_has_a_place_for_every_benchmark():
    text = (BENCHMARKS.parents[1] / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for name in ("evaluation", "time_to_loss", "wall", "memory"):
        assert text.index(f"<!-- {name} -->") < text.index(f"<!-- /{name} -->")
