"""Runs that are online, on a W&B-compatible server on the loopback: what arrives there, and when it goes away."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import wandb

from vst.runs.loggers.wandb import WandbRun
from vst.runs.table import Table

if importlib.util.find_spec("openwandb") is None:
    pytest.skip(
        "openwandb, a W&B-compatible server, is not installed (pip install openwandb==0.5.25)",
        allow_module_level=True,
    )

KEY = "local" + 40 * "0"
"""The server's own first key."""

Paint = Callable[..., Path]


class Server:
    """openwandb, which can be ended and started again with what it has."""

    def __init__(self, folder: Path):
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        place = ["--host", "127.0.0.1", "--port", str(self.port), "--data-dir", str(self.folder)]
        with (self.folder.parent / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "openwandb", "serve", *place], stdout=log, stderr=log
            )
        wait_for(self.answers)

    def answers(self) -> bool:
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def rows(self, run: str, project: str = "vst") -> dict[int, dict[str, Any]]:
        """What has arrived of a run, by W&B's step."""
        history = self.folder / "files" / "default" / project / run / "wandb-history.jsonl"
        lines = history.read_text(encoding="utf-8").splitlines() if history.is_file() else []
        found: dict[int, dict[str, Any]] = {}
        for row in (json.loads(line) for line in lines if line.strip()):
            # what is sent again, after a kill or without an answer, W&B drops by its step, and this server keeps
            assert told(found.setdefault(row["_step"], row)) == told(row), "a step has other values"
        return found

    def media(self, run: str) -> Path:
        return self.folder / "files" / "default" / "vst" / run / "media"


def told(row: dict[str, Any]) -> dict[str, Any]:
    """A row without the times at which it was painted and sent."""
    return {name: value for name, value in row.items() if not name.startswith("_") and "seconds" not in name}


def wait_for(condition: Callable[[], Any]) -> None:
    """Wait, at most as long as a test may take."""
    while not condition():
        time.sleep(0.1)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(tmp_path / "server")
    monkeypatch.setattr("vst.runs.loggers.wandb.INIT_TIMEOUT", 300)  # a busy machine is not the subject
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    server.folder.mkdir()
    server.start()
    wandb.teardown()  # wandb reads its environment when it is first used
    yield server
    wandb.teardown()
    server.end()


def begun(directory: Path, **options: Any) -> WandbRun:
    logger = WandbRun(str(directory), **options)
    logger.describe("naive", "swirls", "talk", {"alpha": 1.0, "beta": 1e5, "eta": 0.0})
    logger.begin()
    return logger


def test_a_run_arrives_with_its_curves_and_media(tmp_path: Path, server: Server, paint: Paint) -> None:
    run = paint(tmp_path / "run", "model=naive", "video.frames=3")
    [identifier] = {path.name[-8:] for path in run.glob("wandb/run-*")}
    rows = server.rows(identifier).values()
    curve = [float(row["total"]) for row in Table(run / "curves.csv").read()]
    assert [row["curve/total"] for row in rows if "curve/total" in row] == pytest.approx(curve, rel=1e-6)
    assert [row["frame"] for row in rows if "frame/total" in row] == [0, 1, 2]
    for key, frames in (("keyframe", 3), ("residual", 2)):
        names = [row[f"media/{key}"]["path"] for row in rows if f"media/{key}" in row]
        arrived = [(server.media(identifier).parent / name).read_bytes() for name in names]
        assert arrived == [file.read_bytes() for file in sorted(run.glob(f"keyframes/{key}_*.png"))]
        assert len(arrived) == frames
    [clip] = server.media(identifier).rglob("*.mp4")
    assert clip.read_bytes() == (run / "stylized.mp4").read_bytes()


def test_two_runs_at_once_stay_apart(tmp_path: Path, server: Server) -> None:
    first, second = begun(tmp_path / "first"), begun(tmp_path / "second")
    for frame in range(20):
        first.log_metrics({"total": float(frame)}, step=frame)
        second.log_metrics({"total": -float(frame)}, step=frame)
    second.finish(failed=False)
    first.finish(failed=False)
    for logger, sign in ((first, 1), (second, -1)):
        arrived = [row["frame/total"] for row in server.rows(logger.run_id).values()]
        assert arrived == [sign * float(frame) for frame in range(20)]


def test_a_run_that_was_killed_goes_on_as_the_same(
    tmp_path: Path, server: Server, paint: Paint, options: list[str]
) -> None:
    directory = tmp_path / "run"
    given = ["model=naive", "video.frames=4", "evaluations=40"]
    command = [
        sys.executable,
        "-m",
        "vst",
        *options,
        *given,
        "~callbacks.progress",
        f"hydra.run.dir={directory}",
    ]
    painting = subprocess.Popen(command, start_new_session=True)
    wait_for((directory / "frames" / "000001.png").is_file)
    os.killpg(painting.pid, signal.SIGKILL)
    painting.wait()
    assert not (directory / "metrics.json").is_file()
    paint(directory, *given, f"resume={directory}")
    [identifier] = {path.name[-8:] for path in directory.glob("wandb/run-*")}
    rows = server.rows(identifier).values()
    assert [row["evaluation"] for row in rows if "evaluation" in row] == list(
        range(1, len(Table(directory / "curves.csv").read()) + 1)
    )
    assert [row["frame"] for row in rows if "frame/total" in row] == [0, 1, 2, 3]


def test_what_is_logged_while_the_server_is_away_arrives_when_it_is_back(
    tmp_path: Path, server: Server
) -> None:
    logger = begun(tmp_path / "run")
    logger.log_metrics({"total": 0.0}, step=0)
    wait_for(lambda: server.rows(logger.run_id))
    server.end()
    logger.log_metrics({"total": 1.0}, step=1)
    time.sleep(3)  # it is tried in vain meanwhile
    server.start()
    logger.log_metrics({"total": 2.0}, step=2)
    logger.finish(failed=False)
    assert [row["frame/total"] for row in server.rows(logger.run_id).values()] == [0.0, 1.0, 2.0]


def test_a_server_that_does_not_come_back_holds_nobody_up(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vst.runs.loggers.wandb.FINISH_TIMEOUT", 2)
    logger = begun(tmp_path / "run")
    logger.log_metrics({"total": 0.0}, step=0)
    wait_for(lambda: server.rows(logger.run_id))
    server.end()
    logger.log_metrics({"total": 1.0}, step=1)
    logger.finish(failed=False)
    said = capsys.readouterr().err
    command = said.rpartition("send it again with `")[2].partition("`")[0].split()
    assert command[:2] == ["wandb", "sync"]
    server.start()
    # its own logs go where it is called
    subprocess.run([sys.executable, "-m", *command, "--yes"], check=True, cwd=tmp_path)
    assert [row["frame/total"] for row in server.rows(logger.run_id).values()] == [0.0, 1.0]
