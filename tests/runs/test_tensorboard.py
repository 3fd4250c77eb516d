"""A run's event files are read back by TensorBoard's own reader: what was logged, and the bytes of its pictures."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from vst.runs.table import Table

pytest.importorskip("tensorboard", reason="tensorboard, an optional package, is not installed")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from vst.runs.loggers.tensorboard import TensorBoardRun

Paint = Callable[..., Path]


def read_back(folder: Path) -> EventAccumulator:
    everything = {"scalars": 0, "images": 0, "tensors": 0}
    return EventAccumulator(str(folder), size_guidance=everything, purge_orphaned_data=False).Reload()


def points(found: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def described(logger: TensorBoardRun) -> TensorBoardRun:
    logger.describe("naive", "swirls", "talk", {"alpha": 1.0, "beta": 1e5, "eta": 0.0})
    return logger


def test_a_run_reads_back(tmp_path: Path, paint: Paint) -> None:
    run = paint(tmp_path / "a $run", "model=mse", "eta=10", "logger=tensorboard")
    found = read_back(run / "tensorboard")
    curve = [float(row["total"]) for row in Table(run / "curves.csv").read()]
    assert points(found, "curve/total") == [
        (number, pytest.approx(value)) for number, value in enumerate(curve, start=1)
    ]
    rows = Table(run / "metrics.csv").read()
    for name in ("style", "warping_error"):  # which the first frame does not have
        written = {int(row["frame"]): float(row[name]) for row in rows if row[name]}
        assert dict(points(found, f"frame/{name}")) == pytest.approx(written, rel=1e-6)
    for key, numbers in (("keyframe", range(4)), ("residual", range(1, 4))):
        pictures = found.Images(f"media/{key}")
        assert [picture.step for picture in pictures] == list(numbers)
        for picture in pictures:
            file = run / "keyframes" / f"{key}_{picture.step:06d}.png"
            assert picture.encoded_image_string == file.read_bytes()
    [clip] = found.Images("media/stylized")
    with Image.open(BytesIO(clip.encoded_image_string)) as shown:
        assert (shown.format, shown.n_frames, shown.size) == ("PNG", 4, (48, 32))
        assert shown.info["duration"] == 40
    assert "mse η=10" in found.Tensors("run/text_summary")[0].tensor_proto.string_val[0].decode()
    assert found.SummaryMetadata("_hparams_/session_start_info").plugin_data.plugin_name == "hparams"
    [(_, mean)] = points(found, "summary/style")
    assert mean == pytest.approx(sum(float(row["style"]) for row in rows) / 4, rel=1e-6)
    assert not list(tmp_path.glob("*/events*"))


def test_nothing_is_there_twice_after_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "tensorboard"
    killed = described(TensorBoardRun(str(folder)))
    killed.begin()
    killed.log_curve(0, 0, [{"total": 3.0}, {"total": 2.0}])
    killed.log_metrics({"style": 1.0, "warping_error": float("nan")}, step=0)
    torch.save(killed.state_dict(), tmp_path / "state")
    killed.log_curve(1, 0, [{"total": 9.0}])
    killed.writer.flush()  # and no more: it is killed here

    begun_and_killed = described(TensorBoardRun(str(folder)))
    begun_and_killed.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    begun_and_killed.begin()
    begun_and_killed.log_curve(1, 0, [{"total": 9.0}])
    begun_and_killed.writer.flush()

    resumed = described(TensorBoardRun(str(folder)))
    resumed.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    resumed.begin()
    resumed.log_curve(1, 0, [{"total": 4.0}])
    resumed.finish(failed=False)
    found = read_back(folder)
    assert points(found, "curve/total") == [(1, 3.0), (2, 2.0), (3, 4.0)]
    assert points(found, "frame/style") == [(0, 1.0)]
    assert "frame/warping_error" not in found.Tags()["scalars"]
    assert len(found.Tensors("run/text_summary")) == 1
    killed.finish(failed=True)
    begun_and_killed.finish(failed=True)


def test_what_a_link_leads_to_is_not_cut(tmp_path: Path) -> None:
    other = tmp_path / "events.out.tfevents.other"
    other.write_text("not a run's")
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard" / other.name).symlink_to(other)
    logger = TensorBoardRun(str(tmp_path / "tensorboard"))
    logger.load_state_dict({"evaluations": 0, "sizes": {other.name: 0}})
    logger.load_state_dict({"evaluations": 0, "sizes": {}})
    assert other.read_text() == "not a run's"


def test_a_long_clip_is_shown_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: Path) -> None:
    monkeypatch.setattr("vst.runs.loggers.tensorboard.CLIP_FRAMES", 2)
    monkeypatch.setattr("vst.runs.loggers.tensorboard.CLIP_SIZE", 24)
    logger: Any = described(TensorBoardRun(str(tmp_path / "tensorboard")))
    logger.begin()
    logger.log_video("stylized", clip)
    logger.finish(failed=False)
    [event] = read_back(tmp_path / "tensorboard").Images("media/stylized")
    with Image.open(BytesIO(event.encoded_image_string)) as shown:
        assert (shown.n_frames, shown.size) == (2, (24, 16))
