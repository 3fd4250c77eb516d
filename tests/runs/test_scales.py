"""Frames that do not start from a painting are painted coarse to fine."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vst.flow.pair import FramePair
from vst.painting.start import LEAST_UNPAINTED
from vst.runs.record import read_record
from vst.runs.rows import read_curves, read_frames
from vst.runs.settings import resolve
from vst.video.reader import VideoReader
from vst.video.store import load_png, to_uint8

Paint = Callable[..., Path]


def test_a_large_frame_is_painted_coarse_to_fine_and_both_costs_are_recorded(
    paint: Paint, tmp_path: Path
) -> None:
    wide = ["video.size=224", "video.frames=2", "evaluations=8", "optimizer.tolerance=0"]
    run = paint(tmp_path, "model=mse", *wide)
    frames, curves = read_frames(run), read_curves(run)
    for row in frames:
        assert row["cost"] == pytest.approx(8, abs=1)
        assert (row["evaluations"] or 0) > 8
    sizes_of = [row["size"] for row in curves[1]]
    assert sizes_of == sorted(sizes_of)
    assert sizes_of[-1] == 224
    assert sizes_of[0] == pytest.approx(128, abs=2)
    assert len(curves[1]) == frames[1]["evaluations"]
    assert all((row["coherence"] or 0) >= 0 for row in curves[1])
    assert any((row["coherence"] or 0) > 0 for row in curves[1] if row["size"] != 224), "at every scale"
    record = read_record(run)
    assert record is not None
    assert record.summary["cost"] == pytest.approx(8, abs=1)


@pytest.mark.parametrize("partly", [False, True])
def test_a_frame_that_starts_from_a_painting_has_one_scale_unless_much_comes_into_view(
    paint: Paint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partly: bool
) -> None:
    share = LEAST_UNPAINTED * (1.01 if partly else 0.99)
    monkeypatch.setattr(FramePair, "unfollowed", property(lambda pair: share))
    options = ["model=robust", "flow=dis", "video.size=256", "evaluations=4", "evaluation_factors=[]"]
    run = paint(tmp_path, *options, "video.frames=2", "optimizer.tolerance=0")
    first, second = read_curves(run)[0], read_curves(run)[1]
    assert len({row["size"] for row in first}) > 1
    assert {row["size"] for row in second} == ({128.0, 256.0} if partly else {256.0})
    assert read_frames(run)[1]["cost"] == pytest.approx(4, abs=0.5)


def test_a_frame_without_a_budget_is_as_it_started_whatever_its_group_does(
    paint: Paint, tmp_path: Path
) -> None:
    options = ["model=naive", "video.size=224", "video.frames=2", "evaluations=4", "evaluation_factors=[1]"]
    alone, together = (
        paint(tmp_path / str(lanes), *options, "later_factor=0", f"lanes={lanes}") for lanes in (1, 2)
    )
    second = [load_png(run / "frames" / "000001.png").astype(int) for run in (alone, together)]
    assert abs(second[0] - second[1]).max() <= 1
    assert read_frames(together)[1]["evaluations"] == 0


def test_nothing_is_prepared_beside_the_painting_of_a_large_frame(
    paint: Paint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["model=robust", "flow=dis", "video.frames=3", "evaluations=2"]
    beside = paint(tmp_path / "beside", *options)
    # to this program, what is larger than a stamp is as large as 4K
    monkeypatch.setattr("vst.features.tiles.WHOLE", 1000)
    monkeypatch.setattr("vst.video.datamodule.Ahead", None)
    between = paint(tmp_path / "between", *options, "tiles=1")
    for one, other in zip(*(sorted((run / "frames").iterdir()) for run in (beside, between)), strict=True):
        assert np.array_equal(load_png(one), load_png(other))


def test_the_seconds_of_a_frame_include_the_making_of_its_start(
    paint: Paint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(step=1000)
    monkeypatch.setattr("vst.painting.stylizer.time.perf_counter", lambda: next(clock))
    rows = read_frames(paint(tmp_path, "model=mse", "video.frames=2", "evaluations=1"))
    assert all((row["seconds"] or 0) >= 1000 for row in rows)


def test_without_evaluations_the_start_is_the_painting_at_one_scale_and_is_measured(
    paint: Paint, tmp_path: Path, clip: Path
) -> None:
    run = paint(tmp_path, "model=mse", "video.size=224", "video.frames=2", "evaluations=0")
    contents = VideoReader(clip, size=224).read()
    frames = read_frames(run)
    assert [(row["evaluations"], row["cost"]) for row in frames] == [(0, 0), (0, 0)]
    assert not read_curves(run)
    for row, content in zip(frames, contents, strict=False):
        painted = load_png(run / "frames" / f"{content.index:06d}.png")
        assert np.array_equal(painted, to_uint8(content.content))
        assert row["content"] == 0
        assert (row["style"] or 0) > 0
    assert (frames[1]["coherence"] or 0) > 0
    record = read_record(run)
    assert record is not None
    assert record.summary["evaluations_total"] == 0


@pytest.mark.parametrize("value", ["0", "-1", "some", "1.5", "true", "[1]"])
def test_a_wrong_number_of_scales_is_refused(compose: Callable, value: str) -> None:
    with pytest.raises(Exception, match=r"scales is .*, and must be auto or a whole number of at least 1"):
        resolve(compose(f"scales={value}"))
