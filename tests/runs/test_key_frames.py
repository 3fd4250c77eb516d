"""Runs of the model that carries key frames to the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytorch_lightning import Callback, Trainer

from tests.video.conftest import clip_without_its_end
from vst.composing import composed
from vst.errors import ClipBroke, InputError, Pruned
from vst.painting.exemplars import Exemplars
from vst.runs.configuration import stored_overrides, stored_settings, write_configuration
from vst.runs.exemplars import exemplars_of
from vst.runs.parts import build_clip
from vst.runs.record import read_record
from vst.runs.rows import read_frames
from vst.runs.run import run
from vst.runs.settings import resolve
from vst.runs.table import Table
from vst.video.reader import VideoReader
from vst.video.store import load_png, to_uint8

Paint = Callable[..., Path]

MODEL = ("model=keyframes", "flow=dis")


@pytest.fixture
def paintings(clip: Path, tmp_path: Path) -> Path:
    """Every frame of the clip in other colours, each in its own: 0.png and so on."""
    folder = tmp_path / "by hand"
    folder.mkdir()
    for frame in VideoReader(clip).read():
        colours = to_uint8(frame.content)[..., [1, 2, 0]] // 2 + 30 * frame.index
        Image.fromarray(colours.astype(np.uint8)).save(folder / f"{frame.index}.png")
    return folder


def keyframes(folder: Path, *numbers: int) -> str:
    return f"keyframes={{{', '.join(f'{number}: {folder}/{number}.png' for number in numbers)}}}".replace(
        str(folder), str(folder).replace(" ", r"\ ")
    )


def frame(directory: Path, number: int) -> np.ndarray:
    return load_png(directory / "frames" / f"{number:06d}.png").astype(int)


def test_the_first_frame_of_a_shot_is_painted_and_the_others_follow(tmp_path: Path, paint: Paint) -> None:
    run = paint(tmp_path, *MODEL, "cuts=[2]")
    rows = read_frames(run)
    assert [row["evaluations"] for row in rows] == [12, 0, 12, 0]
    assert all((row["seconds"] or 0) > 0 for row in rows)
    # it moves by two pixels a frame
    inner = abs(frame(run, 1)[4:-4, 4:-8] - frame(run, 0)[4:-4, 6:-6])
    assert inner.mean() < 6


def test_key_frames_may_come_every_so_many_frames(tmp_path: Path, paint: Paint) -> None:
    rows = read_frames(paint(tmp_path / "three", *MODEL, "keyframes=3"))
    assert [row["evaluations"] for row in rows] == [12, 0, 0, 12]
    mixed = read_frames(paint(tmp_path / "mixed", *MODEL, "later_factor=0.5"))
    assert [row["evaluations"] for row in mixed] == [12, 3, 3, 3]


def test_paintings_by_hand_are_kept_and_the_frames_between_fade(
    tmp_path: Path, paint: Paint, paintings: Path
) -> None:
    run = paint(tmp_path / "run", *MODEL, keyframes(paintings, 0, 3), "passes=2")
    for number in (0, 3):
        assert np.array_equal(frame(run, number), load_png(paintings / f"{number}.png"))
    # each painting is 30 levels brighter than that of the frame before
    means = [frame(run, number).mean() - load_png(paintings / f"{number}.png").mean() for number in range(4)]
    np.testing.assert_allclose(means, 0, atol=8)
    assert [row["evaluations"] for row in read_frames(run)] == [0, 0, 0, 0]
    record = read_record(run)
    assert record is not None
    assert {"keyframes.0", "keyframes.3"} <= set(record.provenance.inputs)


def test_paintings_are_recorded_so_that_they_are_found_from_anywhere(
    clip: Path, paintings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(paintings)
    given = ["video=file", f"video.path={clip}", *MODEL, "keyframes={0: 0.png, 3: ./3.png}", "passes=2"]
    cfg = composed([*given, f"paths.run='{tmp_path / 'run'}'"])
    write_configuration(tmp_path / "run", cfg, given, resolve(cfg))
    monkeypatch.chdir(tmp_path)
    stored = resolve(composed([*stored_overrides(tmp_path / "run"), "paths.run=nowhere"]))
    assert stored["keyframes"] == {"0": str(paintings / "0.png"), "3": str(paintings / "3.png")}
    kept = stored_settings(tmp_path / "run")
    assert kept is not None
    assert kept["keyframes"] == stored["keyframes"]


def test_one_painting_reaches_the_frames_before_it(tmp_path: Path, paint: Paint, paintings: Path) -> None:
    run = paint(tmp_path / "run", *MODEL, keyframes(paintings, 2), "passes=2")
    for number in range(4):
        expected = load_png(paintings / f"{number}.png").astype(int) + 30 * (2 - number)
        assert abs(frame(run, number) - expected).mean() < 12


class StopsAfter(Callback):
    """Ends a run once it has painted some frames of a pass."""

    def __init__(self, passes: int, frames: int):
        self.place = passes, frames

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        if (trainer.current_epoch, trainer.fit_loop.epoch_loop.batch_idx + 1) == self.place:
            raise Pruned("enough")


@pytest.mark.parametrize(
    ("asked", "stop"),
    [((), (0, 2)), (("passes=2",), (0, 3)), (("passes=2",), (1, 2))],
    ids=["own", "first", "second"],
)
def test_a_resumed_run_is_the_same(
    tmp_path: Path, options: list[str], paintings: Path, asked: tuple[str, ...], stop: tuple[int, int]
) -> None:
    given = [keyframes(paintings, 0, 3)] if asked else []

    def paint(directory: Path, *more: str, **callbacks: Callback) -> Path:
        chosen = [*options, *MODEL, *asked, *given, "~callbacks.progress", f"paths.run='{directory}'", *more]
        return run(composed(chosen), chosen, callbacks=callbacks)

    whole = paint(tmp_path / "whole")
    stops = StopsAfter(*stop)
    with pytest.raises(Pruned):
        paint(tmp_path / "run", stop=stops)
    resumed = paint(tmp_path / "run", f"resume='{tmp_path / 'run'}'")
    for number in range(4):
        assert np.array_equal(frame(whole, number), frame(resumed, number))
    rows = [
        [
            {name: value for name, value in row.items() if name != "seconds"}
            for row in Table(at / "metrics.csv").read()
        ]
        for at in (whole, resumed)
    ]
    assert rows[0] == rows[1]


def asked_for(clip: Path, *overrides: str) -> Exemplars:
    """The key frames of a run with these options."""
    given = ["video=file", f"video.path={clip}", "paths.run=nowhere", "model=keyframes", *overrides]
    settings = resolve(composed(given))
    return exemplars_of(settings, build_clip(settings))


def refusal(clip: Path, *overrides: str) -> str:
    """The sentence with which the key frames are refused."""
    with pytest.raises(InputError) as refused:
        asked_for(clip, *overrides)
    sentence = str(refused.value)
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["keyframes=0"], "keyframes is 0, and must have a painting for every frame"),
        (["keyframes=many"], "keyframes is many, and must have"),
        (["keyframes={}"], "keyframes is {}, and must have"),
        (
            ["keyframes={first: a.png}"],
            "and must have a painting for every frame that it names, such as {0: first.png}",
        ),
        (["keyframes={0: 7}"], "and must have a painting for every frame"),
        (["keyframes={-1: a.png}"], "and must have a painting for every frame"),
        (["keyframes=true"], "and must have a painting for every frame"),
        (
            ["model=robust", "keyframes=10"],
            "the model robust has no use for key frames; choose model=keyframes",
        ),
        (["passes=2"], "passes is 2, and frames are synthesised in one pass, or in two where"),
        (["keyframes={0: a.png}", "passes=3"], "passes is 3, and frames are synthesised in one pass"),
        (
            ["keyframes={0: nowhere.png}"],
            "nowhere.png does not exist; correct keyframes, which names it for frame 0",
        ),
        (["keyframes={9: a.png}"], "keyframes has a painting of frame 9, and the frames to paint are 0 to 3"),
        (
            ["keyframes={1: a.png}", "video.start=2"],
            "a painting of frame 1, and the frames to paint are 2 to 3",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_asked_for_wrongly_is_one_sentence(clip: Path, overrides: list[str], sentence: str) -> None:
    assert sentence in refusal(clip, *overrides)


def test_paintings_that_do_not_fit_are_named(clip: Path, paintings: Path, tmp_path: Path) -> None:
    def painted(name: str, mode: str, size: tuple[int, int], colour: object) -> str:
        Image.new(mode, size, colour).save(tmp_path / name)  # ty: ignore[invalid-argument-type]
        return f"keyframes={{0: {tmp_path / name}}}"

    assert "square.png has 40x40 pixels, and the frames 48x32; paint it over frame 0" in refusal(
        clip, painted("square.png", "RGB", (40, 40), 0)
    )
    assert "clear.png is transparent in places" in refusal(
        clip, painted("clear.png", "RGBA", (48, 32), (9, 9, 9, 99))
    )
    (tmp_path / "text.png").write_text("no picture")
    assert "text.png cannot be read as a picture" in refusal(
        clip, f"keyframes={{0: {tmp_path / 'text.png'}}}"
    )
    assert (
        "behind its first, and what lies before it is painted in a second pass, backward; add passes=2"
        in refusal(clip, keyframes(paintings, 0, 2))
    )
    assert "the shot of frames 2 to 3 has no key frame; add one to keyframes, such as frame 2" in refusal(
        clip, keyframes(paintings, 0), "cuts=[2]"
    )


def test_a_painting_may_be_larger_and_opaque(clip: Path, tmp_path: Path) -> None:
    Image.new("RGBA", (96, 64), (10, 20, 30, 255)).save(tmp_path / "large.png")
    exemplars = asked_for(clip, "cuts=[]", f"keyframes={{0: {tmp_path / 'large.png'}}}")
    first = next(iter(VideoReader(clip).read()))
    painting = exemplars.painting(first)
    assert painting is not None
    assert painting.shape == first.content.shape
    np.testing.assert_array_equal(to_uint8(painting)[0, 0], [10, 20, 30])


def test_a_clip_that_breaks_is_painted_up_to_there(tmp_path: Path, paint: Paint) -> None:
    broken = clip_without_its_end(tmp_path)
    there = VideoReader(broken).info.frames
    Image.fromarray(np.zeros((32, 48, 3), np.uint8)).save(tmp_path / "0.png")
    with pytest.raises(ClipBroke, match=f"breaks at frame {there}"):
        paint(tmp_path / "run", *MODEL, f"video.path={broken}", "cuts=[]", keyframes(tmp_path, 0))
    assert len(read_frames(tmp_path / "run")) == there
