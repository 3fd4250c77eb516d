"""A trained network paints a run's frames, alone or as the start of their optimisation."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch

from tests.runs.conftest import FRAMES, HEIGHT, WIDTH, Paint
from vst.assets import file_hash
from vst.config import quoted
from vst.errors import InputError
from vst.networks.transformation import TransformationNetwork
from vst.networks.weights import Trained, open_network, save_network
from vst.runs.configuration import read_overrides
from vst.video.reader import VideoReader
from vst.video.store import load_png, to_uint8


@pytest.fixture
def network(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    file = tmp_path / "my network.safetensors"
    save_network(file, TransformationNetwork(4, 1), Trained(4, 1, "swirls", None, WIDTH, 1, {}, "", None, {}))
    return file


def rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_of_the_network_is_what_it_paints_and_stands_in_the_same_tables(
    tmp_path: Path, paint: Paint, clip: Path, network: Path
) -> None:
    run = paint(tmp_path / "run", "model=network", f"network={quoted(network)}", "evaluations=0")
    opened = open_network(network)
    for frame in VideoReader(clip).read():
        painted = opened(frame.content).clamp(0, 1)
        assert (load_png(run / "frames" / f"{frame.index:06d}.png") == to_uint8(painted)).all()
    table = rows(run / "metrics.csv")
    assert len(table) == FRAMES
    assert {(row["evaluations"], row["cost"], row["outcome"]) for row in table} == {("0", "0", "finished")}
    assert all(float(row[name]) > 0 for row in table for name in ("content", "style", "total", "seconds"))
    assert all(float(row["residual_mse"]) > 0 for row in table[1:])
    assert rows(run / "curves.csv") == []
    record = json.loads((run / "metrics.json").read_text())
    assert record["status"] == "finished"
    assert record["summary"]["evaluations_total"] == 0
    assert record["provenance"]["inputs"]["network"] == file_hash(network)
    assert (run / "stylized.mp4").stat().st_size > 0


def test_as_a_start_it_is_optimised_at_the_frame_s_own_size_alone(
    tmp_path: Path, paint: Paint, network: Path
) -> None:
    given = ("model=naive", "start=network", f"network={quoted(network)}", "scales=2", "video.frames=1")
    run = paint(tmp_path / "run", *given, "video.size=256", "evaluations=2")
    assert {row["size"] for row in rows(run / "curves.csv")} == {"256"}
    [row] = rows(run / "metrics.csv")
    assert row["evaluations"] == "2"


def test_a_run_of_the_content_without_evaluations_is_the_content(
    tmp_path: Path, paint: Paint, clip: Path
) -> None:
    run = paint(
        tmp_path / "run", "model=naive", "evaluations=0", "scales=3", "video.size=256", "video.frames=1"
    )
    frame = next(VideoReader(clip, size=256).read())
    assert (load_png(run / "frames" / "000000.png") == to_uint8(frame.content)).all()


def test_the_network_goes_on_from_any_directory(
    tmp_path: Path, paint: Paint, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(network.parent)
    run = paint(tmp_path / "run", "model=network", f"network='{network.name}'", "evaluations=0")
    assert f"network={quoted(network)}" in read_overrides(run / ".hydra" / "overrides.yaml")


def test_frames_of_a_network_are_painted_at_the_same_time(
    tmp_path: Path, paint: Paint, network: Path
) -> None:
    given = ("model=network", f"network={quoted(network)}", "evaluations=0")
    one, four = paint(tmp_path / "one", *given), paint(tmp_path / "four", *given, f"lanes={FRAMES}")
    for index in range(FRAMES):
        before, now = (load_png(run / "frames" / f"{index:06d}.png").astype(int) for run in (one, four))
        assert abs(before - now).max() <= 1
    assert load_png(four / "frames" / "000000.png").shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("option", ["strength=0.5", "+style@styles.night=ink"])
def test_what_only_an_optimisation_obeys_is_refused_without_one(
    paint: Paint, tmp_path: Path, network: Path, option: str
) -> None:
    asked = ["model=network", f"network={network}", option]
    with pytest.raises(InputError, match="is for an optimisation, and the model network paints without one"):
        paint(tmp_path / "run", *asked)
    assert not (tmp_path / "run" / "frames").exists()
    paint(tmp_path / "on", *asked, "later_factor=1", "evaluations=2", "video.frames=1")
