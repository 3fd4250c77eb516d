from __future__ import annotations

import logging
import re
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from pytorch_lightning.loggers import MLFlowLogger

from vst.errors import InputError, VstError
from vst.runs.loggers.media import MediaLogger, check_installed, defined
from vst.runs.loggers.names import PROJECT

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

MOST_METRICS = 1000
"""The most values that MLflow takes at once."""

_PICTURE = re.compile(r"images/(.+)[+%]step[+%](\d+)[+%]timestamp")
"""How MLflow names a picture of a step: the key, with ~ for /, and the step."""


class MLflowRun(MediaLogger):
    """A run in MLflow, by Lightning's logger; `mlflow ui`, called in the same directory, shows all runs side by side.

    ```yaml
    mlflow:
      _target_: vst.runs.loggers.mlflow.MLflowRun
      experiment: vst
      tracking_uri: null   # null: MLFLOW_TRACKING_URI if set, else MLflow's own default, mlflow.db where vst is called
    ```
    All runs are in one store, since MLflow compares only what is in the same. A resumed run goes on with its own as far
    as the store still has it, and logs nothing twice. A server that does not answer for minutes stops the painting,
    which can be resumed: what MLflow is not told, it would never have.
    """

    def __init__(self, experiment: str = PROJECT, tracking_uri: str | None = None):
        check_installed("mlflow", "mlflow", "mlflow")
        super().__init__()
        self._experiment = experiment
        self._tracking_uri = tracking_uri
        self._uri = ""
        self._logger: MLFlowLogger | None = None
        self._run_id = ""
        self._known: set[tuple[str, int]] = set()
        """What the run had before it was resumed, by key and step."""

    @property
    def name(self) -> str:
        """The experiment."""
        return self._experiment

    @property
    def version(self) -> str | None:
        """The run's id, once it has begun."""
        return self._run_id or None

    def begin(self) -> None:
        """Begin the run, or go on with it; raises `InputError` where the store cannot be used."""
        import mlflow

        # the tables of a new database would be announced, one migration after the other
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        uri = self._tracking_uri or mlflow.get_tracking_uri()
        try:
            with _answering(uri):
                client = mlflow.MlflowClient(uri)
                _make_experiment(client, self._experiment)
                resumed = self._run_id != "" and _has(client, self._run_id)
                self._logger = MLFlowLogger(
                    self._experiment,
                    self.run_name,
                    uri,
                    tags={"group": self.run_group, **self.labels},
                    run_id=self._run_id if resumed else None,
                )
                self._run_id = str(self._logger.run_id)
                if resumed:
                    client.update_run(self._run_id, "RUNNING")
                    self._known = _logged(client, self._run_id)
                else:
                    self._logger.log_hyperparams(self.config)
        except VstError as error:
            raise InputError(f"{error}; start its server, or correct logger.mlflow.tracking_uri") from error
        self._uri = uri

    @contextmanager
    def _client(self) -> Generator[MlflowClient | None]:
        """MLflow's client; None once it has failed, since each call would wait for minutes again."""
        if self._logger is None:
            yield None
            return
        try:
            with _answering(self._uri):
                yield self._logger.experiment
        except VstError:
            self._logger = None
            raise

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log one frame's figures; `step` is the frame."""
        self._log((step or 0, key, value) for key, value in defined(metrics, "frame").items())

    def log_curve(self, frame: int, pass_index: int, rows: Iterable[Mapping[str, float]]) -> None:
        """Log one frame's losses against the number of the evaluation in the run."""
        self._log(
            (number, key, value)
            for number, row in self.counted(rows)
            for key, value in defined(row, "curve").items()
        )

    def log_summary(self, summary: Mapping[str, float]) -> None:
        """Log the means."""
        self._log((0, key, value) for key, value in defined(summary, "summary").items())

    def _log(self, figures: Iterable[tuple[int, str, float]]) -> None:
        """Log figures that the run does not have yet, each with its step and its key."""
        from mlflow.entities import Metric

        now = round(time.time() * 1000)
        new = [
            Metric(key, value, now, step)
            for step, key, value in figures
            if (key, step) not in self._known or key.startswith("summary/")
        ]
        with self._client() as client:
            if client is not None:
                for first in range(0, len(new), MOST_METRICS):
                    client.log_batch(self._run_id, new[first : first + MOST_METRICS])

    def log_image(self, key: str, path: Path, frame: int) -> None:
        """Log a picture of a step, as MLflow's charts show them."""
        key = f"media/{key}"
        with self._client() as client, Image.open(path) as picture:
            if client and (key, frame) not in self._known:
                client.log_image(self._run_id, picture, key=key, step=frame)

    def log_video(self, key: str, path: Path) -> None:
        """Log a clip as an artifact."""
        with self._client() as client:
            if client:
                client.log_artifact(self._run_id, str(path), "media")

    def finish(self, failed: bool) -> None:
        """End the run, marked as failed or not."""
        with self._client() as client:
            if client:
                client.set_terminated(self._run_id, "FAILED" if failed else "FINISHED")

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to continue the same run of MLflow's."""
        return {**super().state_dict(), "run_id": self._run_id}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        super().load_state_dict(state)
        self._run_id = state["run_id"]


@contextmanager
def _answering(uri: str) -> Generator[None]:
    """Raise a `VstError` where MLflow, which tries again by itself, does not take what it is told."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError, ImportError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise VstError(f"MLflow at {uri} cannot be used ({reason})") from error


def _make_experiment(client: MlflowClient, name: str) -> None:
    """Make an experiment, unless there is one, or another process makes it at the same time."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_experiment(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _has(client: MlflowClient, run_id: str) -> bool:
    """Whether a store has a run, which may have been deleted, or be in another store."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id).info.lifecycle_stage == "active"
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False


def _logged(client: MlflowClient, run_id: str) -> set[tuple[str, int]]:
    """What a run has, by key and step."""
    keys = client.get_run(run_id).data.metrics
    figures = {(key, one.step) for key in keys for one in client.get_metric_history(run_id, key)}
    pictures = (_PICTURE.match(file.path) for file in client.list_artifacts(run_id, "images"))
    return figures | {(found[1].replace("~", "/"), int(found[2])) for found in pictures if found}
