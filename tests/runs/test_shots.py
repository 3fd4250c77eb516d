"""The shots of a clip painted apart and joined are the clip painted whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from fractions import Fraction
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest

from tests.processes import finish
from tests.video.conftest import clip_without_its_end
from vst.errors import InputError
from vst.frames import ClipInfo
from vst.runs.record import read_record
from vst.runs.settings import resolve
from vst.runs.table import Table
from vst.search.shots import _shots
from vst.video.reader import VideoReader
from vst.video.writer import write_video

Launch = Callable[..., BaseProcess]
FIRST, SECOND = 4, 3


@pytest.fixture(scope="module")
def two_shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two textures, each of which moves two pixels a frame."""
    path = tmp_path_factory.mktemp("clip") / "shots.mp4"
    count = FIRST + SECOND
    info = ClipInfo("shots", count, 48, 64, Fraction(1, 25), Fraction(25), 0, count)
    draw = np.random.default_rng(0)
    scenes = [(draw.random((12, 32, 3)) * 255).astype(np.uint8).repeat(4, 0).repeat(4, 1) for _ in range(2)]

    def picture(index: int) -> np.ndarray:
        return np.ascontiguousarray(scenes[index >= FIRST][:, 2 * index : 2 * index + 64])

    write_video(path, ((picture(index), index) for index in range(count)), info)
    return path


def paint(launch: Launch, clip: Path, *options: str) -> int | None:
    return finish(launch("model=robust", "flow=dis", f"cuts=[{FIRST}]", f"video.path={clip}", *options))


def frames(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted((directory / "frames").glob("*.png"))}


def rows(directory: Path, name: str) -> list[dict[str, str]]:
    left_out = {"seconds", "ghosting_at_cut"}
    read = Table(directory / name).read()
    return [{column: value for column, value in row.items() if column not in left_out} for row in read]


@pytest.mark.parametrize("extra", [[], ["lanes=2", "evaluations=3"]])
def test_joined_they_are_the_whole_clip(
    launch: Launch, two_shots: Path, tmp_path: Path, extra: list[str]
) -> None:
    few = [option for option in extra if option.startswith("evaluations")]
    whole, grid = tmp_path / "whole", tmp_path / "grid"
    assert paint(launch, two_shots, *few, f"hydra.run.dir={whole}") == 0
    assert paint(launch, two_shots, "shots=all", *extra, f"hydra.sweep.dir={grid}", "-m") == 0
    joined = grid / "robust-swirls-file"
    assert sorted(shot.name for shot in (joined / "shots").iterdir()) == ["0000", "0001"]
    assert list(frames(joined)) == list(frames(whole))
    if not few:  # lanes are equal but for rounding
        assert frames(joined) == frames(whole)
        for table in ("metrics.csv", "curves.csv"):
            assert rows(joined, table) == rows(whole, table)
        ghosts = [
            [float(row["ghosting_at_cut"] or "nan") for row in Table(run / "metrics.csv").read()]
            for run in (joined, whole)
        ]
        np.testing.assert_allclose(*ghosts, atol=0.02, err_msg="across the cut, from 8-bit frames")
    for file in ("keyframes/keyframe_000000.png", "keyframes/residual_000006.png"):
        assert (joined / file).is_file()
    assert VideoReader(joined / "stylized.mp4").info.frames == FIRST + SECOND
    record, expected = read_record(joined), read_record(whole)
    assert record is not None
    assert expected is not None
    assert record.provenance.clip == expected.provenance.clip
    assert record.provenance.config["video"] == expected.provenance.config["video"]
    assert record.summary.keys() == expected.summary.keys()


def test_they_are_joined_without_curves_and_without_figures(
    launch: Launch, two_shots: Path, tmp_path: Path
) -> None:
    # no frame has a budget, and so none has a curve
    options = ["evaluations=0", "callbacks.metrics=null", "shots=all", f"hydra.sweep.dir={tmp_path}", "-m"]
    assert paint(launch, two_shots, *options) == 0
    joined = tmp_path / "robust-swirls-file"
    record = read_record(joined)
    assert record is not None
    assert record.status == "finished"
    assert record.provenance.clip.frames == FIRST + SECOND
    assert record.summary == {}
    assert Table(joined / "curves.csv").read() == []


def test_a_shot_that_is_missing_is_painted_by_the_same_command(
    launch: Launch, two_shots: Path, tmp_path: Path
) -> None:
    command = ["shots=all", f"hydra.sweep.dir={tmp_path}", "-m"]
    assert paint(launch, two_shots, *command) == 0
    joined = tmp_path / "robust-swirls-file"
    before = frames(joined)
    # as if it had been killed while it painted the second shot
    (joined / "metrics.json").unlink()
    shutil.rmtree(joined / "shots" / "0001")
    shutil.rmtree(joined / "frames")
    kept = (joined / "shots" / "0000" / "metrics.json").stat().st_mtime_ns
    assert paint(launch, two_shots, *command) == 0
    assert frames(joined) == before
    assert (joined / "shots" / "0000" / "metrics.json").stat().st_mtime_ns == kept


@pytest.mark.parametrize(
    "options",
    [
        ["model=flow", "-m"],
        ["video=talk", "-m"],
        ["passes=2", "-m"],
        ["model=keyframes", "keyframes=30", "-m"],
        ["callbacks.video_writer=null", "-m"],
        [],
        ["shots=some", "-m"],
    ],
)
def test_what_cannot_be_painted_apart_is_refused(
    launch: Launch, two_shots: Path, tmp_path: Path, options: list[str]
) -> None:
    directory = (
        f"hydra.sweep.dir={tmp_path / 'grid'}" if "-m" in options else f"hydra.run.dir={tmp_path / 'run'}"
    )
    shots = [] if any(option.startswith("shots=") for option in options) else ["shots=all"]
    assert paint(launch, two_shots, *shots, directory, *options) == 2
    assert not (tmp_path / "grid").exists()
    assert not (tmp_path / "run").exists()


def test_the_shots_of_a_clip_that_breaks_are_refused_with_what_there_is(
    compose: Callable, tmp_path: Path
) -> None:
    broken = clip_without_its_end(tmp_path)
    settings = resolve(compose("video=file", f"video.path={broken}", "model=naive", "cuts=[1]"))
    there = VideoReader(broken).info.frames
    with pytest.raises(InputError, match=rf"cut.mkv breaks at frame {there}, .* with video.frames={there}"):
        list(_shots(settings))
    given = {**settings, "video": {**settings["video"], "frames": there}}
    assert list(_shots(given)) == [(0, 1), (1, there - 1)]
