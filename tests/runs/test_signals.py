"""Processes that end with the one that started them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

WORKER = """
import sys, time
from pathlib import Path
from vst.runs.signals import Interrupted, end_with_parent, interruptible
end_with_parent(int(sys.argv[1]))
try:
    with interruptible():
        Path("begun").touch()
        time.sleep(60)
except Interrupted as interrupted:
    Path("ended").write_text(str(interrupted))
"""
STARTER = "import os, subprocess, sys; subprocess.run([sys.executable, 'worker.py', str(os.getpid())])"


def wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="a process keeps its parent's number there")
def test_a_worker_ends_tidily_where_what_started_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    starter = subprocess.Popen([sys.executable, "-c", STARTER], cwd=tmp_path)
    wait_for(tmp_path / "begun")
    assert not (tmp_path / "ended").exists()
    starter.kill()
    starter.wait()
    wait_for(tmp_path / "ended")
    assert (tmp_path / "ended").read_text() in ("", "SIGTERM")


def test_a_worker_ends_that_begins_only_after_what_started_it_was_killed(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    worker = subprocess.run([sys.executable, "worker.py", gone.stdout.strip()], cwd=tmp_path, timeout=50)
    assert worker.returncode in (0, -signal.SIGTERM)
