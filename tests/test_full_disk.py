"""What is said where a file cannot be written in full."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from vst.commandline import reporting_errors
from vst.errors import failure
from vst.runs.callbacks.resume import Resume
from vst.runs.table import Table
from vst.video.store import FrameStore, save_png

MOST = 1000


@pytest.fixture
def small_files() -> Iterator[None]:
    """Nothing that is written may be longer than `MOST` bytes; like a full disk, this shows in the middle of a file."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def save_frame(directory: Path) -> None:
    FrameStore(directory).save(0, torch.zeros(3, 16, 16))


def save_checkpoint(directory: Path) -> None:
    trainer: Any = SimpleNamespace(callbacks=[], loggers=[])
    Resume(str(directory))._save(trainer, {"anchor": torch.zeros(MOST)})


def save_picture(directory: Path) -> None:
    save_png(directory / "frame.png", torch.rand(3, 64, 64))


def save_rows(directory: Path) -> None:
    table = Table(directory / "metrics.csv")
    table.begin(["frame"])
    table.append({"frame": index} for index in range(MOST))


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize(
    ("save", "name"),
    [
        (save_frame, "000000.npy"),
        (save_checkpoint, "last.ckpt"),
        (save_picture, "frame.png"),
        (save_rows, "metrics.csv"),
    ],
)
def test_a_full_disk_is_said_whoever_finds_it(tmp_path: Path, save: Any, name: str) -> None:
    with pytest.raises(OSError, match="File too large") as caught:
        save(tmp_path / "run")
    message, status = failure(caught.value)
    assert re.match(rf"the run could not be written \({re.escape(str(tmp_path))}/.*{name}: File too", message)
    assert message.endswith("; free or repair the disk, and resume the run")
    assert status == 2
    assert {file.name for file in tmp_path.rglob("*.*")} <= {"metrics.csv"}, "no half file is left"


@pytest.mark.usefixtures("small_files")
def test_of_a_copy_the_file_that_was_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit), reporting_errors():
        shutil.copyfile(np.__file__, tmp_path / "page.css")
    assert f"the file {tmp_path / 'page.css'} cannot be used" in capsys.readouterr().err
