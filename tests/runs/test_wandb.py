"""An offline run of W&B is read back: what was logged, and the pixels of its pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wandb
import yaml
from PIL import Image

from vst.callbacks.resume import load_checkpoint
from vst.errors import InputError
from vst.records import Table
from vst.video.store import load_png

Paint = Callable[..., Path]

SWEEPS = sorted((Path(__file__).parents[2] / "experiments" / "sweeps").glob("*.yaml"))


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials and no files of the user's."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))


def read_back(run: Path) -> dict[str, Any]:
    """What the offline run's file holds, as W&B's own reader prints it: a line of JSON a record."""
    (file,) = run.glob("wandb/offline-run-*/run-*.wandb")
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = {"history": [], "summary": {}, "run": {}, "metrics": {}, "exit": None}
    for line in done.stdout.splitlines():
        record = json.loads(line)
        kind = record["type"]
        body = record.get(kind, {})
        if kind == "history":
            found["history"].append(body["item"])
        elif kind == "summary":
            found["summary"] |= body["update"]
        elif kind == "run":
            found["run"] |= body
        elif kind == "metric":
            found["metrics"][body.get("name") or body["glob_name"]] = body.get("step_metric")
        elif kind == "exit":
            found["exit"] = body["exit_code"]
    return found


def test_offline_run_reads_back(tmp_path: Path, paint: Paint) -> None:
    run = paint(tmp_path / "run", "model=mse", "eta=10", "logger=wandb")
    found = read_back(run)

    assert found["exit"] == 0
    assert found["run"]["run_group"] == "moving.mp4 · swirls"
    assert set(found["run"]["tags"]) == {"model:mse", "style:swirls", "video:moving.mp4"}
    assert found["run"]["job_type"] == "mse"
    assert found["run"]["config"]["update"]["beta"] == 1000
    assert (found["metrics"]["curve/*"], found["metrics"]["frame/*"]) == ("evaluation", "frame")

    curve = [row for row in found["history"] if "curve/total" in row]
    expected = [float(row["total"]) for row in Table(run / "curves.csv").read()]
    assert [row["curve/total"] for row in curve] == pytest.approx(expected, rel=1e-6)
    assert [row["evaluation"] for row in curve] == list(range(1, 25))

    frames = [row for row in found["history"] if "frame/total" in row]
    assert [row["frame"] for row in frames] == [0, 1, 2, 3]

    for key, numbers in (("keyframe", range(4)), ("residual", range(1, 4))):
        pictures = [row[f"{key}.path"] for row in found["history"] if f"{key}.path" in row]
        assert len(pictures) == len(numbers)
        for picture, number in zip(pictures, numbers, strict=True):
            (logged,) = run.glob(f"wandb/offline-run-*/files/{picture}")
            written = load_png(run / "keyframes" / f"{key}_{number:06d}.png")
            np.testing.assert_array_equal(np.array(Image.open(logged).convert("RGB")), written)
            assert written.std() > 10, "a picture, not a black rectangle"

    video = next(row["stylized.path"] for row in found["history"] if "stylized.path" in row)
    (logged,) = run.glob(f"wandb/offline-run-*/files/{video}")
    assert logged.read_bytes() == (run / "stylized.mp4").read_bytes()
    summary = json.loads((run / "metrics.json").read_text())["summary"]
    assert found["summary"]["summary/style"] == pytest.approx(summary["style"])


def test_runs_of_one_process_stay_apart_and_failures_are_marked(
    tmp_path: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vst.callbacks.metrics import Metrics

    first = paint(tmp_path / "first", "model=naive", "video.frames=1", "logger=wandb")

    def fails(*arguments: object) -> None:
        raise RuntimeError("made to fail")

    with monkeypatch.context() as patch:
        patch.setattr(Metrics, "on_train_batch_end", fails)
        with pytest.raises(RuntimeError, match="made to"):
            paint(tmp_path / "failed", "model=mse", "eta=2", "video.frames=1", "logger=wandb")
    third = paint(tmp_path / "third", "model=mse", "eta=7", "video.frames=1", "logger=wandb")

    records = [read_back(run) for run in (first, tmp_path / "failed", third)]
    assert [record["exit"] for record in records] == [0, 1, 0]
    assert [record["run"]["config"]["update"]["eta"] for record in records] == [0, 2, 7]
    assert len({record["run"]["run_id"] for record in records}) == 3


def test_online_without_a_key_says_so(tmp_path: Path, paint: Paint) -> None:
    with pytest.raises(InputError, match="W&B cannot be used online"):
        paint(tmp_path / "run", "model=naive", "logger=wandb", "logger.wandb.mode=online")


# wandb leaves the file of the sweep's parameters to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_a_run_that_a_sweeps_agent_began_joins_the_sweep(
    tmp_path: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # what an agent sets; wandb reads it when it is first used in a process, and forgets it with teardown
    parameters = tmp_path / "config-abc123.yaml"
    parameters.write_text("wandb_version: 1\neta:\n  desc: null\n  value: 10\n", encoding="utf-8")
    for name, value in {"SWEEP_ID": "sweep1", "RUN_ID": "abc123", "SWEEP_PARAM_PATH": parameters}.items():
        monkeypatch.setenv(f"WANDB_{name}", str(value))
    wandb.teardown()
    try:
        run = paint(tmp_path / "run", "model=mse", "eta=10", "logger=wandb")
    finally:
        wandb.teardown()
    found = read_back(run)
    assert (found["run"]["run_id"], found["run"]["sweep_id"]) == ("abc123", "sweep1")
    assert found["exit"] == 0
    assert "Ignoring" not in capfd.readouterr().err
    kept = load_checkpoint(run)["parts"]["WandbRun"]
    assert kept["run_id"] == "abc123", "or the run, taken up again without the agent, would be another"
    # what the sweep files minimise is what a run logs
    assert SWEEPS
    for sweep in SWEEPS:
        assert yaml.safe_load(sweep.read_text(encoding="utf-8"))["metric"]["name"] in found["summary"]
