"""What a run leaves, held against the losses and a minimiser that are not its own."""

from __future__ import annotations

import errno
import itertools
import json
import math
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from filelock import FileLock
from omegaconf import OmegaConf

from tests.video.conftest import clip_without_its_end
from vst.errors import ClipBroke, InputError, OutOfMemory
from vst.features.weights import random
from vst.losses.coherence import MseCoherence
from vst.runs.directory import locked
from vst.runs.state import is_finished
from vst.runs.table import Table
from vst.styles import DrawnPainting
from vst.synthetic.paintings import swirls
from vst.video.reader import VideoReader
from vst.video.store import load_png

Paint = Callable[..., Path]

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")


def numbers(path: Path) -> list[dict[str, float]]:
    """The rows of a table, every value a number where it is one."""
    rows = Table(path).read()
    return [{name: float(value or "nan") for name, value in row.items() if name != "outcome"} for row in rows]


def test_a_run_leaves_its_directory(tmp_path: Path, paint: Paint) -> None:
    run = paint(tmp_path / "run", "model=flow", "eta=100")
    metrics, curves = numbers(run / "metrics.csv"), numbers(run / "curves.csv")
    record = json.loads((run / "metrics.json").read_text())

    assert [row["frame"] for row in metrics] == [0, 1, 2, 3]
    assert [row["source_frame"] for row in metrics] == [0, 1, 2, 3]
    assert [row["time"] for row in metrics] == pytest.approx([0, 0.04, 0.08, 0.12])
    assert len(curves) == 4 * 6
    for row in curves:
        weighted = row["content"] + 1e3 * row["style"] + 100 * row["coherence"] + 1e5 * row["range"]
        assert row["total"] == pytest.approx(weighted, rel=1e-5)
    for row in metrics:
        best = min(curve["total"] for curve in curves if curve["frame"] == row["frame"])
        assert row["total"] == pytest.approx(best, rel=0.05), "what is clamped is little"
        assert row["coherence"] == 0 if row["frame"] == 0 else row["coherence"] > 0
    for name in ("content", "style", "coherence", "total", "evaluations", "seconds"):
        mean = sum(row[name] for row in metrics) / 4
        assert record["summary"][name] == pytest.approx(mean, rel=1e-6), name
    assert record["status"] == "finished"
    assert record["summary"]["evaluations_total"] == 24
    assert record["provenance"]["config"]["beta"] == 1000
    assert record["provenance"]["weights"]["name"] == "vgg19-random"

    assert [file.name for file in sorted((run / "frames").iterdir())] == [f"{i:06d}.png" for i in range(4)]
    assert {file.name for file in (run / "keyframes").iterdir()} == {
        *(f"keyframe_{i:06d}.png" for i in range(4)),
        *(f"residual_{i:06d}.png" for i in range(1, 4)),
    }
    assert (run / ".hydra" / "config.yaml").is_file()
    assert not list(run.rglob("*.part"))
    with av.open(str(run / "stylized.mp4")) as clip:
        pictures = list(clip.decode(video=0))
    assert [round(picture.time, 3) for picture in pictures] == [0, 0.04, 0.08, 0.12]
    # compared in grey, since the clip halves the resolution of colour
    shown = pictures[2].to_ndarray(format="rgb24").mean(2)
    away = [np.abs(load_png(file).mean(2) - shown).mean() for file in sorted((run / "frames").iterdir())]
    assert np.argmin(away) == 2
    assert away[2] < 3


def test_naive_frame_is_what_torchs_own_lbfgs_paints(tmp_path: Path, paint: Paint, clip: Path) -> None:
    # at its full weight what leaves [0, 1] weighs more than all else in so small a network, and rounding grows by it
    options = ("model=naive", "canvas=pixels", "loss.range.weight=1e3", "backbone.precision=float32")
    run = paint(tmp_path / "run", *options, "video.frames=1", "evaluations=8")
    content = next(VideoReader(clip).read()).content
    style = DrawnPainting("swirls", swirls).at(48).image
    filters = random(width=8).tensors

    def activations(image: torch.Tensor) -> dict[str, torch.Tensor]:
        x, found = F.conv2d(image, filters["input.weight"], filters["input.bias"]), {}
        for name in [
            key.removesuffix(".weight") for key in filters if key.startswith("conv") and "weight" in key
        ]:
            if name.endswith("_1") and name != "conv1_1":
                x = F.max_pool2d(x, 2)
            x = F.pad(x, (1, 1, 1, 1), mode="replicate")
            found[name] = F.conv2d(x, filters[f"{name}.weight"], filters[f"{name}.bias"])
            x = found[name].clamp(min=0)
        return found

    def gram(x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("lchw,ldhw->lcd", x, x) / x[0].numel()

    with torch.no_grad():
        target = activations(content)["conv4_2"]
        grams = [gram(activations(style)[layer]) for layer in STYLE_LAYERS]
    canvas = content.clone().requires_grad_()
    optimiser = torch.optim.LBFGS(
        [canvas], max_iter=99, max_eval=8, history_size=10, tolerance_grad=-1, tolerance_change=-1
    )
    values, images = [], []

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        found = activations(canvas)
        style_loss = sum(F.mse_loss(gram(found[n]), g) for n, g in zip(STYLE_LAYERS, grams, strict=True)) / 5
        outside = canvas.clamp(max=0).abs() + (canvas - 1).clamp(min=0)
        loss = F.mse_loss(found["conv4_2"], target) + 1e3 * style_loss + 1e3 * (outside**2).mean()
        loss.backward()
        values.append(float(loss.detach()))
        images.append(canvas.detach().clone())
        return loss

    optimiser.step(closure)
    totals = [row["total"] for row in numbers(run / "curves.csv")]
    assert totals == pytest.approx(values, rel=2e-3)
    painted = images[int(np.argmin(values))][0].clamp(0, 1).permute(1, 2, 0).numpy() * 255
    difference = np.abs(load_png(run / "frames" / "000000.png") - painted)
    assert difference.mean() < 1.0, "rounding to 8 bits, and what float32 leaves open"


def test_coherence_brings_frames_together(tmp_path: Path, paint: Paint) -> None:
    def change(run: Path) -> float:
        frames = [load_png(file).astype(float) for file in sorted((run / "frames").iterdir())]
        return float(np.mean([np.abs(now - before).mean() for before, now in itertools.pairwise(frames)]))

    naive = change(paint(tmp_path / "naive", "model=naive", "start=noise", "evaluations=20"))
    mse = change(paint(tmp_path / "mse", "model=mse", "eta=1e3", "start=noise", "evaluations=20"))
    assert mse < 0.5 * naive


def test_passes_alternate_and_go_on_from_the_paintings(tmp_path: Path, paint: Paint) -> None:
    run = paint(tmp_path / "run", "model=mse", "eta=1", "passes=3", "evaluations=18")
    rows = numbers(run / "metrics.csv")
    assert [(row["pass"], row["frame"]) for row in rows] == [
        *((0, i) for i in (0, 1, 2, 3)),
        *((1, i) for i in (3, 2, 1, 0)),
        *((2, i) for i in (0, 1, 2, 3)),
    ]
    first = {(row["pass"], row["frame"]): row["total"] for row in reversed(numbers(run / "curves.csv"))}
    assert first[1, 3] < 0.8 * first[0, 3], "the second pass starts from a painting, not from the content"
    assert not (run / "checkpoints" / "paintings").exists()
    summary = json.loads((run / "metrics.json").read_text())["summary"]
    assert summary["evaluations_total"] == 72
    assert summary["evaluations"] == 72 / summary["frames"], "all passes together, as the option has it"
    assert summary["seconds"] == pytest.approx(summary["seconds_total"] / summary["frames"])


def test_a_stretch_may_have_the_cuts_of_the_whole_clip(tmp_path: Path, paint: Paint) -> None:
    paint(tmp_path / "run", "model=naive", "video.frames=1", "cuts=[1,3]", "evaluations=1")


def test_seed_decides_the_painting(tmp_path: Path, paint: Paint) -> None:
    def first(name: str, *overrides: str) -> bytes:
        run = paint(tmp_path / name, "model=naive", "start=noise", "video.frames=1", *overrides)
        return (run / "frames" / "000000.png").read_bytes()

    assert first("a", "seed=1") == first("b", "seed=1")
    assert first("c", "seed=2") != first("d", "seed=1")


def test_stretch_of_a_clip(tmp_path: Path, paint: Paint) -> None:
    run = paint(tmp_path / "run", "model=naive", "video.start=2", "video.frames=2", "video.size=32")
    assert [(row["frame"], row["source_frame"]) for row in numbers(run / "metrics.csv")] == [(0, 2), (1, 3)]
    assert load_png(run / "frames" / "000001.png").shape == (21, 32, 3)


def test_a_clip_that_breaks_keeps_what_is_painted(tmp_path: Path, paint: Paint, monkeypatch) -> None:
    whole = VideoReader.read

    def breaks(self: VideoReader, first: int = 0):
        for frame in whole(self, first):
            if frame.index == 2:
                raise ClipBroke("moving.mp4", 2, "made to")
            yield frame

    monkeypatch.setattr(VideoReader, "read", breaks)
    with pytest.raises(ClipBroke, match="frame 2") as caught:
        paint(tmp_path / "run", "model=naive")
    assert caught.value.status == 1
    run = tmp_path / "run"
    assert len(list((run / "frames").iterdir())) == 2
    assert json.loads((run / "metrics.json").read_text())["status"] == "broken"
    with av.open(str(run / "stylized.mp4")) as clip:
        assert len(list(clip.decode(video=0))) == 2


def test_a_clip_whose_end_is_missing_is_painted_as_far_as_it_goes_and_said_to_be(
    tmp_path: Path, paint: Paint
) -> None:
    cut = clip_without_its_end(tmp_path)
    painted = VideoReader(cut).info.frames
    assert 1 < painted < 5
    run = tmp_path / "run"
    for options in (["model=naive"], ["model=ruder_multipass", "flow=dis", "passes=2", "evaluations=1"]):
        with pytest.raises(ClipBroke, match=rf"cut\.mkv breaks at frame {painted} \(its header") as caught:
            paint(run, *options, f"video.path={cut}")
        assert caught.value.status == 1
        assert (
            len(list((run / "frames").iterdir())) == VideoReader(run / "stylized.mp4").info.frames == painted
        )
        assert json.loads((run / "metrics.json").read_text())["status"] == "broken"
        run = tmp_path / "again"
    passes = {row["pass"] for row in numbers(run / "metrics.csv")}
    assert passes == {0, 1}, "all passes, not the first alone"
    paint(tmp_path / "fewer", "model=naive", f"video.path={cut}", f"video.frames={painted}")


@pytest.mark.parametrize(("bad", "outcome"), [({4}, "restarted"), ({4, 6}, "abandoned")])
def test_nan_in_the_loss_is_recorded(
    tmp_path: Path, paint: Paint, monkeypatch, bad: set[int], outcome: str
) -> None:
    calls = 0

    def nan_now_and_then(self: MseCoherence, canvas: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return canvas.mean((1, 2, 3)) * (math.nan if calls in bad else 1)

    monkeypatch.setattr(MseCoherence, "compare", nan_now_and_then)
    run = paint(tmp_path / "run", "model=mse", "eta=1", "video.frames=2")
    rows = Table(run / "metrics.csv").read()
    assert [row["outcome"] for row in rows] == ["finished", outcome]
    assert np.isfinite(float(rows[1]["total"]))
    assert json.loads((run / "metrics.json").read_text())["summary"]["frames_not_finished"] == 1


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, paint: Paint, monkeypatch) -> None:
    from PIL import Image

    whole, saved = Image.Image.save, 0

    def full(self: Image.Image, path: Path, **options: object) -> None:
        nonlocal saved
        saved += 1
        if saved > 3:
            Path(path).write_bytes(b"half a picture")
            raise OSError(28, "No space left on device")
        whole(self, path, **options)

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space"):
        paint(tmp_path / "run", "model=naive")
    run = tmp_path / "run"
    assert not list(run.rglob("*.part"))
    assert all(file.stat().st_size > 100 for file in run.rglob("*.png"))
    assert json.loads((run / "metrics.json").read_text())["status"] == "failed"


def test_a_run_is_found_its_files_from_any_directory(
    tmp_path: Path, paint: Paint, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "it's here").mkdir()
    own = Path(shutil.copy(clip, tmp_path / "it's here" / "clip.mp4"))
    monkeypatch.chdir(own.parent)
    run = paint(tmp_path / "run", "video.path=clip.mp4", "model=naive", "video.frames=1")
    record = json.loads((run / "metrics.json").read_text())
    assert record["provenance"]["config"]["video"]["path"] == str(own)
    monkeypatch.chdir(tmp_path)
    cfg = OmegaConf.load(run / ".hydra" / "config.yaml")
    assert cfg.video.path == str(own)
    kept = [str(line) for line in OmegaConf.load(run / ".hydra" / "overrides.yaml")]
    assert paint(run, *(line for line in kept if line[0] != "~"), f"resume={run}") == run, "the very same run"


def test_directories_are_guarded(tmp_path: Path, paint: Paint) -> None:
    run = paint(tmp_path / "run", "model=naive", "video.frames=1")
    with pytest.raises(InputError, match="holds a run already"):
        paint(run, "model=naive", "video.frames=1")
    with pytest.raises(InputError, match="holds no run"):
        paint(tmp_path / "other", f"resume={tmp_path / 'other'}")
    assert not (tmp_path / "other").exists(), "nothing is left of a run that could not begin"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for record in ("null", '{"status": "finished"}'):
        (elsewhere / "metrics.json").write_text(record)
        assert not is_finished(elsewhere), "somebody else's"
    (elsewhere / "metrics.json").write_text("half a rec")
    with pytest.raises(InputError, match=r"metrics\.json is damaged"):
        paint(elsewhere, "model=naive", "video.frames=1")
    (tmp_path / "busy").mkdir()
    with FileLock(tmp_path / "busy" / ".lock"), pytest.raises(InputError, match="in use"):
        paint(tmp_path / "busy", "model=naive", "video.frames=1")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    with pytest.raises(InputError, match="the painting swirls is"):
        paint(theirs, "style.size=17")
    assert not list(theirs.iterdir()), "an empty directory that was there before is left as it is"


def test_a_look_at_the_lock_keeps_no_run_from_its_start(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    looks = os.open(tmp_path / ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(looks, fcntl.LOCK_EX)
    leaves = threading.Timer(0.2, os.close, [looks])
    leaves.start()
    with locked(tmp_path, "run", "hydra.run.dir"):
        pass
    leaves.join()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    with (
        pytest.raises(InputError, match=r"is on a file system without locks \(.*\).* hydra.run.dir"),
        locked(tmp_path / "new" / "run", "run", "hydra.run.dir"),
    ):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["model=naive", "eta=3"], "naive has no coherence"),
        (["alpha=-1"], "alpha=-1.0 is not a number from 0"),
        (["beta=nan"], "beta=nan is not a number from 0"),
        (["evaluations=-1"], "evaluations=-1 is not a whole number from 0"),
        (["video.size=12"], "VGG-19 needs at least 16 on each side"),
        (["style.size=17"], "the painting swirls is 17x14 pixels"),
        (["loss.style.layers=[conv9_1]"], "conv9_1 is not a layer"),
        (["style=file", "style.path=/nowhere.png"], "/nowhere.png does not exist"),
        (["video.start=4"], "has 4 frames"),
        (["cuts=[2,4]"], "cuts has 4, and the last frame of moving.mp4 is 3"),
        # by themselves, these paint fewer frames, end in a traceback, or wait for ever
        (["+trainer.limit_train_batches=1"], "trainer.limit_train_batches is not an option here"),
        (["+trainer.max_steps=0"], "trainer.max_steps is not an option here"),
        (["+trainer.fast_dev_run=true"], "trainer.fast_dev_run is not an option here"),
        (["+trainer.gradient_clip_val=1"], "trainer.gradient_clip_val is not an option here"),
        (["+trainer.strategy=ddp"], "trainer.strategy is not an option here"),
        (["+trainer.num_nodes=2"], "trainer.num_nodes is not an option here"),
        (["trainer.accelerator=cpu", "trainer.devices=2"], "trainer.devices=2 are 2 devices"),
    ],
)
def test_bad_values_are_named(tmp_path: Path, paint: Paint, overrides: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as caught:
        paint(tmp_path / "run", *overrides)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried"
        ),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        MemoryError(),
    ],
)
def test_too_little_memory_is_one_sentence_with_the_remedy(tmp_path, paint, monkeypatch, error):
    def full(*arguments: object) -> None:
        raise error

    monkeypatch.setattr("vst.painting.stylizer.VideoStylizer.training_step", full)
    with pytest.raises(
        OutOfMemory, match=r"^there is not enough memory for frames of 48x32 pixels; resume the run"
    ):
        paint(tmp_path / "run")


def test_too_little_memory_for_the_clip_or_the_painting_is_one_sentence(tmp_path, paint, monkeypatch):
    def full(*arguments: object) -> None:
        raise RuntimeError("std::bad_alloc")

    monkeypatch.setattr("vst.styles.DrawnPainting.at", full)
    with pytest.raises(
        OutOfMemory, match=r"^there is not enough memory for this clip and painting; give a smaller"
    ):
        paint(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_no_number_is_said(tmp_path, paint, capsys):
    paint(tmp_path / "run", "model=naive", "video.frames=1", "beta=1e38")
    assert "the loss was not a number at times in 1 optimisations" in capsys.readouterr().err


def test_other_failures_stay_what_they_are(tmp_path, paint, monkeypatch):
    def broken(*arguments: object) -> None:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr("vst.painting.stylizer.VideoStylizer.training_step", broken)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        paint(tmp_path / "run")
