"""Several paintings, how strongly they are painted, and where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vst.composing import composed
from vst.errors import InputError, OutOfMemory
from vst.painting.stylizer import VideoStylizer
from vst.runs.configuration import stored_overrides
from vst.runs.record import read_record
from vst.runs.rows import read_frames
from vst.runs.settings import resolve
from vst.runs.state import is_done
from vst.video.reader import VideoReader
from vst.video.store import load_png, to_uint8

Paint = Callable[..., Path]
INK = ["+style@styles.night=ink", "styles.night.size=48"]
NAIVE = ["model=naive", "beta=1e5"]
ONE = [*NAIVE, "video.frames=1"]


def frames(run: Path) -> np.ndarray:
    return np.stack([load_png(file) for file in sorted((run / "frames").glob("*.png"))]).astype(float)


ROUNDING = 0.2
"""Mean difference, in grey levels, of paintings whose losses are summed in another order."""


def distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(float) - second).mean())


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A mask of the left half of a frame."""
    mask = np.zeros((32, 48), np.uint8)
    mask[:, :24] = 255
    Image.fromarray(mask).save(tmp_path / "left.png")
    return tmp_path / "left.png"


def test_a_painting_of_weight_0_is_not_painted(paint: Paint, tmp_path: Path) -> None:
    alone = paint(tmp_path / "alone", *ONE)
    other = paint(tmp_path / "other", *ONE, *INK, "styles.night.weight=0")
    both = paint(tmp_path / "both", *ONE, *INK)
    assert distance(frames(alone), frames(other)) < ROUNDING
    assert distance(frames(alone), frames(both)) > 2
    record = read_record(both)
    assert record is not None
    assert record.provenance.style == "swirls + ink"
    assert "style_night" in read_frames(both)[0], "each painting has its own column"


def test_a_painting_changes_along_the_clip(paint: Paint, tmp_path: Path) -> None:
    course = ["style.weight={1: 1, 3: 0}", "styles.night.weight={1: 0, 3: 1}"]
    run = paint(tmp_path / "run", *NAIVE, "video.start=1", "video.frames=3", *INK, *course)
    swirls = paint(tmp_path / "swirls", *ONE, "video.start=1")
    ink = paint(tmp_path / "ink", *ONE, "video.start=3", "style=ink")
    assert distance(frames(run)[0], frames(swirls)[0]) < ROUNDING
    assert distance(frames(run)[2], frames(ink)[0]) < ROUNDING
    assert distance(frames(swirls)[0], frames(ink)[0]) > 2
    assert is_done(run, settings_of(run))


def settings_of(run: Path) -> dict:
    """The settings of a run, from the options that are stored in its directory."""
    return resolve(composed(stored_overrides(run, given=[f"paths.run={run}"])))


@pytest.mark.parametrize("model", ["naive", "robust"])
def test_no_strength_leaves_the_content(paint: Paint, tmp_path: Path, clip: Path, model: str) -> None:
    options = [f"model={model}", "flow=dis", "video.frames=2", "strength=0"]
    found = frames(paint(tmp_path, *options))
    for painted, frame in zip(found, VideoReader(clip, frames=2).read(), strict=True):
        assert distance(painted, to_uint8(frame.content)) < 3


def test_strength_grows_along_the_clip(paint: Paint, tmp_path: Path, clip: Path) -> None:
    run = paint(tmp_path / "run", *NAIVE, "strength={0: 0, 3: 1}")
    whole = paint(tmp_path / "whole", *NAIVE, "video.start=3")
    contents = [to_uint8(frame.content) for frame in VideoReader(clip).read()]
    changes = [distance(*pair) for pair in zip(frames(run), contents, strict=True)]
    assert changes == sorted(changes)
    np.testing.assert_array_equal(frames(run)[3], frames(whole)[0])


@pytest.mark.parametrize("model", ["naive", "robust"])
def test_outside_of_its_mask_nothing_is_painted(
    paint: Paint, tmp_path: Path, clip: Path, left: Path, model: str
) -> None:
    found = frames(
        paint(
            tmp_path / "run", f"model={model}", "flow=dis", "beta=1e5", "video.frames=2", f"style.mask={left}"
        )
    )
    for painted, frame in zip(found, VideoReader(clip, frames=2).read(), strict=True):
        content = to_uint8(frame.content).astype(float)
        np.testing.assert_array_equal(painted[:, 26:], content[:, 26:])
        assert distance(painted[:, :22], content[:, :22]) > 2


def test_regions_are_painted_tile_by_tile_too(paint: Paint, tmp_path: Path, left: Path) -> None:
    # in bfloat16 tiles round otherwise, of which L-BFGS makes more
    options = [*ONE, f"style.mask={left}", "backbone.precision=float32"]
    whole, tiles = (frames(paint(tmp_path / n, *options, f"tiles={n}")) for n in ("1", "2"))
    assert distance(whole, tiles) < ROUNDING


def test_each_region_has_its_own_painting(paint: Paint, tmp_path: Path, left: Path) -> None:
    options = [*ONE, "evaluations=15"]
    run = paint(tmp_path / "run", *options, *INK, f"styles.night.mask={left}")
    swirls, ink = (paint(tmp_path / name, *options, f"style={name}") for name in ("swirls", "ink"))
    found = frames(run)[0]
    distances = [
        [distance(found[:, side], frames(other)[0][:, side]) for other in (ink, swirls)]
        for side in (slice(0, 20), slice(28, 48))
    ]
    assert distances[0][0] < distances[0][1]
    assert distances[1][1] < distances[1][0]


def test_a_run_that_broke_off_goes_on_with_all_of_it(
    paint: Paint, tmp_path: Path, left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    courses = ["style.weight={0: 1, 3: 0.5}", "strength={0: 1, 3: 0.6}", f"styles.night.mask={left}"]
    looks = ["colours=matched", "cuts=[2]", "output.codec=ffv1", "beta=1e5"]
    options = ["model=robust", "flow=dis", *INK, *courses, *looks]
    whole = paint(tmp_path / "whole", *options)
    step, begun = VideoStylizer.training_step, []

    def breaks(self: VideoStylizer, *arguments: Any) -> Any:
        begun.append(1)
        if len(begun) > 3:
            raise MemoryError
        return step(self, *arguments)

    monkeypatch.setattr(VideoStylizer, "training_step", breaks)
    with pytest.raises(OutOfMemory):
        paint(tmp_path / "run", *options)
    monkeypatch.setattr(VideoStylizer, "training_step", step)
    resumed = paint(tmp_path / "run", *options, f"resume={tmp_path / 'run'}")
    np.testing.assert_array_equal(frames(resumed), frames(whole))
    clips = [list(VideoReader(run / "stylized.mkv").read()) for run in (resumed, whole)]
    assert len(clips[0]) == 4
    assert all(one.content.equal(other.content) for one, other in zip(*clips, strict=True))


def test_files_of_paintings_are_found_and_known_from_anywhere(
    paint: Paint, tmp_path: Path, left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = paint(tmp_path / "run", *ONE, *INK, "styles.night.mask=left.png")
    record = read_record(run)
    assert record is not None
    assert record.provenance.config["styles"]["night"]["mask"] == str(left)
    assert "styles.night.mask" in record.provenance.inputs
    monkeypatch.chdir("/")
    assert is_done(run, settings_of(run))
    Image.new("L", (48, 32), 255).save(left)
    with pytest.raises(InputError, match=r"what styles.night.mask names has changed"):
        is_done(run, settings_of(run))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["strength=-1"], "strength=-1 is not a number from 0 to 10 or"),
        (["strength={0: 1, 9: 11}"], "is not a number from 0 to 10 or a number from 0 to 10 at some frames"),
        (["strength={}"], "strength={} is not a number from 0 to 10"),
        (["strength={-1: 1}"], "is not a number from 0 to 10 or"),
        (["strength={a: 1}"], "is not a number from 0 to 10 or"),
        (["style.weight=-1"], "style.weight=-1 is not a number"),
        ([*INK, "styles.night.weight={0: x}"], "styles.night.weight=.* is not a number"),
        (["+styles.night=3"], "styles.night=3 has no _target_; give it one, or null to leave it out"),
        (
            ["style.mask=/none.png"],
            "the mask /none.png does not exist; set style.mask to a picture or a video",
        ),
        ([*INK, "styles.night.mask=/none.png"], "set styles.night.mask to a picture or a video"),
        (["loss.style=null", *INK], "styles has paintings, and loss has no style with which to paint them"),
    ],
)
def test_what_cannot_be_mixed_is_refused(
    paint: Paint, tmp_path: Path, given: list[str], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        paint(tmp_path / "run", *given)
    assert not (tmp_path / "run").exists()


def test_a_loss_of_whole_frames_takes_no_mask(paint: Paint, tmp_path: Path, left: Path) -> None:
    with pytest.raises(
        InputError, match=r"style.mask is for a style loss of regions, and MomentsLoss is one of"
    ):
        paint(tmp_path / "run", "loss=moments", f"style.mask={left}")


@pytest.mark.parametrize("loss", ["moments", "optimal_transport"])
def test_other_losses_mix_paintings_too(paint: Paint, tmp_path: Path, loss: str) -> None:
    options = [*ONE, f"loss={loss}"]
    both, alone = paint(tmp_path / "both", *options, *INK), paint(tmp_path / "alone", *options)
    assert distance(frames(both), frames(alone)) > 0.5
