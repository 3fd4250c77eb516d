"""Grids through every launcher: done once, taken up where they stopped, and said at the end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.processes import Program, finish, wait_for_rows
from vst.runs.table import Table

Launch = Callable[..., BaseProcess]
Grid = Callable[..., Program]
SCENE = ["video.height=32", "video.width=48"]
LONG = "evaluations=60"
"""Enough that a frame takes long against the time between two looks at the run's directory."""


@pytest.fixture
def small(tmp_path: Path) -> list[str]:
    """The overrides that make a grid small."""
    return [
        "-m",
        "backbone=random",
        "backbone.weights.width=8",
        "style.size=48",
        "beta=1e3",
        f"hydra.sweep.dir={tmp_path / 'grid'}",
    ]


@pytest.fixture
def grid(tmp_path: Path, start: Start, small: list[str]) -> Grid:
    """Start a grid: `grid(*overrides)`."""
    return lambda *overrides: start(*small, *overrides, folder=tmp_path)


def times(directory: Path, runs: str = "*-*") -> dict[Path, int]:
    """When each file of the runs in a directory was written."""
    files = (file for file in directory.glob(f"{runs}/**/*") if file.is_file())
    return {file: file.stat().st_mtime_ns for file in files}


def painted(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (directory / "frames").glob("*.png")}


def status(directory: Path) -> str:
    return json.loads((directory / "metrics.json").read_text())["status"]


def test_grid_is_done_once_and_may_grow(tmp_path: Path, launch: Launch) -> None:
    sweep = tmp_path / "grid"
    small = ["style.size=48", "video.frames=2", "evaluations=2", f"hydra.sweep.dir={sweep}", "-m"]
    assert finish(launch("model=naive,mse", "style=ink,swirls", *small)) == 0
    names = {"naive-ink-file", "naive-swirls-file", "mse-ink-file", "mse-swirls-file"}
    assert {path.parent.name for path in sweep.glob("*/metrics.json")} == names
    assert all((sweep / name / "stylized.mp4").is_file() for name in names)

    before = times(sweep)
    assert finish(launch("style=facets,swirls,ink", "model=mse", *small)) == 0
    assert before.items() <= times(sweep).items(), "what was finished is left as it is"
    assert status(sweep / "mse-facets-file") == "finished"
    assert "mse-facets-file" in (sweep / "report" / "index.html").read_text()

    after = times(sweep)
    for otherwise in ("beta=7", "callbacks.metrics.interval=3"):
        assert finish(launch("model=mse", "style=ink,facets", otherwise, *small)) == 2
    assert times(sweep) == after


def test_killed_grid_goes_on_by_the_same_command(tmp_path: Path, launch: Launch) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert finish(launch("model=naive", LONG, f"hydra.run.dir={whole}")) == 0
    command = [f"hydra.sweep.dir={broken}", "model=mse,naive", LONG, "--multirun"]
    process = launch(*command)
    wait_for_rows(broken / "naive-swirls-file", 1, process)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    done = times(broken, "mse-*")
    assert finish(launch(*command)) == 1, "the other is in use"
    process.kill()
    process.join()
    assert len(Table(broken / "naive-swirls-file" / "metrics.csv").read()) < 4, "it was killed on its way"
    assert finish(launch(*command)) == 0
    assert times(broken, "mse-*") == done, "what was finished is left as it is"
    assert len(painted(broken / "mse-swirls-file")) == 4
    assert painted(broken / "naive-swirls-file") == painted(whole)


def test_a_grid_that_is_ended_says_what_is_finished(tmp_path: Path, grid: Grid) -> None:
    running = grid("video=talk", *SCENE, "video.frames=3", "model=naive,mse", LONG)
    runs = [tmp_path / "grid" / name for name in ("naive-swirls-talk", "mse-swirls-talk")]
    wait_for_rows(runs[1], 1, running.process)
    running.process.terminate()
    done = running.ended()
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    assert done.stdout.splitlines()[1:3] == [
        f"painted clip  {runs[0] / 'stylized.mp4'}",
        f"not finished  {runs[1].name}: it was not finished",
    ]


def test_joblib_shares_the_cores_and_ends_tidily(
    tmp_path: Path, small: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from joblib import cpu_count

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    pairs = ["pair=swirls:talk,ink:anime", *SCENE, "video.frames=4"]
    options = [*small, *pairs, "model=mse", LONG, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    # not forked, as joblib's workers are not either: they end with the interpreter that started them
    command = [sys.executable, "-m", "vst", *options]
    runs = [tmp_path / "grid" / name for name in ("mse-swirls-talk", "mse-ink-anime")]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        wait_for_rows(runs[0], 1, process)
        process.terminate()
        _, complaint = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM, complaint
    assert "ended by SIGTERM; resume with the same command" in complaint.splitlines()[-1]
    assert status(runs[0]) == "interrupted"
    assert not list((tmp_path / "grid").rglob("*.part"))

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split()[-1] for line in done.stdout.splitlines() if "painted clip" in line] == [
        str(run / "stylized.mp4") for run in runs
    ]
    for run in runs:
        record = json.loads((run / "metrics.json").read_text())
        assert record["status"] == "finished"
        assert record["provenance"]["machine"]["threads"] == max(1, cpu_count() // 2)
        assert len(painted(run)) == 4
        assert f"{run.name}: frame 4/4, " in done.stderr
    assert "|" not in done.stderr, "bars would draw over each other"
    assert (tmp_path / "grid" / "report" / "index.html").is_file()


def test_failure_of_one_does_not_stop_the_other(tmp_path: Path, clip: Path, grid: Grid) -> None:
    """That the clip does not exist is found out in the job, not before."""
    nowhere = tmp_path / "nowhere.mp4"
    running = grid(
        "video=file", f"video.path={nowhere},{clip}", "model=naive", "evaluations=3", "video.frames=2",
        "hydra/launcher=submitit_local",
    )  # fmt: skip
    done = running.ended()
    assert done.returncode == 1, done.stderr
    bad, good = done.stdout.splitlines()[1:3]
    assert bad.startswith("not finished  naive-swirls-file-video.path=nowhere.mp4~")
    assert bad.endswith(f": {nowhere} does not exist; set video.path to a video")
    assert Path(good.removeprefix("painted clip  ")).is_file()
    assert "1 of 2 runs did not finish: naive-swirls-file-video.path=nowhere.mp4~" in done.stderr
    assert (tmp_path / "grid" / "report" / "index.html").is_file()


def test_a_number_of_jobs_that_is_none_is_refused(tmp_path: Path, grid: Grid) -> None:
    running = grid("video=talk", "model=naive,mse", "hydra/launcher=joblib", "hydra.launcher.n_jobs=0")
    done = running.ended()
    assert done.returncode == 2, done.stderr
    assert "hydra.launcher.n_jobs=0 is not a number of jobs" in done.stderr.splitlines()[-1]


def test_other_jobs_are_waited_for_where_one_is_lost(tmp_path: Path) -> None:
    from hydra_plugins.vst_grid import _wait_for

    done = tmp_path / "done"
    last = subprocess.Popen([sys.executable, "-c", f"import time; time.sleep(1); open({str(done)!r}, 'w')"])
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folders = {tmp_path / str(process.pid) for process in (last, gone)}
    for folder in folders:
        folder.mkdir()
        (folder / f"{folder.name}_submitted.pkl").touch()
    _wait_for(folders, "LocalLauncher")
    assert done.is_file()
    last.wait()


def test_slurm_runs_a_grid(tmp_path: Path, grid: Grid) -> None:
    if shutil.which("sbatch") is None:
        pytest.skip("SLURM is not installed; see experiments/slurm/one_node.sh")
    if subprocess.run(["scontrol", "ping"], capture_output=True, check=False).returncode:
        pytest.skip("SLURM's controller does not answer; experiments/slurm/one_node.sh start")
    running = grid(
        "pair=swirls:talk", "model=naive,mse", *SCENE, "evaluations=3", "video.frames=2",
        "hydra/launcher=submitit_slurm", "hydra.launcher.timeout_min=10",
    )  # fmt: skip
    done = running.ended()
    assert done.returncode == 0, done.stderr
    runs = [tmp_path / "grid" / name for name in ("naive-swirls-talk", "mse-swirls-talk")]
    assert [status(run) for run in runs] == ["finished", "finished"]
    assert (tmp_path / "grid" / "report" / "index.html").is_file()
