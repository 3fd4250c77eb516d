from __future__ import annotations

import json
import os
import secrets
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import wandb
import wandb.apis.public  # wandb.init() imports it, and takes three times as long once torch is imported
from pydantic import ValidationError
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from vst.commandline import say
from vst.errors import InputError
from vst.runs.loggers.media import MediaLogger, defined
from vst.runs.loggers.names import PROJECT

Mode = Literal["online", "offline"]

STEPS_PER_FRAME = 1000
"""W&B's steps from one frame to the next; a frame that logs more rows delays the later ones."""

UNCERTAIN = 64 * 1024
"""Bytes of rows that W&B may lose where a run is killed: it writes them to its file in blocks of half of that."""

INIT_TIMEOUT = 90
"""Seconds after which W&B counts as out of reach; the painting goes on meanwhile."""

LOCAL_TIMEOUT = 300
"""Seconds that an offline run may take to begin, where many programs share a processor."""

FINISH_TIMEOUT = 120
"""Seconds that a finished run waits for what is still to be sent; the rest is kept for `wandb sync`."""

_beginning = ThreadPoolExecutor(1, "wandb")
"""Begins runs one after the other: wandb's own state is shared by all runs of a process."""


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
    With `auto`, W&B begins beside the painting, and what is logged meanwhile waits for it; WANDB_MODE, if set, decides
    in place of the key, and nothing is logged if it is `disabled`, or if there is no home directory.

    Each section of what is logged has its own in W&B's workspace. W&B's own step only orders the rows, and is the
    slider by which pictures are browsed: every frame begins at a multiple of `STEPS_PER_FRAME`, so that the pictures of
    one frame are at the same step in all runs, however many evaluations they have. Where an agent of a W&B sweep
    started the process, the run is the one that the agent names, in the sweep's project.
    """

    def __init__(
        self,
        directory: str,
        project: str = PROJECT,
        group: str | None = None,
        mode: Literal["auto", "online", "offline"] = "auto",
    ):
        super().__init__()
        self._directory = directory
        self._project = project
        self._group = group
        self._mode = mode
        self._beginning: Future[wandb.Run] | None = None
        self._frame: int | None = None
        self._frames = 0
        self._next_step = 0
        self._recent: deque[tuple[int, dict[str, Any]]] = deque()
        """The rows logged last, by step, media by their files in the run's directory."""
        self._recent_bytes = 0
        self.run_id = secrets.token_hex(4)

    @property
    def _run(self) -> wandb.Run | None:
        """W&B's run, once it has begun; None where nothing is logged."""
        return None if self._beginning is None else self._beginning.result()

    def begin(self) -> None:
        """Begin W&B's run; where it must be online, wait until it is."""
        if self._mode == "auto" and os.environ.get("WANDB_MODE") == "disabled":
            return
        try:
            _check_home()
            _check_settings()
        except wandb.Error as error:
            if not self._may_be_offline:
                raise InputError(
                    f"W&B cannot be used ({_first_line(error)}); choose another logger"
                ) from error
            say(f"W&B cannot be used ({_first_line(error)}); the run is not recorded there", to=sys.stderr)
            return
        beginning = _beginning.submit(self._begin)
        if not self._may_be_offline:
            beginning.result()
        self._beginning = beginning

    @property
    def _may_be_offline(self) -> bool:
        """Whether a run that cannot be online is one all the same; the agent of a sweep waits for the one it named."""
        return self._mode == "auto" and not _in_sweep()

    def _begin(self) -> wandb.Run:
        run = self._begun()
        for axis in ("evaluation", "frame", "pass"):
            run.define_metric(axis, hidden=True, summary="none")
        # no summary: W&B would show the last frame's value besides the means over all frames
        run.define_metric("curve/*", step_metric="evaluation", summary="none")
        run.define_metric("frame/*", step_metric="frame", summary="none")
        run.define_metric("media/*", step_metric="frame")
        # another id where the agent of a sweep started this process and named the run
        self.run_id = run.id
        if run.url:
            say(f"W&B: {run.url}", to=sys.stderr)
        for step, row in self._recent:
            self._send(run, step, row)
        return run

    def _begun(self) -> wandb.Run:
        """W&B's run, offline if that was left to this class and W&B refuses it online."""
        try:
            mode = _possible_mode() if self._mode == "auto" else self._mode
            if mode == "online" and not wandb.login(prompt=False):
                raise wandb.errors.UsageError("no API key is known here")
            return self._init(mode)
        except wandb.Error as error:
            if not self._may_be_offline:
                raise InputError(
                    f"W&B cannot be used online ({_first_line(error)}); log in with `wandb login`, or use "
                    f"logger.wandb.mode=offline"
                ) from error
            say(f"W&B cannot be used ({_first_line(error)}); the run is recorded offline", to=sys.stderr)
            # its service does not give back the id of a run that could not begin
            self.run_id = secrets.token_hex(4)
            return self._init("offline")

    def _init(self, mode: Mode) -> wandb.Run:
        return wandb.init(
            # in a sweep both are set by the sweep, and wandb warns of others
            project=None if _in_sweep() else self._project,
            id=None if _in_sweep() else self.run_id,
            dir=self._directory,
            resume="allow",
            name=self.run_name,
            group=self._group or self.run_group,
            job_type=self.labels["model"],
            tags=[f"{kind}:{label}"[:64] for kind, label in self.labels.items()],
            config={**self.config, **{f"{key}_name": value for key, value in self.labels.items()}},
            mode=mode,
            # runs that are painted at once each have their own, and an unfinished one is not returned again
            reinit="create_new",
            settings=wandb.Settings(
                init_timeout=INIT_TIMEOUT if mode == "online" else LOCAL_TIMEOUT,
                finish_timeout=FINISH_TIMEOUT,
                finish_timeout_raises=True,
                silent=True,
                console="off",  # the streams are those of all runs of this process, and of its progress bar
            ),
        )

    @property
    def name(self) -> str:
        """The project."""
        return self._project

    @property
    def version(self) -> str:
        """The run's id."""
        return self.run_id

    def _log(self, frame: int | None, row: Mapping[str, Any]) -> None:
        """Log a row at an explicit step, so that rows which a resumed run logs again are not recorded twice."""
        if frame != self._frame:
            self._frame, self._next_step = frame, max(self._next_step, self._frames * STEPS_PER_FRAME)
            self._frames += 1
        if (run := self._run) is None:
            return
        self._send(run, self._next_step, row)
        self._recent.append((self._next_step, dict(row)))
        self._recent_bytes += _bytes(row)
        while self._recent_bytes - _bytes(self._recent[0][1]) >= UNCERTAIN:
            self._recent_bytes -= _bytes(self._recent.popleft()[1])
        self._next_step += 1

    def _send(self, run: wandb.Run, step: int, row: Mapping[str, Any]) -> None:
        """Give W&B a row, with the media that it names."""
        media = {name: self._media(file, row) for name, file in row.items() if name.startswith("media/")}
        sent = {name: value for name, value in {**row, **media}.items() if value is not None}
        run.log(sent, step=step, commit=True)

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
        for number, row in self.counted(rows):
            place = {"evaluation": number, "frame": frame, "pass": pass_index}
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
    def log_summary(self, summary: Mapping[str, float]) -> None:
        """Put the run's summary into W&B's, without undefined figures, which W&B would turn into text."""
        if (run := self._run) is not None:
            run.summary.update(defined(summary, "summary"))

    @rank_zero_only
    def finish(self, failed: bool) -> None:
        """End the run, marked as failed or not, after sending or storing what is pending."""
        if (run := self._run) is None:
            return
        try:
            run.finish(exit_code=1 if failed else 0)
        except TimeoutError:
            say(
                f"W&B did not take all of the run within {FINISH_TIMEOUT} seconds; send it again with "
                f"`wandb sync --include-online {run.settings.sync_dir}`",
                to=sys.stderr,
            )

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to continue the same W&B run."""
        return {
            **super().state_dict(),
            "run_id": self.run_id,
            "frame": self._frame,
            "frames": self._frames,
            "next_step": self._next_step,
            "recent": list(self._recent),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        super().load_state_dict(state)
        self.run_id = state["run_id"]
        self._frame, self._frames, self._next_step = state["frame"], state["frames"], state["next_step"]
        # what W&B has not written before a kill is logged again; it takes a step once
        self._recent = deque(state.get("recent", ()))
        self._recent_bytes = sum(_bytes(row) for _, row in self._recent)


def _check_home() -> None:
    try:
        Path.home()
    except RuntimeError as error:
        raise wandb.Error("it needs a home directory, and this user has none: set HOME") from error


def _check_settings() -> None:
    """Raise an `InputError` for settings of the environment, or of W&B's own file, with which it cannot begin."""
    try:
        wandb.setup(wandb.Settings(silent=True))
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
    if os.environ.get("WANDB_MODE", "online") not in ("online", "run"):
        return "offline"
    try:
        return "online" if wandb.login(prompt=False, verify=True) else "offline"
    except wandb.Error as error:
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
