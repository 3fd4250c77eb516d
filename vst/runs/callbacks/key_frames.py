from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from vst.bounds import Place, Scale
from vst.runs.callbacks.parts import behind, data_of, last_pass, stylized_of
from vst.runs.loggers.media import media_loggers
from vst.runs.pictures import Picture, key_frame_sheet, residual_sheet
from vst.video.store import save_png

Images = tuple[Tensor, Tensor]
"""A content frame and its painting, (1, 3, H, W) each."""


class Sheets(Callback, ABC):
    """Pictures of some frames, evenly spread over the clip, written as PNG and sent to the loggers.

    Each pass overwrites them; the loggers, which cannot replace what they have received, get only the last pass's.
    """

    key: str

    def __init__(self, directory: str, count: Place):
        self.directory = Path(directory)
        self.count = count
        self._indices: frozenset[int] = frozenset()

    @abstractmethod
    def draw(self, content: Tensor, painted: Tensor, before: Images | None) -> Picture | None:
        """The picture of one frame, by its images and those `before` it, or None where there is none."""

    def write(self, index: int, content: Tensor, painted: Tensor, before: Images | None) -> Path | None:
        """Draw one frame's picture, write it, and return where it is; None where there is none."""
        picture, path = self.draw(content, painted, before), self.directory / f"{self.key}_{index:06d}.png"
        path.unlink(missing_ok=True)
        if picture is None:
            return None
        save_png(path, picture)
        return path

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Choose the frames, and create the folder for the pictures."""
        self.directory.mkdir(parents=True, exist_ok=True)
        frames = data_of(trainer).clip.info.frames
        self._indices = self.choose(frames)

    def choose(self, frames: int) -> frozenset[int]:
        """The indices of `count` evenly spread frames, the first and the last included."""
        spread = np.linspace(0, frames - 1, min(self.count, frames))
        return frozenset(int(index) for index in spread.round())

    @behind
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Draw the frame if it was chosen."""
        stylized = stylized_of(outputs)
        index = stylized.frame.index
        if index not in self._indices:
            return
        neighbour = stylized.neighbour
        before = None if neighbour is None else (neighbour.content, neighbour.stylized)
        written = self.write(index, stylized.frame.content, stylized.image, before)
        if written is not None:
            loggers = media_loggers(trainer) if stylized.frame.pass_index == last_pass(trainer) else []
            for logger in loggers:
                logger.log_image(self.key, written, index)


class KeyFrames(Sheets):
    """Draws key frames, the content beside the painting.

    ```yaml
    key_frames:
      _target_: vst.runs.callbacks.key_frames.KeyFrames
      directory: ${paths.run}/keyframes
      count: 6
    ```
    """

    key = "keyframe"

    def __init__(self, directory: str, count: Place = 6):
        super().__init__(directory, count)

    def draw(self, content: Tensor, painted: Tensor, before: Images | None) -> Picture | None:
        """Content | painted."""
        return key_frame_sheet(content, painted)


class Residuals(Sheets):
    """Draws residual images, |V[i] − V[i-1]| beside |V'[i] − V'[i-1]|, on one scale for all frames and runs.

    ```yaml
    residuals:
      _target_: vst.runs.callbacks.key_frames.Residuals
      directory: ${paths.run}/keyframes
      count: 6
      scale: 0.25   # of the range of pixels, [0, 1]
    ```
    """

    key = "residual"

    def __init__(self, directory: str, count: Place = 6, scale: Scale = 0.25):
        super().__init__(directory, count)
        self.scale = scale

    def choose(self, frames: int) -> frozenset[int]:
        """As for key frames, with frame 1 instead of 0, and the last but one added.

        Frame 0 has no frame before it, and in a backward pass, neither has the last.
        """
        inner = super().choose(frames) - {0, frames - 1}
        return inner | {min(1, frames - 1), max(frames - 2, 0), frames - 1}

    def draw(self, content: Tensor, painted: Tensor, before: Images | None) -> Picture | None:
        """The change from the frame painted just before; none for the first frame of a pass."""
        return None if before is None else residual_sheet(content, before[0], painted, before[1], self.scale)
