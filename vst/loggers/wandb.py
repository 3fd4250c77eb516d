from __future__ import annotations

import os
import secrets
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import wandb
from numpy.typing import NDArray
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from vst.errors import InputError
from vst.loggers.media import MediaLogger

Mode = Literal["online", "offline", "disabled"]


class WandbRun(MediaLogger):
    """A run on Weights & Biases, online where there is a key, else offline; it never asks and never hangs.

    ```yaml
    wandb:
      _target_: vst.loggers.wandb.WandbRun
      directory: ${paths.run}
      project: vst
      group: null   # the clip and the painting, so that the models stand side by side
      mode: auto    # or online, offline
    ```
    Losses are logged an evaluation under `curve/` (against `evaluation`, counted through the run) and a
    frame under `frame/` (against `frame`); W&B's own step is not used, because it drops what comes late. Where an
    agent of a W&B sweep began the process, the run is the one that the agent names, in the sweep's project.
    """

    def __init__(
        self,
        directory: str,
        project: str = "vst",
        group: str | None = None,
        mode: Literal["auto", "online", "offline"] = "auto",
    ):
        super().__init__()
        self._directory = directory
        self._project = project
        self._group = group
        self._mode = mode
        self._run: wandb.Run | None = None
        self._labels = {"model": "", "style": "", "video": ""}
        self._config: dict[str, Any] = {}
        self._evaluations = 0
        self.run_id = secrets.token_hex(4)

    def describe(self, model: str, style: str, video: str, config: Mapping[str, Any]) -> None:
        """Say what the run is, before anything is logged: its group, tags, name and configuration."""
        self._labels = {"model": model, "style": style, "video": video}
        self._config = {**config, **{f"{key}_name": value for key, value in self._labels.items()}}

    @property
    def experiment(self) -> wandb.Run:
        """W&B's run."""
        if self._run is None:
            raise RuntimeError("begin() comes before anything is logged")
        return self._run

    def begin(self) -> None:
        """Begin W&B's run; where that cannot be done as asked, nothing is painted."""
        try:
            run = self._init(_mode_found() if self._mode == "auto" else self._mode)
        except (wandb.errors.CommError, wandb.errors.AuthenticationError, wandb.errors.UsageError) as error:
            reason = str(error).splitlines()[0]
            if self._mode == "online":
                raise InputError(
                    f"W&B cannot be used online ({reason}); log in with `wandb login`, or use logger.wandb.mode=offline"
                ) from error
            print(f"W&B cannot be reached ({reason}); the run is recorded offline", file=sys.stderr)
            run = self._init("offline")
        for axis, names in (("evaluation", "curve/*"), ("frame", "frame/*")):
            run.define_metric(axis, hidden=True)
            run.define_metric(names, step_metric=axis)
        # the run's own, where an agent of a sweep began this process and named the run
        self.run_id = run.id
        self._run = run

    def _init(self, mode: Mode) -> wandb.Run:
        labels = self._labels
        in_sweep = "WANDB_SWEEP_ID" in os.environ
        return wandb.init(
            # in a sweep both are the sweep's, and wandb warns of others
            project=None if in_sweep else self._project,
            id=None if in_sweep else self.run_id,
            dir=self._directory,
            resume="allow",
            name=f"{labels['model']} · {labels['style']} · {labels['video']}",
            group=self._group or f"{labels['video']} · {labels['style']}",
            job_type=labels["model"],
            tags=[f"{kind}:{label}"[:64] for kind, label in labels.items()],
            config=self._config,
            mode=mode,
            # an unfinished run would be handed out again, with its old configuration
            reinit="finish_previous",
            settings=wandb.Settings(init_timeout=20, silent=True),
        )

    @property
    def name(self) -> str:
        """The project."""
        return self._project

    @property
    def version(self) -> str:
        """The run's id."""
        return self.run_id

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Lightning's own; the configuration comes through `describe`."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Take one frame's figures; `step` is the frame."""
        self.experiment.log({"frame": step, **{f"frame/{name}": value for name, value in metrics.items()}})

    @rank_zero_only
    def log_curve(self, frame: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take one frame's losses, a row an evaluation."""
        for row in rows:
            self._evaluations += 1
            losses = {f"curve/{name}": value for name, value in row.items()}
            self.experiment.log({"evaluation": self._evaluations, "curve/frame": frame, **losses})

    @rank_zero_only
    def log_image(self, key: str, image: NDArray[np.uint8], frame: int) -> None:
        """Take a picture; it must be uint8, since wandb casts floats in [0, 1] to 0."""
        self.experiment.log({"frame": frame, key: wandb.Image(image, caption=f"frame {frame}")})

    @rank_zero_only
    def log_video(self, key: str, path: Path) -> None:
        """Take a video file as it is."""
        self.experiment.log({key: wandb.Video(str(path), format="mp4")})

    @rank_zero_only
    def log_summary(self, summary: Mapping[str, Any]) -> None:
        """Put the run's summary where W&B's tables look."""
        if self._run is None:  # it could not begin
            return
        self._run.summary.update({f"summary/{name}": value for name, value in summary.items()})

    @rank_zero_only
    def finish(self, failed: bool) -> None:
        """End the run, marked as failed or not; what was not sent yet is sent or kept."""
        if self._run is not None:
            self._run.finish(exit_code=1 if failed else 0)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to go on in the same W&B run."""
        return {"run_id": self.run_id, "evaluations": self._evaluations}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.run_id = state["run_id"]
        self._evaluations = state["evaluations"]


def _mode_found() -> Mode:
    """Online where W&B finds credentials, without asking and without the network, and nothing says otherwise."""
    named = os.environ.get("WANDB_MODE", "online")
    if named != "online":
        return "disabled" if named == "disabled" else "offline"
    return "online" if wandb.login(prompt=False, verify=False) else "offline"
