"""Frames, and runs, that are painted at once are as if painted alone."""

from __future__ import annotations

import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.processes import finish, wait_for_rows
from vst.errors import InputError
from vst.runs.record import read_record
from vst.runs.rows import read_curves, read_frames

Launch = Callable[..., BaseProcess]
Paint = Callable[..., Path]
FEW = ["evaluations=4", "optimizer.tolerance=0"]
"""So few that differences by rounding have no time to grow."""
LONG = ["evaluations=50", "optimizer.tolerance=0"]
"""Enough that a group takes long against the time between two looks at the run's directory."""


def painted(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((directory / "frames").glob("*.png"))}


def close(one: Path, other: Path) -> None:
    """Both runs took the same evaluations, to the same losses but for rounding."""
    for run in (one, other):
        record = read_record(run)
        assert record is not None
        assert record.status == "finished"
    assert read_curves(one).keys() == read_curves(other).keys()
    for index, curve in read_curves(one).items():
        rows = zip(curve, read_curves(other)[index], strict=True)
        for found, expected in rows:
            assert found == pytest.approx(expected, rel=1e-3, abs=1e-9)
    columns = [list(row) for row in read_frames(one)]
    assert columns == [list(row) for row in read_frames(other)]


def test_frames_painted_at_once_are_those_painted_alone(paint: Paint, tmp_path: Path) -> None:
    alone, together = (
        paint(tmp_path / name, "model=naive", f"lanes={lanes}", *FEW) for name, lanes in (("a", 1), ("b", 3))
    )
    close(together, alone)
    residuals = [file.name for file in (together / "keyframes").glob("residual_*")]
    assert sorted(residuals) == sorted(file.name for file in (alone / "keyframes").glob("residual_*"))


def test_a_run_killed_between_groups_goes_on_to_the_same_frames(
    paint: Paint, launch: Launch, tmp_path: Path
) -> None:
    command = ["model=naive", "lanes=2", *LONG]
    whole, broken = paint(tmp_path / "whole", *command), tmp_path / "broken"
    process = launch(*command, f"hydra.run.dir={broken}")
    wait_for_rows(broken, 2, process)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL, "it was killed on its way"
    assert finish(launch(f"resume={broken}")) == 0
    assert painted(broken) == painted(whole)


@pytest.mark.parametrize("model", ["mse", "robust"])
def test_frames_that_are_compared_cannot_be_painted_at_once(paint: Paint, tmp_path: Path, model: str) -> None:
    with pytest.raises(InputError, match=f"lanes is 2, but the model {model} compares every frame"):
        paint(tmp_path / "run", f"model={model}", "lanes=2", "flow=dis")
    with pytest.raises(InputError, match="lanes is 2, and frames are painted in 3 passes"):
        paint(tmp_path / "run", "model=naive", "lanes=2", "passes=3")
    assert not (tmp_path / "run").exists()


def test_runs_of_a_grid_painted_at_once_are_those_painted_alone(launch: Launch, tmp_path: Path) -> None:
    grid = ["model=naive,mse,robust", "eta=0", "flow=dis", *FEW]
    for name, lanes in (("alone", 1), ("together", 2)):
        assert finish(launch(*grid, f"lanes={lanes}", f"hydra.sweep.dir={tmp_path / name}", "-m")) == 0
    for model in ("naive", "mse", "robust"):
        close(tmp_path / f"together/{model}-swirls-file", tmp_path / f"alone/{model}-swirls-file")


def test_a_run_that_fails_does_not_end_the_others(launch: Launch, tmp_path: Path, clip: Path) -> None:
    sweep, bad = tmp_path / "grid", tmp_path / "bad.mp4"
    whole = clip.read_bytes()
    # damaged near its end: the index is whole, the last pictures are not
    bad.write_bytes(whole[: len(whole) * 2 // 3] + bytes(len(whole) - len(whole) * 2 // 3))
    process = launch(
        "model=naive", f"video.path={clip},{bad}", "lanes=2", *FEW, f"hydra.sweep.dir={sweep}", "-m"
    )
    assert finish(process) == 1
    ended = [read_record(path.parent) for path in sweep.glob("*/metrics.json")]
    assert "finished" in [record.status for record in ended if record is not None]


def test_ended_by_a_signal_they_go_on_by_the_same_command(launch: Launch, tmp_path: Path) -> None:
    command = ["model=naive,mse", "lanes=2", *LONG, "-m"]
    sweep = f"hydra.sweep.dir={tmp_path}"
    process = launch(sweep, *command)
    runs = [tmp_path / f"{model}-swirls-file" for model in ("naive", "mse")]
    for run in runs:
        wait_for_rows(run, 1, process)
    process.terminate()
    assert finish(process) == 128 + signal.SIGTERM
    for run in runs:
        record = read_record(run)
        assert record is not None
        assert record.status == "interrupted"
        assert (run / "stylized.mp4").is_file(), "of the frames that were painted"
    assert finish(launch(sweep, *command)) == 0
    assert all(len(painted(run)) == 4 for run in runs)


def test_lanes_are_of_one_process(start: Start, options: list[str], tmp_path: Path) -> None:
    grid = ["-m", *options, "model=naive,mse", "lanes=2", f"hydra.sweep.dir={tmp_path / 'grid'}"]
    done = start(*grid, "hydra/launcher=joblib").ended()
    assert done.returncode == 2
    assert done.stderr == (
        "vst: lanes=2 paints runs at once in one process, and hydra/launcher starts others; drop one of them\n"
    )
