"""Grids through every launcher: done once, taken up where they stopped, and said at the end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from vst.runs.table import Table

Launch = Callable[..., BaseProcess]
SCENE = ["video.height=32", "video.width=48"]
Grid = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[Grid]:
    """Start a grid in a process of its own, whose output is kept: `grid(*overrides)`."""
    started: list[subprocess.Popen[str]] = []

    def grid(*overrides: str) -> subprocess.Popen[str]:
        small = ["backbone=random", "style.size=48", "beta=1e3", f"hydra.sweep.dir={tmp_path / 'grid'}"]
        environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        process = subprocess.Popen(
            [sys.executable, "-m", "vst", "-m", *small, *overrides],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield grid
    for process in started:
        process.kill()
        process.communicate()


def times(directory: Path, runs: str = "*-*") -> dict[Path, int]:
    """When each file of the runs in a directory was written."""
    files = (file for file in directory.glob(f"{runs}/**/*") if file.is_file())
    return {file: file.stat().st_mtime_ns for file in files}


def painted(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (directory / "frames").glob("*.png")}


def status(directory: Path) -> str:
    return json.loads((directory / "metrics.json").read_text())["status"]


def wait_for_rows(directory: Path, rows: int, process: BaseProcess | subprocess.Popen[str]) -> None:
    """Wait until that many frames are finished."""
    table = Table(directory / "metrics.csv")
    deadline = time.monotonic() + 200
    while not table.path.is_file() or len(table.read()) < rows:
        ended = process.exitcode if isinstance(process, BaseProcess) else process.poll()
        assert ended is None, f"the grid ended with {ended} before it was to be killed"
        assert time.monotonic() < deadline, f"no {rows} frames in time"
        time.sleep(0.01)


def finish(process: BaseProcess) -> int | None:
    process.join(250)
    return process.exitcode


def test_grid_is_done_once_and_may_grow(tmp_path: Path, launch: Launch) -> None:
    sweep = tmp_path / "grid"
    small = ["style.size=48", "video.frames=2", f"hydra.sweep.dir={sweep}", "-m"]
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
    command = ["model=mse,naive", "evaluations=25", "--multirun"]
    assert finish(launch(f"hydra.sweep.dir={whole}", *command)) == 0
    process = launch(f"hydra.sweep.dir={broken}", *command)
    wait_for_rows(broken / "naive-swirls-file", 1, process)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    done = times(broken, "mse-*")
    assert finish(launch(f"hydra.sweep.dir={broken}", *command)) == 1, "the other is in use"
    process.kill()
    process.join()
    assert len(Table(broken / "naive-swirls-file" / "metrics.csv").read()) < 4, "it was killed on its way"
    assert finish(launch(f"hydra.sweep.dir={broken}", *command)) == 0
    assert times(broken, "mse-*") == done, "what was finished is left as it is"
    for name in ("mse-swirls-file", "naive-swirls-file"):
        assert painted(broken / name) == painted(whole / name)
        assert len(painted(broken / name)) == 4


def test_a_grid_that_is_ended_says_what_is_finished(tmp_path: Path, grid: Grid) -> None:
    process = grid("video=talk", *SCENE, "video.frames=3", "model=naive,mse", "evaluations=60")
    runs = [tmp_path / "grid" / name for name in ("naive-swirls-talk", "mse-swirls-talk")]
    wait_for_rows(runs[1], 1, process)
    process.send_signal(signal.SIGTERM)
    said, complaint = process.communicate(timeout=250)
    assert process.returncode == 128 + signal.SIGTERM, complaint
    assert said.splitlines()[1:3] == [
        f"painted clip  {runs[0] / 'stylized.mp4'}",
        f"not finished  {runs[1].name}: it was not finished",
    ]


def test_joblib_shares_the_cores_and_ends_tidily(tmp_path: Path, grid: Grid) -> None:
    from joblib import cpu_count

    pairs = ["pair=swirls:talk,ink:anime", *SCENE, "video.frames=4"]
    command = [*pairs, "model=mse", "evaluations=60", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    runs = [tmp_path / "grid" / name for name in ("mse-swirls-talk", "mse-ink-anime")]
    process = grid(*command)
    wait_for_rows(runs[0], 1, process)
    process.send_signal(signal.SIGTERM)
    _, complaint = process.communicate(timeout=250)
    assert process.returncode == 128 + signal.SIGTERM, complaint
    assert "ended by SIGTERM; resume with the same command" in complaint.splitlines()[-1]
    assert status(runs[0]) == "interrupted"
    assert not list((tmp_path / "grid").rglob("*.part"))

    process = grid(*command)
    said, complaint = process.communicate(timeout=250)
    assert process.returncode == 0, complaint
    assert [line.split()[-1] for line in said.splitlines() if "painted clip" in line] == [
        str(run / "stylized.mp4") for run in runs
    ]
    for run in runs:
        record = json.loads((run / "metrics.json").read_text())
        assert record["status"] == "finished"
        assert record["provenance"]["machine"]["threads"] == max(1, cpu_count() // 2)
        assert len(painted(run)) == 4
        assert f"{run.name}: frame 4/4, " in complaint
    assert "|" not in complaint, "bars would draw over each other"
    assert (tmp_path / "grid" / "report" / "index.html").is_file()


def test_failure_of_one_does_not_stop_the_other(tmp_path: Path, clip: Path, grid: Grid) -> None:
    """That the clip does not exist is found out in the job, not before."""
    nowhere = tmp_path / "nowhere.mp4"
    process = grid(
        "video=file", f"video.path={nowhere},{clip}", "model=naive", "evaluations=3", "video.frames=2",
        "hydra/launcher=submitit_local",
    )  # fmt: skip
    said, complaint = process.communicate(timeout=250)
    assert process.returncode == 1, complaint
    bad, good = said.splitlines()[1:3]
    assert bad.startswith("not finished  naive-swirls-file-video.path=nowhere.mp4~")
    assert bad.endswith(f": {nowhere} does not exist; set video.path to a video")
    assert Path(good.removeprefix("painted clip  ")).is_file()
    assert "1 of 2 runs did not finish: naive-swirls-file-video.path=nowhere.mp4~" in complaint
    assert (tmp_path / "grid" / "report" / "index.html").is_file()


def test_a_number_of_jobs_that_is_none_is_refused(tmp_path: Path, grid: Grid) -> None:
    process = grid("video=talk", "model=naive,mse", "hydra/launcher=joblib", "hydra.launcher.n_jobs=0")
    _, complaint = process.communicate(timeout=250)
    assert process.returncode == 2, complaint
    assert "hydra.launcher.n_jobs=0 is not a number of jobs" in complaint.splitlines()[-1]


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
    process = grid(
        "pair=swirls:talk", "model=naive,mse", *SCENE, "evaluations=3", "video.frames=2",
        "hydra/launcher=submitit_slurm", "hydra.launcher.timeout_min=10",
    )  # fmt: skip
    _, complaint = process.communicate(timeout=280)
    assert process.returncode == 0, complaint
    runs = [tmp_path / "grid" / name for name in ("naive-swirls-talk", "mse-swirls-talk")]
    assert [status(run) for run in runs] == ["finished", "finished"]
    assert (tmp_path / "grid" / "report" / "index.html").is_file()
