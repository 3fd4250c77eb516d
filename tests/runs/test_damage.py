"""Runs are taken up only from what they left: what is damaged, missing or exchanged is refused, and says so."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import DictConfig
from PIL import Image
from pytorch_lightning import Callback, Trainer

from vst.composing import composed
from vst.errors import InputError, Pruned, VstError
from vst.files import HASHED
from vst.frames import ClipInfo
from vst.runs.callbacks.resume import load_checkpoint
from vst.runs.directory import checkpoint_path
from vst.runs.record import read_record
from vst.runs.run import run
from vst.runs.settings import resolve
from vst.runs.state import is_done
from vst.video.writer import write_video

Configured = Callable[..., DictConfig]


class StopsAfterTwo(Callback):
    """Ends a run once it has painted two frames."""

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        if trainer.fit_loop.epoch_loop.batch_idx == 2:  # of the third, no checkpoint is written yet
            raise Pruned("enough")


@pytest.fixture(scope="module")
def own_clip(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the clip, which a test may exchange."""
    return Path(shutil.copy(clip, tmp_path_factory.mktemp("own") / "own.mp4"))


@pytest.fixture(scope="module")
def configured(options: list[str], own_clip: Path) -> Configured:
    """The configuration of a small run in a directory."""

    def configured(directory: Path, *more: str) -> DictConfig:
        small = ["model=mse", "evaluations=2", f"video.path={own_clip}", "~callbacks.progress"]
        return composed([*options, *small, f"paths.run={directory}", *more])

    return configured


@pytest.fixture(scope="module")
def kept(configured: Configured, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(Pruned):
        run(configured(directory), callbacks={"stop": StopsAfterTwo()})
    return directory


@pytest.fixture
def stopped(kept: Path, tmp_path: Path) -> Path:
    """A run that stopped after two of its four frames."""
    return Path(shutil.copytree(kept, tmp_path / "run"))


@pytest.fixture
def resume(configured: Configured) -> Callable[[Path], Path]:
    return lambda directory: run(configured(directory, f"resume={directory}"))


def test_no_damaged_checkpoint_is_taken(stopped: Path) -> None:
    path = checkpoint_path(stopped)
    whole = path.read_bytes()
    assert load_checkpoint(stopped)["position"] == 2
    generator = np.random.default_rng(0)
    for place in generator.choice(len(whole), 200, replace=False).tolist():
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with pytest.raises(VstError, match=r"last\.ckpt is damaged"):
            load_checkpoint(stopped)
        path.write_bytes(whole[:place])
        with pytest.raises(VstError, match=r"last\.ckpt is damaged"):
            load_checkpoint(stopped)


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x80\x02}q\x00.", b"caf\xe9", b"{}"])
def test_what_is_no_checkpoint_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    checkpoint_path(tmp_path).parent.mkdir()
    checkpoint_path(tmp_path).write_bytes(content)
    with pytest.raises(InputError, match=r"last\.ckpt is damaged"):
        load_checkpoint(tmp_path)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(content)


def halved(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def shrunk(path: Path) -> None:
    with Image.open(path) as picture:
        picture.resize((8, 8)).save(path)


def as_another_format(path: Path) -> None:
    with Image.open(path) as picture:
        picture.save(path, format="BMP")


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (shrunk, "frames/000001.png"),
        (as_another_format, "frames/000000.png"),
        (flipped, "curves.csv"),
        (halved, "curves.csv"),
        (Path.unlink, "metrics.csv"),
        (Path.unlink, "frames/000000.png"),
        (flipped, "frames/000001.png"),
        (flipped, "checkpoints/history/painted/000001.npy"),
        (Path.unlink, "checkpoints/history/content/000001.npy"),
    ],
)
def test_what_a_run_goes_on_from_is_as_it_left_it(
    stopped: Path, resume: Callable[[Path], Path], damage: Callable[[Path], None], name: str
) -> None:
    damage(stopped / name)
    after = {file: file.read_bytes() for file in stopped.glob("*.csv")}
    with pytest.raises(VstError, match=rf"{Path(name).name}.* (damaged|missing|cannot be read)") as caught:
        resume(stopped)
    assert "\n" not in str(caught.value)
    assert {file: file.read_bytes() for file in stopped.glob("*.csv")} == after, "nothing is filled up or cut"


def test_a_checkpoint_of_another_run_is_one_sentence(stopped: Path, resume: Callable[[Path], Path]) -> None:
    state = load_checkpoint(stopped)
    torch.save({**state, "history": [{"index": 1}], "anchor": 7}, checkpoint_path(stopped))
    with pytest.raises(InputError, match="does not fit its run"):
        resume(stopped)


def test_a_run_without_hashes_is_resumed_as_before(
    stopped: Path, resume: Callable[[Path], Path], configured: Configured, tmp_path: Path
) -> None:
    state = load_checkpoint(stopped)
    del state["inputs"], state["parts"]["Curves"]["sha256"], state["parts"]["Metrics"]["sha256"]
    torch.save(state, checkpoint_path(stopped))
    for file in stopped.rglob("*.npy"):
        line, _, content = file.read_bytes().partition(b"\n")
        assert line.startswith(HASHED)
        file.write_bytes(content)
    whole = run(configured(tmp_path / "whole"))
    resume(stopped)
    for name in ("frames/000003.png", "curves.csv"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes()


def test_a_clip_that_was_exchanged_is_not_gone_on_with(
    stopped: Path, resume: Callable[[Path], Path], configured: Configured, own_clip: Path
) -> None:
    before = own_clip.read_bytes()
    info = ClipInfo("other", 4, 32, 48, Fraction(1, 25), Fraction(25), 0, 4)
    finished = run(configured(stopped.parent / "finished", "video.frames=1", "evaluations=1"))
    settings = resolve(configured(finished, "video.frames=1", "evaluations=1"))
    record = read_record(finished)
    assert record is not None
    assert set(record.provenance.inputs) == {"video.path"}
    assert is_done(finished, settings)
    try:
        write_video(own_clip, ((np.zeros((32, 48, 3), np.uint8), index) for index in range(4)), info)
        with pytest.raises(InputError, match=r"what video\.path names has changed since the run in"):
            resume(stopped)
        with pytest.raises(InputError, match=r"what video\.path names has changed since the run in"):
            is_done(finished, settings)
    finally:
        own_clip.write_bytes(before)
    assert is_done(finished, settings), "it is the content that counts"


@pytest.mark.parametrize(
    "name", ["frames", "checkpoints/history", "checkpoints/history/painted", "keyframes"]
)
def test_a_run_does_not_write_into_a_folder_elsewhere(
    stopped: Path, resume: Callable[[Path], Path], tmp_path: Path, name: str
) -> None:
    elsewhere = Path(shutil.move(stopped / name, tmp_path / "elsewhere"))
    (stopped / name).symlink_to(elsewhere)
    before = {file: file.stat().st_mtime_ns for file in elsewhere.rglob("*")}
    with pytest.raises(InputError, match=f"{name} is a link"):
        resume(stopped)
    assert {file: file.stat().st_mtime_ns for file in elsewhere.rglob("*")} == before


def test_a_run_does_not_write_through_links(
    stopped: Path, resume: Callable[[Path], Path], tmp_path: Path
) -> None:
    for name in ("curves.csv", "metrics.csv", "metrics.json", "frames/000002.png", "stylized.mp4"):
        shutil.move(stopped / name, tmp_path / Path(name).name)
        (stopped / name).symlink_to(tmp_path / Path(name).name)
    before = {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}
    (stopped / "frames" / ".000002.png.part").symlink_to(tmp_path / "curves.csv")
    resume(stopped)
    assert {file: file.read_bytes() for file in before} == before
    assert not [file for file in stopped.rglob("*") if file.is_symlink()]


def test_what_a_killed_run_was_writing_is_removed(stopped: Path, resume: Callable[[Path], Path]) -> None:
    left = [stopped / "frames" / ".000002.png.0123456789abcdef.part", stopped / ".stylized.mp4.01.pictures"]
    for file in left:
        file.write_text("half")
    resume(stopped)
    assert not any(file.exists() for file in left)
