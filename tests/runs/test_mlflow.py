"""A run is read back by MLflow's own client: what was logged, and the pixels of its pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from vst.errors import InputError, VstError
from vst.runs.table import Table
from vst.video.store import load_png, save_png

pytest.importorskip("mlflow", reason="mlflow, an optional package, is not installed")

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from vst.runs.loggers.mlflow import MLflowRun

Paint = Callable[..., Path]

# MLflow's tables are written for SQLAlchemy 2.0
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow's own default, in a directory of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("store"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield f"sqlite:///{Path.cwd() / 'mlflow.db'}"


@pytest.fixture
def client(store: str) -> MlflowClient:
    return MlflowClient(store)


def described(logger: MLflowRun) -> MLflowRun:
    logger.describe("naive", "swirls", "talk", {"alpha": 1.0, "beta": 1e5, "eta": 0.0})
    return logger


def history(client: MlflowClient, run: str, key: str) -> list[tuple[int, float]]:
    return sorted((one.step, one.value) for one in client.get_metric_history(run, key))


def pictures(client: MlflowClient, run: str, key: str) -> dict[int, list[str]]:
    """The paths of a key's lossless pictures, by the step in their names."""
    found: dict[int, list[str]] = {}
    for file in client.list_artifacts(run, "images"):
        if file.path.startswith(f"images/media~{key}") and file.path.endswith(".png"):
            found.setdefault(int(file.path.replace("%", "+").split("+step+")[1].split("+")[0]), []).append(
                file.path
            )
    return found


def test_a_run_reads_back(
    tmp_path: Path, paint: Paint, client: MlflowClient, capfd: pytest.CaptureFixture[str]
) -> None:
    directory = paint(tmp_path / "run", "model=mse", "eta=10", "logger=mlflow")  # with the default store
    assert Path("mlflow.db").is_file()
    assert "INFO" not in capfd.readouterr().err
    experiment = client.get_experiment_by_name("vst")
    assert experiment is not None
    [run] = client.search_runs([experiment.experiment_id])
    identifier = run.info.run_id
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "mse η=10 β=1000 · moving.mp4 · swirls"
    assert {name: run.data.tags[name] for name in ("group", "model", "style", "video")} == {
        "group": "moving.mp4 · swirls",
        "model": "mse",
        "style": "swirls",
        "video": "moving.mp4",
    }
    assert run.data.params["beta"] == "1000.0"
    curve = [float(row["total"]) for row in Table(directory / "curves.csv").read()]
    assert history(client, identifier, "curve/total") == [
        (number, pytest.approx(value)) for number, value in enumerate(curve, start=1)
    ]
    rows = Table(directory / "metrics.csv").read()
    for name in ("style", "warping_error"):  # which the first frame does not have
        written = {int(row["frame"]): float(row[name]) for row in rows if row[name]}
        assert dict(history(client, identifier, f"frame/{name}")) == pytest.approx(written, rel=1e-6)
    for key, numbers in (("keyframe", range(4)), ("residual", range(1, 4))):
        found = pictures(client, identifier, key)
        assert sorted(found) == list(numbers)
        for number, [path] in found.items():
            with Image.open(client.download_artifacts(identifier, path, str(tmp_path))) as picture:
                written = load_png(directory / "keyframes" / f"{key}_{number:06d}.png")
                np.testing.assert_array_equal(np.array(picture.convert("RGB")), written)
    clip = client.download_artifacts(identifier, "media/stylized.mp4", str(tmp_path))
    assert Path(clip).read_bytes() == (directory / "stylized.mp4").read_bytes()
    assert run.data.metrics["summary/frames"] == 4


def test_nothing_is_there_twice_after_a_kill(tmp_path: Path, store: str, client: MlflowClient) -> None:
    picture = tmp_path / "keyframe_000001.png"
    save_png(picture, np.full((8, 8, 3), 70, np.uint8))
    killed = described(MLflowRun("kills", store))
    killed.begin()
    killed.log_curve(0, 0, [{"total": 3.0}, {"total": 2.0}])
    torch.save(killed.state_dict(), tmp_path / "state")
    killed.log_curve(1, 0, [{"total": 9.0}])
    killed.log_image("keyframe", picture, 1)

    resumed = described(MLflowRun("kills", store))
    resumed.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    resumed.begin()
    assert resumed.version == killed.version
    assert client.get_run(str(resumed.version)).info.status == "RUNNING"
    resumed.log_curve(1, 0, [{"total": 9.0}, {"total": 8.0}])
    resumed.log_image("keyframe", picture, 1)
    resumed.log_image("keyframe", picture, 2)
    resumed.finish(failed=True)
    run = str(resumed.version)
    assert history(client, run, "curve/total") == [(1, 3.0), (2, 2.0), (3, 9.0), (4, 8.0)]
    assert {step: len(found) for step, found in pictures(client, run, "keyframe").items()} == {1: 1, 2: 1}
    assert client.get_run(run).info.status == "FAILED"


def test_a_run_that_the_store_does_not_have_begins_anew(store: str, client: MlflowClient) -> None:
    logger = described(MLflowRun("kills", store))
    logger.load_state_dict({"evaluations": 4, "run_id": "0" * 32})
    logger.begin()
    logger.log_curve(1, 0, [{"total": 7.0}])
    logger.finish(failed=False)
    assert history(client, str(logger.version), "curve/total") == [(5, 7.0)]


def test_a_store_that_cannot_be_used_is_named(store: str) -> None:
    with pytest.raises(
        InputError, match=r"^MLflow at foo://x cannot be used \(.*\); .* logger\.mlflow\.tracking_uri$"
    ):
        described(MLflowRun("vst", "foo://x")).begin()


def test_a_store_that_is_lost_stops_the_run_once(
    store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    logger = described(MLflowRun("kills", store))
    logger.begin()
    asked: list[str] = []

    def lost(self: Any, *arguments: Any, **options: Any) -> None:
        asked.append("asked")
        raise MlflowException("API request failed")

    for name in ("log_batch", "log_artifact", "set_terminated"):
        monkeypatch.setattr(MlflowClient, name, lost)
    with pytest.raises(VstError, match=r"^MLflow at sqlite.* cannot be used \(API request failed\)"):
        logger.log_metrics({"total": 1.0}, step=0)
    logger.log_curve(0, 0, [{"total": 1.0}])
    logger.log_video("stylized", tmp_path / "none.mp4")
    logger.log_summary({"total": 1.0})
    logger.finish(failed=True)
    assert asked == ["asked"], "each further call would wait for minutes"
    assert logger.state_dict()["evaluations"] == 1
