from __future__ import annotations

import sys
import time
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar
from tqdm import tqdm

from vst.commandline import printable
from vst.runs.callbacks.parts import data_of, stylizer_of

SECONDS_BETWEEN_LINES = 10


class Progress(ProgressBar):
    """Shows the run's progress in frames, and the time that remains.

    ```yaml
    progress:
      _target_: vst.runs.callbacks.progress.Progress
    ```
    A run that shares its terminal with others has a `name`; instead of a bar, it then prints a line every ten seconds
    or so, which begins with the name.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__()
        self.name = None if name is None else printable(name)
        self._enabled = True
        self._bar: tqdm | None = None
        self._done = 0

    def disable(self) -> None:
        """Show nothing, as Lightning asks of all processes but the first."""
        self._enabled = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin the bar; a resumed run's begins where the run stopped."""
        data = data_of(trainer)
        passes = data.first_pass + (trainer.max_epochs or 0)
        frames = data.clip.info.frames
        self._frames, self._total = frames, frames * passes
        self._done = data.first_pass * frames + data.first_position
        self._first, self._began, self._printed = self._done, time.monotonic(), 0.0
        self._bar = tqdm(
            total=self._total,
            initial=self._done,
            disable=not self._enabled or self.name is not None,
            file=sys.stderr,
            unit="frame",
            dynamic_ncols=True,
            # in a log file, a line every ten seconds is enough
            mininterval=0.2 if sys.stderr.isatty() else 10,
            bar_format="{desc} {percentage:3.0f}% |{bar}| {elapsed} elapsed, {remaining} left",
        )
        self._describe()
        stylizer_of(pl_module).on_progress = self._advance

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count a frame."""
        self._done += 1
        self._advance(0)
        self._describe()
        if self.name is not None and self._enabled:
            self._print_line()

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the bar, and leave it on the screen."""
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Close the bar, so that the error message has a line of its own."""
        self._close()

    def _advance(self, done: float) -> None:
        if self._bar is not None:
            self._bar.update(self._done + done - self._bar.n)

    def _print_line(self) -> None:
        now = time.monotonic()
        last = self._done == self._total
        if last or now - self._printed >= SECONDS_BETWEEN_LINES:
            self._printed = now
            elapsed = now - self._began
            left = elapsed / (self._done - self._first) * (self._total - self._done)
            times = f"{tqdm.format_interval(elapsed)} elapsed, {tqdm.format_interval(left)} left"
            # in one write, so that lines of other runs cannot come between
            sys.stderr.write(f"{self.name}: frame {self._done}/{self._total}, {times}\n")

    def _describe(self) -> None:
        if self._bar is not None:
            frame = min(self._done + 1, self._total)
            self._bar.set_description_str(f"frame {frame}/{self._total}", refresh=False)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
