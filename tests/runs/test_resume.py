"""Runs that are killed and taken up again end as runs that were not."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Callback, Trainer

from tests.processes import finish, wait_for_rows
from vst.composing import composed, with_run_directory
from vst.errors import OutOfMemory, Pruned, VstError
from vst.features import vgg
from vst.features.tiles import look_at_tiles
from vst.painting.stylizer import VideoStylizer
from vst.runs.configuration import configuration_path, stored_overrides
from vst.runs.identity import first_difference, identity
from vst.runs.moved import with_new_names
from vst.runs.record import read_record
from vst.runs.run import run
from vst.runs.settings import resolve
from vst.runs.state import is_done
from vst.runs.table import Table
from vst.video.store import load_png

Launch = Callable[..., BaseProcess]
Paint = Callable[..., Path]
LONG = "evaluations=40"
"""Enough that a frame takes long against the time between two looks at the run's directory."""


def painted(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((directory / "frames").glob("*.png"))}


def without_seconds(directory: Path) -> list[dict[str, str]]:
    rows = Table(directory / "metrics.csv").read()
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.mark.parametrize(
    ("overrides", "kills"),
    [
        # (frames finished, seconds into the next frame) at each kill
        (["model=flow", "flow=dis"], [(2, 0.1)]),
        (["model=enhanced", "start=noise"], [(0, 0.1)]),
        (["model=flow", "flow=dis", "start=warped", "passes=3"], [(2, 0.1), (5, 0.0), (9, 0.15)]),
        (["model=robust", "cuts=[2]"], [(1, 0.1), (3, 0.0)]),
        (["model=ruder_multipass", "flow=dis", "passes=2"], [(6, 0.0)]),
        (["model=robust", "passes=2"], [(2, 0.1)]),
    ],
    ids=["flow", "noise", "passes", "robust", "ruder_multipass", "robust over two passes"],
)
def test_killed_run_resumes_bit_for_bit(
    tmp_path: Path, paint: Paint, launch: Launch, overrides: list[str], kills: list[tuple[int, float]]
) -> None:
    whole, broken = paint(tmp_path / "whole", LONG, *overrides), tmp_path / "broken"
    process = launch(LONG, *overrides, f"hydra.run.dir={broken}")
    for rows, delay in kills:
        wait_for_rows(broken, rows, process)
        time.sleep(delay)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        process = launch(f"resume={broken}")
    assert finish(process) == 0

    assert painted(broken) == painted(whole)
    assert (broken / "curves.csv").read_bytes() == (whole / "curves.csv").read_bytes()
    assert without_seconds(broken) == without_seconds(whole)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_ends_tidily_and_the_run_goes_on(
    tmp_path: Path, launch: Launch, number: signal.Signals, status: int
) -> None:
    directory = tmp_path / "run"
    process = launch(LONG, "model=flow", f"hydra.run.dir={directory}")
    wait_for_rows(directory, 1, process)
    assert process.pid is not None
    time.sleep(0.2)
    os.kill(process.pid, number)
    assert finish(process) == status
    record = (directory / "metrics.json").read_text()
    assert '"status": "interrupted"' in record
    assert (directory / "stylized.mp4").is_file(), "what is painted is kept as a clip"
    assert not list(directory.rglob("*.part"))

    assert finish(launch(f"resume={directory}")) == 0
    assert '"status": "finished"' in (directory / "metrics.json").read_text()
    assert len(painted(directory)) == 4


def test_finished_run_is_left_as_it_is(tmp_path: Path, launch: Launch) -> None:
    directory = tmp_path / "run"
    assert finish(launch("model=naive", f"hydra.run.dir={directory}")) == 0
    before = {
        path: path.stat().st_mtime_ns for path in directory.rglob("*") if path.suffix in (".png", ".mp4")
    }
    assert finish(launch(f"resume={directory}")) == 0
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_run_killed_before_its_clip_was_made_gets_it(tmp_path: Path, launch: Launch) -> None:
    directory = tmp_path / "run"
    assert finish(launch("model=naive", f"hydra.run.dir={directory}")) == 0
    before = painted(directory)
    for name in ("stylized.mp4", "metrics.json"):
        (directory / name).unlink()
    assert finish(launch(f"resume={directory}")) == 0
    assert (directory / "stylized.mp4").is_file()
    assert '"status": "finished"' in (directory / "metrics.json").read_text()
    assert painted(directory) == before
    assert len(Table(directory / "metrics.csv").read()) == 4


def test_other_options_are_refused(tmp_path: Path, launch: Launch) -> None:
    directory = tmp_path / "run"
    process = launch(LONG, "model=mse", f"hydra.run.dir={directory}")
    wait_for_rows(directory, 1, process)
    assert finish(launch(LONG, "model=mse", f"hydra.run.dir={directory}")) == 2, "it is in use"
    process.kill()
    process.join()
    assert finish(launch(LONG, "model=mse", f"hydra.run.dir={directory}")) == 2, "it holds a run"
    assert finish(launch(f"resume={directory}", "beta=7")) == 2, "it is from another configuration"
    assert finish(launch(f"resume={directory}")) == 0


class StopsAfter(Callback):
    """Ends a run once it has painted some frames, in order."""

    def __init__(self, frames: int):
        self.frames = frames

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        if trainer.global_step == 0 and trainer.fit_loop.epoch_loop.batch_idx + 1 == self.frames:
            raise Pruned("enough")


def test_a_run_keeps_the_precision_that_it_began_with(
    tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fastest(precision: str) -> None:
        monkeypatch.setattr(vgg, "fastest_precision", lambda device: precision)

    def configured(directory: Path, *more: str) -> DictConfig:
        few = ["model=naive", "video.frames=3", "evaluations=3"]
        return composed([*options, *few, "~callbacks.progress", f"paths.run={directory}", *more])

    fastest("float32")
    whole = run(configured(tmp_path / "whole"))
    with pytest.raises(Pruned):
        run(configured(tmp_path / "run"), callbacks={"stop": StopsAfter(2)})
    fastest("bf16")
    resumed = run(configured(tmp_path / "run", f"resume={tmp_path / 'run'}"))
    other = run(configured(tmp_path / "other"))
    records = [read_record(directory) for directory in (whole, resumed, other)]
    assert [record and record.provenance.precision for record in records] == ["float32", "float32", "bf16"]
    last = sorted((whole / "frames").iterdir())[-1].name
    pictures = [(directory / "frames" / last).read_bytes() for directory in (whole, resumed, other)]
    assert pictures[0] == pictures[1] != pictures[2]


def test_a_run_of_the_first_version_is_resumed_as_it_began(tmp_path: Path) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "overrides.yaml").write_text("[model=robust, 'shares=[1]']")
    (tmp_path / ".hydra" / "config.yaml").write_text(
        "backbone: {precision: float32}\noptimizer: {history: 10}\n"
    )
    overrides = stored_overrides(tmp_path)
    assert overrides == [
        "logger=csv",
        "backbone.precision=float32",
        "optimizer.tolerance=0",
        "scales=1",
        "style.size=256",
        "backbone.border=zeros",
        "later_factor=1.0",
        "model=robust",
        "evaluation_factors=[1]",
    ]
    settings = resolve(with_run_directory(composed(overrides)))
    assert settings["backbone"]["precision"] == "float32"
    assert settings["optimizer"]["tolerance"] == 0
    assert settings["scales"] == 1
    assert settings["style"]["size"] == 256


FIRST_VERSION = json.loads(Path(__file__).with_name("first_version.json").read_text(encoding="utf-8"))
"""What runs of 0.1 kept of their configuration in their checkpoints, by model."""


@pytest.mark.parametrize("model", FIRST_VERSION)
def test_a_run_of_the_first_version_counts_as_the_same(tmp_path: Path, model: str) -> None:
    began = FIRST_VERSION[model]
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "overrides.yaml").write_text(f"[model={model}]")
    kept = {name: began[name] for name in ("alpha", "beta", "eta", "backbone", "optimizer")}
    (tmp_path / ".hydra" / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(kept)))
    now = identity(resolve(with_run_directory(composed(stored_overrides(tmp_path)))))
    assert first_difference(with_new_names(began), now) is None


@pytest.mark.parametrize("option", ["", ", width: 64"])
def test_random_filters_had_their_whole_width_before_it_was_an_option(option: str) -> None:
    before = OmegaConf.to_container(
        OmegaConf.create(f"backbone: {{weights: {{_target_: vst.features.weights.random, seed: 0{option}}}}}")
    )
    assert isinstance(before, dict)
    assert (
        with_new_names({str(key): value for key, value in before.items()})["backbone"]["weights"]["width"]
        == 64
    )


@pytest.mark.parametrize(
    ("began", "given", "now"),
    [
        ("{}", [], set()),
        ("{wandb: {_target_: x}, tensorboard: {_target_: x}}", [], {"wandb", "tensorboard"}),
        ("{wandb: {_target_: x}, mine: {_target_: x}, mlflow: null}", [], {"wandb"}),
        ("{wandb: {_target_: x}}", ["logger=csv"], set()),
        ("{wandb: {_target_: x}}", ["~logger"], set()),
        ("{}", ["~logger"], set()),
        ("{}", ["logger=mlflow"], {"mlflow"}),
        ("[1]", [], set()),
    ],
)
def test_a_run_goes_on_with_its_own_loggers(
    tmp_path: Path, began: str, given: list[str], now: set[str]
) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "overrides.yaml").write_text("[model=naive]")
    (tmp_path / ".hydra" / "config.yaml").write_text(f"logger: {began}\n")
    settings = resolve(with_run_directory(composed([*stored_overrides(tmp_path), *given])))
    assert settings["logger"].keys() == now


def test_an_option_that_was_null_stays_null(tmp_path: Path) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "overrides.yaml").write_text("[model=naive]")
    (tmp_path / ".hydra" / "config.yaml").write_text("{style: {size: null, scale: 1}, scales: auto}\n")
    assert {"style.size=null", "scales=auto"} <= set(stored_overrides(tmp_path))


def test_a_run_that_needs_more_memory_goes_on_in_tiles(
    tmp_path: Path, paint: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["model=robust", "flow=dis", "video.frames=3"]
    whole = paint(tmp_path / "whole", *options)
    painted, looked = [], []
    original = VideoStylizer.training_step

    def full(self: VideoStylizer, *arguments: Any) -> Any:
        if len(painted) == 1:
            raise MemoryError
        painted.append(1)
        return original(self, *arguments)

    monkeypatch.setattr(VideoStylizer, "training_step", full)
    with pytest.raises(OutOfMemory):
        paint(tmp_path / "run", *options)
    monkeypatch.setattr(VideoStylizer, "training_step", original)
    monkeypatch.setattr(vgg, "look_at_tiles", lambda *given: looked.append(1) or look_at_tiles(*given))
    resumed = paint(tmp_path / "run", *options, "tiles=2", f"resume={tmp_path / 'run'}")
    assert looked, "in tiles"
    last = [
        load_png(sorted((directory / "frames").iterdir())[-1]).astype(int) for directory in (whole, resumed)
    ]
    assert abs(last[0] - last[1]).max() <= 3


def test_a_clip_that_was_removed_from_a_finished_run_is_written_again(paint, tmp_path):
    directory = paint(tmp_path / "run", "video.frames=2")
    clip = directory / "stylized.mp4"
    written, pictures = clip.read_bytes(), painted(directory)
    settings = read_record(directory).provenance.config
    assert is_done(directory, settings)

    clip.unlink()
    assert not is_done(directory, settings), "a grid takes it up"
    paint(directory, "video.frames=2", f"resume={directory}")
    assert clip.read_bytes() == written
    assert painted(directory) == pictures
    paint(directory, "video.frames=2", f"resume={directory}", "output.codec=ffv1")
    assert (directory / "stylized.mkv").is_file(), "of another codec too"


@pytest.mark.parametrize("missing", ["frames/000001.png", "checkpoints/last.ckpt"])
def test_a_clip_is_not_written_again_without_what_it_is_made_of(paint, tmp_path, missing):
    directory = paint(tmp_path / "run", "video.frames=2", "callbacks.metrics=null")
    for name in ("stylized.mp4", missing):
        (directory / name).unlink()
    settings = read_record(directory).provenance.config
    assert not is_done(directory, settings)
    cfg = OmegaConf.load(configuration_path(directory))
    with pytest.raises(VstError, match=missing):
        run(cfg, again=True)
    assert not (directory / "stylized.mp4").exists()
