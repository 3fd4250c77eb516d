from __future__ import annotations

import json
import math
import os
import secrets
import sys
from argparse import Namespace
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import wandb
from pydantic import ValidationError
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from vst.commandline import say
from vst.errors import InputError
from vst.formatting import format_setting
from vst.runs.loggers.media import MediaLogger

Mode = Literal["online", "offline", "disabled"]

STEPS_PER_FRAME = 1000
"""W&B's steps from one frame to the next; a frame that logs more rows delays the later ones."""

UNCERTAIN = 64 * 1024
"""Bytes of rows that W&B may lose where a run is killed: it writes them to its file in blocks of half of that."""

INIT_TIMEOUT = 20
"""Seconds after which W&B counts as out of reach."""


class WandbRun(MediaLogger):
    """A run on Weights & Biases, online if there is a key, else offline; it never prompts and never hangs.

    ```yaml
    wandb:
      _target_: vst.runs.loggers.wandb.WandbRun
      directory: ${paths.run}
      project: vst
      group: null   # null: the clip and the painting, so that the models are compared side by side
      mode: auto    # or online, offline
    ```
    An evaluation's losses are logged under `curve/` (against `evaluation`, counted through the run), a frame's
    figures under `frame/` and its pictures under `media/` (against `frame`), and the means under `summary/`, each
    in a section of its own in W&B's workspace. Figures and pictures are those of the last pass, since a frame can
    have only one value there. W&B's own step only orders the rows, and is the slider by which pictures are browsed:
    every frame begins at a multiple of `STEPS_PER_FRAME`, so that the pictures of one frame are at the same step in all
    runs, however many evaluations they have. Where an agent of a W&B sweep started the process, the run is the one
    that the agent names, in the sweep's project.
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
        self._frame: int | None = None
        self._frames = 0
        self._next_step = 0
        self._recent: deque[tuple[int, dict[str, Any]]] = deque()
        """The rows logged last, by step, media by their files in the run's directory."""
        self._recent_bytes = 0
        self.run_id = secrets.token_hex(4)

    def describe(self, model: str, style: str, video: str, config: Mapping[str, Any]) -> None:
        """Set the run's group, tags, name and configuration, before anything is logged."""
        self._labels = {"model": model, "style": style, "video": video}
        self._config = {**config, **{f"{key}_name": value for key, value in self._labels.items()}}

    @property
    def experiment(self) -> wandb.Run:
        """W&B's run."""
        if self._run is None:
            raise RuntimeError("begin() must be called before anything is logged")
        return self._run

    def begin(self) -> None:
        """Begin W&B's run; raises `InputError` where it cannot be begun as asked, so that nothing is painted."""
        _check_environment()
        run = self._begun(_possible_mode() if self._mode == "auto" else self._mode)
        for axis in ("evaluation", "frame", "pass"):
            run.define_metric(axis, hidden=True, summary="none")
        # no summary: W&B would show the last frame's value besides the means over all frames
        run.define_metric("curve/*", step_metric="evaluation", summary="none")
        run.define_metric("frame/*", step_metric="frame", summary="none")
        run.define_metric("media/*", step_metric="frame")
        # another id where the agent of a sweep started this process and named the run
        self.run_id = run.id
        self._run = run
        for step, row in self._recent:
            self._send(step, row)

    def _begun(self, mode: Mode) -> wandb.Run:
        """W&B's run, offline if that was left to this class and W&B refuses it online."""
        try:
            return self._init(mode)
        except (wandb.errors.CommError, wandb.errors.UsageError) as error:
            # the agent of a sweep waits for the run that it named
            if self._mode != "auto" or _in_sweep():
                raise InputError(
                    f"W&B cannot be used online ({_first_line(error)}); log in with `wandb login`, or use "
                    f"logger.wandb.mode=offline"
                ) from error
            say(f"W&B cannot be used ({_first_line(error)}); the run is recorded offline", to=sys.stderr)
            # its service does not give back the id of a run that could not begin
            self.run_id = secrets.token_hex(4)
            return self._init("offline")

    def _init(self, mode: Mode) -> wandb.Run:
        labels = self._labels
        return wandb.init(
            # in a sweep both are set by the sweep, and wandb warns of others
            project=None if _in_sweep() else self._project,
            id=None if _in_sweep() else self.run_id,
            dir=self._directory,
            resume="allow",
            name=run_name(**labels, config=self._config),
            group=self._group or run_group(labels["video"], labels["style"]),
            job_type=labels["model"],
            tags=[f"{kind}:{label}"[:64] for kind, label in labels.items()],
            config=self._config,
            mode=mode,
            # runs that are painted at once each have their own, and an unfinished one is not returned again
            reinit="create_new",
            settings=wandb.Settings(init_timeout=INIT_TIMEOUT, silent=True),
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
        """Do nothing: the configuration is given to `describe`."""

    def _log(self, frame: int | None, row: Mapping[str, Any]) -> None:
        """Log a row at an explicit step, so that rows which a resumed run logs again are not recorded twice."""
        if frame != self._frame:
            self._frame, self._next_step = frame, max(self._next_step, self._frames * STEPS_PER_FRAME)
            self._frames += 1
        self._send(self._next_step, row)
        self._recent.append((self._next_step, dict(row)))
        self._recent_bytes += _bytes(row)
        while self._recent_bytes - _bytes(self._recent[0][1]) >= UNCERTAIN:
            self._recent_bytes -= _bytes(self._recent.popleft()[1])
        self._next_step += 1

    def _send(self, step: int, row: Mapping[str, Any]) -> None:
        """Give W&B a row, with the media that it names."""
        media = {name: self._media(file, row) for name, file in row.items() if name.startswith("media/")}
        sent = {name: value for name, value in {**row, **media}.items() if value is not None}
        self.experiment.log(sent, step=step, commit=True)

    def _media(self, file: str, row: Mapping[str, Any]) -> wandb.Image | wandb.Video | None:
        """A picture or a clip of the run's directory; None where it is no longer there."""
        path = Path(self._directory, file)
        if not path.is_file() or not path.resolve().is_relative_to(Path(self._directory).resolve()):
            return None
        if path.suffix == ".mp4":
            return wandb.Video(str(path), format="mp4")
        return wandb.Image(str(path), caption=f"frame {row['frame']}")

    def _file(self, path: Path) -> str:
        """How a file is named in a row."""
        return os.path.relpath(path, self._directory)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log one frame's figures; `step` is the frame."""
        self._log(step, {"frame": step, **{f"frame/{name}": value for name, value in metrics.items()}})

    @rank_zero_only
    def log_curve(self, frame: int, pass_index: int, rows: Iterable[Mapping[str, Any]]) -> None:
        """Log one frame's losses, one row per evaluation."""
        for row in rows:
            self._evaluations += 1
            place = {"evaluation": self._evaluations, "frame": frame, "pass": pass_index}
            self._log(frame, {**place, **{f"curve/{name}": value for name, value in row.items()}})

    @rank_zero_only
    def log_image(self, key: str, path: Path, frame: int) -> None:
        """Log a picture."""
        self._log(frame, {"frame": frame, f"media/{key}": self._file(path)})

    @rank_zero_only
    def log_video(self, key: str, path: Path) -> None:
        """Log a video file unchanged."""
        self._log(None, {f"media/{key}": self._file(path)})

    @rank_zero_only
    def log_summary(self, summary: Mapping[str, Any]) -> None:
        """Put the run's summary into W&B's, without undefined figures, which W&B would turn into text."""
        if self._run is None:  # it could not begin
            return
        finite = {name: value for name, value in summary.items() if math.isfinite(value)}
        self._run.summary.update({f"summary/{name}": value for name, value in finite.items()})

    @rank_zero_only
    def finish(self, failed: bool) -> None:
        """End the run, marked as failed or not, after sending or storing what is pending."""
        if self._run is not None:
            self._run.finish(exit_code=1 if failed else 0)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to continue the same W&B run."""
        return {
            "run_id": self.run_id,
            "evaluations": self._evaluations,
            "frame": self._frame,
            "frames": self._frames,
            "next_step": self._next_step,
            "recent": list(self._recent),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.run_id = state["run_id"]
        self._evaluations = state["evaluations"]
        self._frame, self._frames, self._next_step = state["frame"], state["frames"], state["next_step"]
        # what W&B has not written before a kill is logged again; it takes a step once
        self._recent = deque(state.get("recent", ()))
        self._recent_bytes = sum(_bytes(row) for _, row in self._recent)


def run_group(video: str, style: str) -> str:
    """What comparable runs have in common: the clip and the painting."""
    return f"{video} · {style}"


def run_name(model: str, style: str, video: str, config: Mapping[str, Any]) -> str:
    """A run's name in legends: its model and its weights, which sweeps vary, then the clip and the painting.

    β is always in it, η where it is not 0, and α where it is not 1.
    """
    weights = {"η": ("eta", 0), "β": ("beta", None), "α": ("alpha", 1)}
    parts = [
        f"{symbol}={format_setting(float(config[key]))}"
        for symbol, (key, usual) in weights.items()
        if config[key] != usual
    ]
    return f"{' '.join([model, *parts])} · {run_group(video, style)}"


def _check_environment() -> None:
    """Raise an `InputError` for an environment in which W&B cannot even begin."""
    try:
        Path.home()
    except RuntimeError as error:
        raise InputError(
            "W&B needs a home directory, and this user has none; set HOME to a directory that can be written"
        ) from error
    try:
        wandb.setup()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(map(str, first["loc"]))
        raise InputError(
            f"W&B does not know the value {first['input']!r} of its setting {name} ({first['msg']}); correct "
            f"WANDB_{name.upper()}, or W&B's own settings file"
        ) from error


def _possible_mode() -> Mode:
    """WANDB_MODE if set, else online if W&B has credentials and accepts them, which is asked without a prompt.

    It is asked before the run begins, which could not begin again in another mode.
    """
    named = os.environ.get("WANDB_MODE", "online")
    if named not in ("online", "run"):
        return "disabled" if named == "disabled" else "offline"
    try:
        return "online" if wandb.login(prompt=False, verify=True) else "offline"
    except (wandb.errors.CommError, wandb.errors.UsageError) as error:
        say(f"W&B cannot be reached ({_first_line(error)}); the run is recorded offline", to=sys.stderr)
        return "offline"


def _in_sweep() -> bool:
    """Whether the agent of a W&B sweep started this process."""
    return "WANDB_SWEEP_ID" in os.environ


def _bytes(row: Mapping[str, Any]) -> int:
    """At least how many bytes W&B's file has of a row."""
    return len(json.dumps(row))


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
