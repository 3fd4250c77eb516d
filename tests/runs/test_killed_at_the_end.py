"""Runs that are killed after their last frame, before any write, end as runs that were not."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vst.composing import composed
from vst.painting.preparation import Prepared
from vst.painting.stylizer import VideoStylizer
from vst.runs.record import read_record
from vst.runs.run import run as paint_run
from vst.runs.table import Table
from vst.video.store import save_png

Act = Callable[[], None]

FRAMES = 3
SMALL = (
    "video.size=24",
    f"video.frames={FRAMES}",
    "scales=1",
    "~callbacks.key_frames",
    "~callbacks.progress",
)
FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.truncate", "os.mkdir")

watching: list[Act] = []


@cache
def watch_this_process() -> None:
    """Done once: Python has no way to remove what it adds."""
    sys.addaudithook(audited)


def audited(event: str, arguments: tuple[Any, ...]) -> None:
    if watching and (event in CHANGES or (event == "open" and arguments[2] & FOR_WRITING)):
        act = watching.pop()  # what it writes itself is not watched
        try:
            act()
        finally:
            watching.append(act)


@contextmanager
def before_every_write(act: Act) -> Generator[None]:
    """Call `act` whenever this process is about to write, to rename or to remove a file."""
    watch_this_process()
    watching.append(act)
    try:
        yield
    finally:
        watching.clear()


def contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in sorted(directory.rglob("*")) if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def what_it_is(directory: Path) -> dict[str, Any]:
    """What two runs of the same settings have in common."""
    found = contents(directory)
    own = ("metrics.csv", "metrics.json", "checkpoints/last.ckpt")
    rows = Table(directory / "metrics.csv").read()
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in rows]
    same = {name: content for name, content in found.items() if name not in own and name[0] != "."}
    return {"rows": rows, "files": sorted(found), **same}


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=naive"],
        ["model=mse", "eta=1", "passes=3"],
        ["model=ruder_multipass", "flow=dis", "passes=2"],
    ],
    ids=" ".join,
)
def test_a_run_killed_after_its_last_frame_is_resumed(
    tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch, overrides: list[str]
) -> None:
    passes = next((int(option[7:]) for option in overrides if option.startswith("passes=")), 1)
    save_png(tmp_path / "style.png", np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8))
    style = ["style=file", f"style.path={tmp_path / 'style.png'}", "style.size=24"]
    cfg = composed([*options, *style, *SMALL, *overrides, f"evaluations={passes}", "paths.run=?"])
    run, killed, painted = tmp_path / "run", list[Path](), list[int]()
    paint = VideoStylizer.training_step

    def counted(self: VideoStylizer, prepared: Prepared, index: int) -> dict[str, Any]:
        found = paint(self, prepared, index)
        painted.append(index)
        return found

    def kill() -> None:
        if len(painted) == FRAMES * passes and (not killed or contents(run) != contents(killed[-1])):
            killed.append(Path(shutil.copytree(run, tmp_path / f"killed-{len(killed)}")))

    def paint_or_resume(directory: Path, resume: bool) -> None:
        cfg.paths.run, cfg.resume = str(directory), str(directory) if resume else None
        paint_run(cfg)

    with monkeypatch.context() as patch, before_every_write(kill):
        patch.setattr(VideoStylizer, "training_step", counted)
        paint_or_resume(run, resume=False)
    assert len(killed) > 10
    expected = what_it_is(run)
    for directory in killed:
        paint_or_resume(directory, resume=True)
        record = read_record(directory)
        assert record is not None
        assert record.status == "finished"
        assert what_it_is(directory) == expected, directory.name
