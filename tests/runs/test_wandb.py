"""An offline run of W&B is read back: what was logged, and the pixels of its pictures."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import wandb
import yaml
from omegaconf import DictConfig
from PIL import Image

from vst.errors import InputError
from vst.runs.callbacks.resume import load_checkpoint
from vst.runs.loggers.names import run_name
from vst.runs.loggers.wandb import UNCERTAIN, WandbRun
from vst.runs.run import run as paint_clip
from vst.runs.table import Table
from vst.video.store import load_png, save_png

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


@pytest.fixture
def logger(tmp_path: Path) -> WandbRun:
    return described(WandbRun(str(tmp_path / "run")))


def described(logger: WandbRun) -> WandbRun:
    logger.describe("naive", "swirls", "talk", {"alpha": 1.0, "beta": 1e5, "eta": 0.0})
    return logger


def read_back(run: Path) -> dict[str, Any]:
    """What the offline run's files hold, as `wandb sync` would send them: in order of time, a line of JSON a record."""
    found: dict[str, Any] = {"history": [], "summary": {}, "run": {}, "ids": [], "metrics": {}, "exit": None}
    for file in sorted(run.glob("wandb/offline-run-*/run-*.wandb")):
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
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
                found["ids"].append(body["run_id"])
            elif kind == "metric":
                found["metrics"][body.get("name") or body["glob_name"]] = body
            elif kind == "exit":
                found["exit"] = body["exit_code"]
    return found


def test_names_tell_runs_of_a_sweep_apart() -> None:
    place = {"style": "ink", "video": "talk"}
    weights = {"alpha": 1.0, "beta": 1e5, "eta": 3e4}
    assert run_name("flow", config=weights, **place) == "flow η=3e4 β=1e5 · talk · ink"
    assert run_name("naive", config={**weights, "eta": 0.0}, **place) == "naive β=1e5 · talk · ink"
    assert run_name("flow", config={**weights, "alpha": 2}, **place) == "flow η=3e4 β=1e5 α=2 · talk · ink"


def test_offline_run_reads_back(tmp_path: Path, paint: Paint) -> None:
    run = paint(tmp_path / "run", "model=mse", "eta=10", "logger=wandb")
    found = read_back(run)

    assert found["exit"] == 0
    assert found["run"]["run_group"] == "moving.mp4 · swirls"
    assert set(found["run"]["tags"]) == {"model:mse", "style:swirls", "video:moving.mp4"}
    assert found["run"]["job_type"] == "mse"
    assert found["run"]["config"]["update"]["beta"] == 1000
    assert found["run"]["display_name"] == "mse η=10 β=1000 · moving.mp4 · swirls"
    axes = {name: metric.get("step_metric") for name, metric in found["metrics"].items()}
    assert axes["curve/*"] == "evaluation"
    assert axes["frame/*"] == axes["media/*"] == "frame"
    for axis in ("evaluation", "frame", "pass"):
        assert found["metrics"][axis]["options"]["hidden"]

    curve = [row for row in found["history"] if "curve/total" in row]
    expected = [float(row["total"]) for row in Table(run / "curves.csv").read()]
    assert [row["curve/total"] for row in curve] == pytest.approx(expected, rel=1e-6)
    assert [row["evaluation"] for row in curve] == list(range(1, 25))

    frames = [row for row in found["history"] if "frame/total" in row]
    assert [row["frame"] for row in frames] == [0, 1, 2, 3]

    for key, numbers in (("keyframe", range(4)), ("residual", range(1, 4))):
        logged_as = f"media/{key}"
        pictured = [row for row in found["history"] if f"{logged_as}.path" in row]
        assert [row["frame"] for row in pictured] == list(numbers)
        pictures = [row[f"{logged_as}.path"] for row in pictured]
        assert len(pictures) == len(numbers)
        for picture, number in zip(pictures, numbers, strict=True):
            (logged,) = run.glob(f"wandb/offline-run-*/files/{picture}")
            written = load_png(run / "keyframes" / f"{key}_{number:06d}.png")
            np.testing.assert_array_equal(np.array(Image.open(logged).convert("RGB")), written)
            assert written.std() > 10, "a picture, not a black rectangle"

    video = next(row["media/stylized.path"] for row in found["history"] if "media/stylized.path" in row)
    (logged,) = run.glob(f"wandb/offline-run-*/files/{video}")
    assert logged.read_bytes() == (run / "stylized.mp4").read_bytes()
    summary = json.loads((run / "metrics.json").read_text())["summary"]
    means = {name: value for name, value in summary.items() if value is not None}
    logged = {name: value for name, value in found["summary"].items() if name.startswith("summary/")}
    assert logged == pytest.approx({f"summary/{name}": value for name, value in means.items()})
    # the means are not beside values of the last frame that look like them
    assert not [name for name in found["summary"] if name.startswith(("frame", "curve/", "evaluation"))]
    figures = {name for row in found["history"] for name in row if name.startswith("frame/")}
    table = Table(run / "metrics.csv").read()
    for name in figures:
        logged = {row["frame"]: row[name] for row in found["history"] if name in row}
        column = name.removeprefix("frame/")
        written = {index: float(row[column]) for index, row in enumerate(table) if row[column]}
        assert logged == pytest.approx(written, rel=1e-6), name


def test_models_stand_side_by_side(tmp_path: Path, paint: Paint) -> None:
    # whose evaluations a frame differ
    options = ("video.frames=3", "logger=wandb")
    runs = [
        paint(tmp_path / "naive", "model=naive", *options),
        paint(tmp_path / "mse", "model=mse", "eta=10", "evaluation_factors=[2]", *options),
    ]
    records = [read_back(run) for run in runs]
    assert {record["run"]["run_group"] for record in records} == {"moving.mp4 · swirls"}
    assert len({record["run"]["display_name"] for record in records}) == 2
    steps = [
        {
            (row["frame"], key): row["_step"]
            for row in record["history"]
            for key in ("media/keyframe.path", "media/residual.path")
            if key in row
        }
        for record in records
    ]
    assert steps[0] == steps[1]
    assert len(steps[0]) == 5


def test_every_frame_has_one_value_though_it_has_several_passes(tmp_path: Path, paint: Paint) -> None:
    run = paint(
        tmp_path / "run", "model=naive", "passes=2", "evaluations=12", "video.frames=3", "logger=wandb"
    )
    found = read_back(run)
    last = {int(row["frame"]): row for row in Table(run / "metrics.csv").read()}
    for name in ("style", "warping_error"):
        logged = [(row["frame"], row[f"frame/{name}"]) for row in found["history"] if f"frame/{name}" in row]
        assert dict(logged) == pytest.approx(
            {index: float(row[name]) for index, row in last.items() if row[name]}, rel=1e-6
        )
        assert len(logged) == len(dict(logged))
    pictured = [row["frame"] for row in found["history"] if "media/keyframe.path" in row]
    assert sorted(pictured) == [0, 1, 2]
    curve = [row for row in found["history"] if "curve/total" in row]
    assert [row["evaluation"] for row in curve] == list(range(1, 37))
    assert [row["pass"] for row in curve] == [0] * 18 + [1] * 18


def test_a_run_that_was_stopped_goes_on_as_the_same(
    tmp_path: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vst.runs.callbacks.resume import Resume

    directory, options = tmp_path / "run", ("model=naive", "video.frames=3", "logger=wandb")
    save = Resume.on_train_batch_end

    def stop(self: Resume, trainer: Any, module: Any, outputs: Any, batch: Any, index: int) -> None:
        if index == 1:  # with all that the frame leaves logged, and before that is kept
            raise RuntimeError("made to stop")
        save(self, trainer, module, outputs, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(Resume, "on_train_batch_end", stop)
        with pytest.raises(RuntimeError, match="made to"):
            paint(directory, *options)
    assert read_back(directory)["exit"] == 1
    paint(directory, *options, f"resume={directory}")
    found = read_back(directory)
    assert found["exit"] == 0
    assert len(set(found["ids"])) == 1
    assert len(found["ids"]) == 2
    # W&B takes a step once; what was said of it again is the same
    by_step: dict[int, dict[str, Any]] = {}
    for row in found["history"]:
        told = {
            name: value for name, value in row.items() if not name.startswith("_") and "seconds" not in name
        }
        told = {name: value for name, value in told.items() if not name.startswith("media/")}
        assert by_step.setdefault(row["_step"], told) == told
    assert [row["evaluation"] for row in by_step.values() if "evaluation" in row] == list(range(1, 19))
    assert [row["frame"] for row in by_step.values() if "frame/total" in row] == [0, 1, 2]


def test_what_wandb_had_not_written_before_a_kill_is_logged_again(tmp_path: Path, logger: WandbRun) -> None:
    save_png(tmp_path / "run" / "keyframes" / "keyframe_000002.png", np.full((8, 8, 3), 70, np.uint8))
    row = {"content": 0.1, "style": 0.2, "coherence": 0.3, "total": 1 / 3, "range": 1e-9}
    logger.begin()
    for frame in range(3):
        logger.log_curve(frame, 0, [row] * 250)
    logger.log_image("keyframe", tmp_path / "run" / "keyframes" / "keyframe_000002.png", 2)
    torch.save(logger.state_dict(), tmp_path / "state")
    (log,) = tmp_path.glob("run/wandb/offline-run-*/run-*.wandb")
    while log.stat().st_size < 2 * UNCERTAIN:  # what is written is written behind
        time.sleep(0.01)
    killed = shutil.copytree(tmp_path / "run", tmp_path / "killed")
    logger.finish(failed=False)
    lost = 751 - len({row["_step"] for row in read_back(killed)["history"]})
    assert lost > 0

    resumed = described(WandbRun(str(killed)))
    resumed.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    resumed.begin()
    resumed.log_metrics({"total": 7.0}, step=2)
    resumed.finish(failed=False)
    found = read_back(killed)
    by_step = {row["_step"]: row for row in found["history"]}
    assert [row["evaluation"] for row in by_step.values() if "evaluation" in row] == list(range(1, 751))
    assert sum("media/keyframe.path" in row for row in by_step.values()) == 1
    assert sum("frame/total" in row for row in by_step.values()) == 1
    assert len(by_step) == 752


def test_runs_of_one_process_stay_apart_and_failures_are_marked(
    tmp_path: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vst.runs.callbacks.metrics import Metrics

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


def test_the_workspace_shows_what_runs_log(
    tmp_path: Path, compose: Callable[..., DictConfig], options: list[str]
) -> None:
    script = Path(__file__).parents[2] / "experiments" / "wandb_workspace.py"
    written = tmp_path / "workspace.json"
    subprocess.run([sys.executable, str(script), "--json", str(written)], check=True)
    shown = names_in(json.loads(written.read_text()))
    assert {"media/keyframe", "frame/warping_error", "curve/total", "summary/ghosting_at_cut"} <= shown

    small = [option for option in options if not option.startswith("video")]
    small += ["video.height=72", "video.width=96", "callbacks.metrics.interval=1", "~callbacks.progress"]
    logged: set[str] = set()
    # what stands still, and what moves fast over a cut: no tiny clip has everything to measure
    for video, frames in (("talk", 2), ("battle", 4)):
        clip = [f"video={video}", f"video.frames={frames}", f"paths.run={tmp_path / video}"]
        run = paint_clip(compose(*small, *clip, "evaluations=2", "model=mse", "eta=1", "logger=wandb"))
        found = read_back(run)
        logged |= {name.removesuffix(".path") for row in found["history"] for name in row}
        logged |= found["summary"].keys()
    assert shown - logged == set()


def names_in(node: Any) -> set[str]:
    """The names of what runs log in all that panels and columns are set to."""
    if isinstance(node, str):
        name = node.removeprefix("summary:")
        return {name} if re.fullmatch(r"(frame|curve|media|summary)/\w+|evaluation|frame", name) else set()
    parts = [*node, *node.values()] if isinstance(node, dict) else node if isinstance(node, list) else []
    return set().union(*map(names_in, parts))


def test_online_without_a_key_says_so(tmp_path: Path, paint: Paint) -> None:
    with pytest.raises(InputError, match="W&B cannot be used online"):
        paint(tmp_path / "run", "model=naive", "logger=wandb", "logger.wandb.mode=online")
    left = {path.name for path in tmp_path.glob("run/*")}
    assert left <= {"wandb"}, "no more than W&B's own log of why"


@pytest.fixture
def afresh() -> Iterator[None]:
    """wandb reads its environment when it is first used in a process, and forgets it with teardown."""
    wandb.teardown()
    yield
    wandb.teardown()


@pytest.fixture
def no_network(afresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, and a server that does not answer."""
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_HTTP_TIMEOUT", "1")


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("answers", [False, True], ids=["no answer", "no answer after the first"])
def test_with_a_key_and_no_network_it_is_recorded_offline(
    tmp_path: Path,
    logger: WandbRun,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answers: bool,
) -> None:
    if answers:
        monkeypatch.setattr(wandb, "login", lambda **_: True)
        monkeypatch.setattr("vst.runs.loggers.wandb.INIT_TIMEOUT", 1)
    logger.begin()
    logger.log_metrics({"total": 7.0}, step=0)
    logger.finish(failed=False)
    assert "the run is recorded offline" in capsys.readouterr().err
    found = read_back(tmp_path / "run")
    assert found["ids"] == [logger.run_id]
    assert [row["frame/total"] for row in found["history"]] == [7.0]


@pytest.mark.usefixtures("afresh")
@pytest.mark.parametrize("value", ["onlin", ""])
def test_a_mode_that_wandb_does_not_know_is_named(
    tmp_path: Path, logger: WandbRun, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("WANDB_MODE", value)
    with pytest.raises(
        InputError, match=f"does not know the value '{value}' of its setting mode .* WANDB_MODE"
    ):
        logger.begin()
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("afresh", "no_home")
def test_without_a_home_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"set HOME\); choose another logger"):
        described(WandbRun(str(tmp_path / "run"), mode="offline")).begin()
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("afresh", "no_home")
def test_without_a_home_a_run_that_did_not_ask_for_wandb_is_painted(
    tmp_path: Path, logger: WandbRun, capsys: pytest.CaptureFixture[str]
) -> None:
    log_something(logger)
    assert "needs a home directory" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def log_something(logger: WandbRun) -> None:
    logger.begin()
    logger.log_metrics({"total": 7.0}, step=0)
    logger.log_summary({"total": 7.0})
    logger.finish(failed=False)


@pytest.mark.usefixtures("afresh")
def test_disabled_wandb_is_not_even_started(
    tmp_path: Path, logger: WandbRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setattr(wandb, "setup", None)
    monkeypatch.setattr(wandb, "init", None)
    log_something(logger)
    assert not list(tmp_path.iterdir())


def test_the_painting_does_not_wait_for_wandb(
    tmp_path: Path, logger: WandbRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(wandb, "login", lambda **_: not answers.wait(60))
    logger.begin()
    assert not answers.is_set()
    answers.set()
    logger.log_metrics({"total": 7.0}, step=0)
    logger.finish(failed=False)
    assert [row["frame/total"] for row in read_back(tmp_path / "run")["history"]] == [7.0]


@pytest.mark.usefixtures("afresh")
def test_nobody_is_asked_for_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb, "init", None)  # which would ask on a terminal
    with pytest.raises(InputError, match=r"no API key is known here.*wandb login"):
        described(WandbRun(str(tmp_path / "run"), mode="online")).begin()


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
