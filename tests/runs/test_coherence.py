"""What runs know of cuts and of their own coherence, and what the models beyond the paper make of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.video.conftest import make_clip
from vst.errors import InputError
from vst.frames import ClipInfo
from vst.metrics.clip import METRICS, ClipMetrics
from vst.metrics.motion import ExactMotion
from vst.metrics.residual import residual_mse
from vst.metrics.temporal import warping_error
from vst.runs.table import Table
from vst.synthetic.scenes import Battle, Scene, Talk
from vst.video.store import load_png, to_uint8
from vst.video.writer import write_video

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
    run = battle(tmp_path / "run", "model=ruder_multipass", "flow=dis", "passes=2", "evaluations=6")
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
    ("overrides", "judge"),
    [
        (["flow=deepflow"], "dis & sparse"),
        (["flow=steady"], "dis & sparse"),
        (["flow=dis"], "sparse & deepflow"),
    ],
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
    robust = paint(tmp_path / "robust", "model=robust", "evaluation_factors=[]", "cuts=[2]")
    naive = paint(tmp_path / "naive", "model=naive")
    for index, same in enumerate((True, False, True, False)):
        equal = torch.equal(painted(robust, index), painted(naive, index))
        assert equal == same, f"frame {index}"


def test_a_shots_first_frames_have_their_share_of_the_evaluations(tmp_path: Path, paint: Paint) -> None:
    run = paint(tmp_path / "run", "model=robust", "evaluation_factors=[2,0.5]", "cuts=[3]", "evaluations=4")
    assert [row["evaluations"] for row in rows_of(run)] == ["8", "2", "4", "8"]


def test_the_models_beyond_the_paper_hold_frames_together(tmp_path: Path, paint: Paint) -> None:
    def error(model: str, *overrides: str) -> float:
        run = paint(tmp_path / model, f"model={model}", "cuts=[]", "evaluations=12", *overrides)
        return json.loads((run / "metrics.json").read_text())["summary"]["warping_error"]

    naive = error("naive", "start=noise")
    assert error("ruder") < 0.5 * naive
    assert error("robust") < 0.5 * naive


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["evaluation_factors=[1,0]"], "evaluation_factors="),
        (["cuts=[-1]"], "cuts="),
        (["model=ruder", "loss.coherence.distances=[2,4]"], "distances is"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, paint: Paint, overrides: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        paint(tmp_path / "run", *overrides)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "passes"), [("ruder", 1), ("robust", 1), ("ruder_multipass", 2)], ids=lambda value: str(value)
)
def test_the_models_beyond_the_paper_leave_full_records(
    tmp_path: Path, paint: Paint, model: str, passes: int
) -> None:
    run = paint(tmp_path / "run", f"model={model}", f"evaluations={3 * passes}", f"passes={passes}")
    rows, curves = rows_of(run), Table(run / "curves.csv").read()
    record = json.loads((run / "metrics.json").read_text())
    assert (record["status"], record["summary"]["frames"], len(rows)) == ("finished", 4, 4 * passes)
    assert record["provenance"]["config"]["model"] == model
    evaluations = [int(row["evaluations"]) for row in rows]
    assert len(curves) == sum(evaluations) == record["summary"]["evaluations_total"]
    # the first frame is held to nothing, nor is any frame of a multi-pass run's first pass
    held = [False, True, True, True] if passes == 1 else [False] * 5 + [True] * 3
    assert [float(row["coherence"]) > 0 for row in rows] == held
    assert all(row[name] for row in rows for name in ("content", "style", "total", "seconds", "outcome"))
    last = rows[-4:]
    assert [row["frame"] for row in last if not row["residual_mse"]] == ["0"]
    assert {file.name for file in (run / "frames").iterdir()} == {f"{i:06d}.png" for i in range(4)}
    assert (run / "stylized.mp4").is_file()
    assert {file.name for file in (run / "checkpoints").iterdir()} == {"last.ckpt"}, "the long memory is gone"


# how far 8-bit files are from the paintings, in each
ROUNDING = {
    "warping_error": 2e-5,
    "warping_error_long": 2e-5,
    "residual_mse": 2e-5,
    "residual_correlation": 0.01,
    "flicker": 1 / 255,
    "ghosting": 0.02,
    "ghosting_at_cut": 0.02,
    "newly_painted": 0.05,
    "newly_legible": 0.05,
    "repainted": 0.2,
    "strokes_kept": 0.05,
    "warping_floor": 1e-9,
    "warping_floor_long": 1e-9,
    "judged": 1e-9,
}


@pytest.mark.parametrize("scene", [Battle(48, 64, 8), Talk(48, 64, 5)], ids=["battle", "talk"])
def test_all_temporal_columns_are_what_the_metrics_give(
    tmp_path: Path, paint: Paint, options: list[str], scene: Scene
) -> None:
    del options[:2]  # the clip of the other tests
    clip = [
        f"video={scene.info.name}",
        "video.height=48",
        "video.width=64",
        f"video.frames={scene.info.frames}",
    ]
    small = ["evaluations=3", "callbacks.metrics.interval=2"]
    run = paint(tmp_path / "run", *clip, *small, "model=ruder", "flow=dis")
    metrics, rows = ClipMetrics(ExactMotion(scene), interval=2), rows_of(run)
    assert [int(row["cut"]) for row in rows] == [int(i in scene.cuts) for i in range(scene.info.frames)]
    for i, row in enumerate(rows):
        wanted = metrics.update(scene.frame(i), painted(run, i), i, cut=i in scene.cuts)
        for name in METRICS:
            defined = bool(wanted[name].isfinite())
            assert bool(row[name]) == defined, f"{name} of frame {i}"
            if defined:
                assert float(row[name]) == pytest.approx(float(wanted[name]), abs=ROUNDING[name]), name
    summary = json.loads((run / "metrics.json").read_text())["summary"]
    for name in METRICS:
        values = [float(row[name]) for row in rows if row[name]]
        assert summary[name] == (pytest.approx(np.mean(values), rel=1e-6) if values else None), name


def test_known_cuts_are_frames_of_the_file(tmp_path: Path, paint: Paint) -> None:
    run = paint(tmp_path / "run", "model=naive", "evaluations=1", "video.start=1", "cuts=[1,2]")
    rows = rows_of(run)
    assert [(row["source_frame"], row["cut"]) for row in rows] == [("1", "0"), ("2", "1"), ("3", "0")]


def test_nothing_temporal_is_measured_across_a_known_cut(tmp_path: Path, paint: Paint) -> None:
    run = paint(tmp_path / "run", "model=naive", "evaluations=1", "cuts=[2]")
    assert [bool(row["warping_error"]) for row in rows_of(run)] == [False, True, False, True]


def test_a_judge_may_be_asked_for_by_name(tmp_path: Path, battle) -> None:
    run = battle(
        tmp_path / "run",
        "model=naive",
        "evaluations=1",
        "video.frames=2",
        "callbacks.metrics.motion=farneback",
    )
    assert json.loads((run / "metrics.json").read_text())["provenance"]["motion"] == "farneback"


def test_later_passes_have_all_their_evaluations(tmp_path: Path, paint: Paint) -> None:
    run = paint(
        tmp_path / "run",
        "model=robust",
        "evaluation_factors=[2,0.5]",
        "cuts=[2]",
        "evaluations=8",
        "passes=2",
    )
    assert [row["evaluations"] for row in rows_of(run)] == ["8", "2", "8", "2", "4", "4", "4", "4"]


def test_a_share_is_never_less_than_one_evaluation(tmp_path: Path, paint: Paint) -> None:
    run = paint(
        tmp_path / "run", "model=robust", "evaluation_factors=[1,0.01]", "evaluations=3", "video.frames=2"
    )
    assert [row["evaluations"] for row in rows_of(run)] == ["3", "1"]


def test_what_fades_in_from_black_is_painted(tmp_path: Path, paint: Paint) -> None:
    scene = Talk(48, 64, 5)
    info = ClipInfo("fade", 5, 48, 64, Fraction(1, 25), Fraction(25), 0, 5)
    faded = [scene.frame(i) * i / 4 for i in range(5)]
    path = tmp_path / "fade.mp4"
    write_video(path, ((to_uint8(frame), i) for i, frame in enumerate(faded)), info)

    def likeness(model: str) -> float:
        run = paint(tmp_path / model, f"video.path={path}", f"model={model}", "evaluations=10")
        grey = [picture.mean(1).flatten() for picture in (painted(run, 4), scene.frame(4))]
        return float(torch.corrcoef(torch.stack(grey))[0, 1])

    naive = likeness("naive")
    assert naive > 0.5
    assert likeness("robust") > 0.5 * naive


def test_paintings_of_one_faint_frame_are_alike(tmp_path: Path, paint: Paint, options: list[str]) -> None:
    # fog: a disc three levels brighter than its surroundings
    y, x = np.mgrid[:32, :48]
    fog = np.where((y - 16) ** 2 + (x - 24) ** 2 < 80, 131, 128)[..., None].repeat(3, axis=2)
    clip = make_clip(tmp_path / "fog.mkv", [fog.astype(np.uint8)] * 6, "ffv1", "bgr0")
    options[1] = f"video.path={clip}"
    whole = "backbone.weights.width=64"
    run = paint(tmp_path / "run", "model=robust", "beta=1e6", "eta=8e5", "evaluations=12", whole)
    pictures = [painted(run, index) for index in range(6)]
    assert pictures[0].std() > 0.05, "a painting, and no fog any more"
    # each starts from the one before and is held to it: what the optimisation still moves is a level of 255
    for earlier, later in pairwise(pictures):
        assert (255 * (later - earlier)).abs().max().round() <= 1
