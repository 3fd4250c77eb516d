"""What runs know of cuts and of their own coherence, and what the models beyond the paper make of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from vst.errors import InputError
from vst.metrics.residual import residual_mse
from vst.metrics.temporal import warping_error
from vst.records import Table
from vst.synthetic.scenes import Battle
from vst.video.store import load_png

Paint = Callable[..., Path]


def rows_of(run: Path) -> list[dict[str, str]]:
    return Table(run / "metrics.csv").read()


def painted(run: Path, index: int) -> Tensor:
    picture = load_png(run / "frames" / f"{index:06d}.png")
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255


@pytest.fixture
def battle(paint: Paint, options: list[str]) -> Callable[..., Path]:
    """Paint a small battle of eight frames, cut at the fourth."""
    del options[:2]  # the clip of the other tests

    def run(directory: Path, *overrides: str) -> Path:
        size = ["video=battle", "video.height=48", "video.width=64", "video.frames=8"]
        return paint(directory, *size, *overrides)

    return run


@pytest.fixture
def options(options: list[str]) -> list[str]:
    """A copy, to be changed."""
    return list(options)


def test_a_run_measures_its_paintings_by_the_exact_motion(tmp_path: Path, battle) -> None:
    run = battle(tmp_path / "run", "model=flow", "flow=dis", "callbacks.metrics.interval=3")
    scene, rows = Battle(48, 64, 8), rows_of(run)
    assert scene.cuts == (4,)
    assert [row["cut"] for row in rows] == ["0", "0", "0", "0", "1", "0", "0", "0"]
    for i, row in enumerate(rows):
        assert bool(row["warping_error"]) == (i not in (0, 4)), "not in a shot's first frame"
        assert bool(row["warping_error_long"]) == (i in (3, 7)), "three frames into a shot"
        if i in (0, 4):
            continue
        now, before = painted(run, i), painted(run, i - 1)
        motion = scene.backward_flow(i), scene.backward_valid(i)
        # but for the 8 bits of the files
        assert float(row["warping_error"]) == pytest.approx(
            float(warping_error(now, before, *motion)), abs=2e-5
        )
        residual = residual_mse(now, before, scene.frame(i), scene.frame(i - 1))
        assert float(row["residual_mse"]) == pytest.approx(float(residual), abs=2e-5)
    record = json.loads((run / "metrics.json").read_text())
    assert record["provenance"]["motion"] == "exact"
    for name in ("warping_error", "residual_mse", "residual_correlation"):
        values = [float(row[name]) for row in rows if row[name]]
        assert record["summary"][name] == pytest.approx(np.mean(values), rel=1e-6)
    assert record["summary"]["warping_error_root"] == pytest.approx(record["summary"]["warping_error"] ** 0.5)


def test_of_several_passes_the_last_is_measured_in_the_order_of_the_clip(tmp_path: Path, battle) -> None:
    run = battle(tmp_path / "run", "model=ruder_multipass", "flow=dis", "passes=2", "evaluations=3")
    rows, scene = rows_of(run), Battle(48, 64, 8)
    assert [int(row["frame"]) for row in rows] == [*range(8), *reversed(range(8))]
    assert not any(row["warping_error"] for row in rows[:8])
    for row in rows[8:]:
        i = int(row["frame"])
        if i in (0, 4):
            assert not row["warping_error"]
            continue
        now, before = painted(run, i), painted(run, i - 1)
        expected = warping_error(now, before, scene.backward_flow(i), scene.backward_valid(i))
        assert float(row["warping_error"]) == pytest.approx(float(expected), abs=2e-5)


@pytest.mark.parametrize(
    ("overrides", "judge"), [(["flow=deepflow"], "dis"), (["flow=steady"], "dis"), (["flow=dis"], "deepflow")]
)
def test_a_clip_is_judged_by_an_estimator_that_did_not_paint_it(
    tmp_path: Path, paint: Paint, overrides: list[str], judge: str
) -> None:
    run = paint(tmp_path / "run", "model=flow", "eta=1", "evaluations=2", "video.frames=2", *overrides)
    assert json.loads((run / "metrics.json").read_text())["provenance"]["motion"] == judge


@pytest.mark.parametrize(("cuts", "found"), [("[2]", "0010"), ("[]", "0000"), ("[0,1,3]", "0101")])
def test_known_cuts_are_taken_as_they_are(tmp_path: Path, paint: Paint, cuts: str, found: str) -> None:
    run = paint(tmp_path / "run", "model=naive", "evaluations=1", f"cuts={cuts}")
    assert "".join(row["cut"] for row in rows_of(run)) == found


def test_a_shot_begins_as_if_there_were_nothing_before_it(tmp_path: Path, paint: Paint) -> None:
    robust = paint(tmp_path / "robust", "model=robust", "shares=[]", "cuts=[2]")
    naive = paint(tmp_path / "naive", "model=naive")
    for index, same in enumerate((True, False, True, False)):
        equal = torch.equal(painted(robust, index), painted(naive, index))
        assert equal == same, f"frame {index}"


def test_a_shots_first_frames_have_their_share_of_the_evaluations(tmp_path: Path, paint: Paint) -> None:
    run = paint(tmp_path / "run", "model=robust", "shares=[2,0.5]", "cuts=[3]", "evaluations=4")
    assert [row["evaluations"] for row in rows_of(run)] == ["8", "2", "4", "8"]


@pytest.mark.parametrize("model", ["ruder", "robust"])
def test_the_models_beyond_the_paper_hold_frames_together(tmp_path: Path, paint: Paint, model: str) -> None:
    def error(model: str, *overrides: str) -> float:
        run = paint(tmp_path / model, f"model={model}", "cuts=[]", "evaluations=12", *overrides)
        return json.loads((run / "metrics.json").read_text())["summary"]["warping_error"]

    assert error(model) < 0.5 * error("naive", "start=noise")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["shares=[1,0]"], "shares is"),
        (["cuts=[-1]"], "cuts is"),
        (["model=ruder", "loss.coherence.distances=[2,4]"], "distances is"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, paint: Paint, overrides: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        paint(tmp_path / "run", *overrides)
    assert "\n" not in str(caught.value)
