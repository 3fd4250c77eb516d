from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from pytorch_lightning import Callback, LightningModule, Trainer

from vst.commandline import say
from vst.files import Damaged
from vst.frames import ClipInfo
from vst.runs.callbacks.parts import behind, data_of, stylized_of, stylizer_of
from vst.runs.directory import clip_paths, frame_path
from vst.runs.loggers.media import media_loggers
from vst.video.codecs import Codec, CodecName
from vst.video.store import load_frames, save_png, transparent
from vst.video.writer import write_video


class VideoWriter(Callback):
    """Writes every painted frame as PNG, and the painted clip when the run ends or stops.

    ```yaml
    video_writer:
      _target_: vst.runs.callbacks.video_writer.VideoWriter
      directory: ${paths.run}
      codec: prores   # of a second clip, beside the one that browsers play
    ```
    Where the source is transparent, the frames are, and so is a clip whose codec can be. A later pass overwrites the
    frames of an earlier one, so that an interrupted run has the newest of each.
    """

    def __init__(self, directory: str, codec: CodecName = "h264"):
        self.directory = Path(directory)
        self.clips = clip_paths(self.directory, codec)

    @behind
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write one frame."""
        frame, image = stylized_of(outputs).frame, stylized_of(outputs).image
        whole = image if frame.opacity is None else transparent(image, frame.opacity)
        save_png(self._frame(frame.index), whole)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Create the folder for the frames."""
        (self.directory / "frames").mkdir(parents=True, exist_ok=True)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the painted clip."""
        self._write_clips(trainer)
        for logger in media_loggers(trainer):
            logger.log_video("stylized", self.directory / "stylized.mp4")

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write a clip of the frames painted so far."""
        stylizer_of(pl_module).behind.settle()
        self._write_clips(trainer)

    def check(self, frames: int, clip: ClipInfo) -> None:
        """Raise `Damaged` where one of the first `frames` frames, which were painted, is missing or damaged."""
        for index in range(frames):
            if not _is_whole(self._frame(index), (clip.width, clip.height)):
                raise Damaged(self._frame(index))

    def write_missing(self, clip: ClipInfo, times: Mapping[int, int]) -> None:
        """Write those clips of a finished run that are not there; `times` are those of its frames, by index."""
        missing = {path: codec for path, codec in self.clips.items() if not path.is_file()}
        self._write(missing, clip, times)

    def _write_clips(self, trainer: Trainer) -> None:
        datamodule = data_of(trainer)
        if self._frame(0).is_file() and 0 in datamodule.times:
            self._write(self.clips, datamodule.clip.info, datamodule.times)

    def _write(self, clips: Mapping[Path, Codec], info: ClipInfo, times: Mapping[int, int]) -> None:
        painted = list(self._painted(info.frames, times))
        for path, codec in clips.items():
            written = write_video(path, load_frames(painted, codec), info, codec)
            if written.sound.startswith("left out"):
                say(f"the painted clip has no sound: {written.sound}", to=sys.stderr)

    def _painted(self, frames: int, times: Mapping[int, int]) -> Iterator[tuple[Path, int]]:
        """The painted frames and their times, in the order in which they are shown, up to the first that is missing."""
        for index in range(frames):
            # if the run was killed between a frame's picture and its checkpoint, it is painted again, and not shown yet
            if index not in times or not self._frame(index).is_file():
                return
            yield self._frame(index), times[index]

    def _frame(self, index: int) -> Path:
        return frame_path(self.directory, index)


def _is_whole(path: Path, size: tuple[int, int]) -> bool:
    """Whether a file is an undamaged PNG of this (width, height): other formats have no checksums."""
    try:
        # a pipe would be waited for
        if not path.is_file():
            return False
        with Image.open(path, formats=["PNG"]) as picture:
            picture.verify()
            return picture.size == size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
