from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from PIL import Image
from pytorch_lightning.loggers import TensorBoardLogger

from vst.runs.loggers.media import MediaLogger, check_installed, defined

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

CLIP_FRAMES = 100
"""The most frames of the painted clip that are shown, from its beginning: they are sent to the browser all at once."""

CLIP_SIZE = 320
"""The most pixels of their longer side."""


class TensorBoardRun(MediaLogger):
    """A run in TensorBoard, by Lightning's logger; `tensorboard --logdir outputs` shows all runs below a directory.

    ```yaml
    tensorboard:
      _target_: vst.runs.loggers.tensorboard.TensorBoardRun
      directory: ${paths.run}/tensorboard
    ```
    The event files are in the run's directory. A resumed run cuts them back to its checkpoint, so that nothing is in
    them twice. The means stand beside the options under HPARAMS. TensorBoard shows no video: the clip is an animated
    PNG of its first frames, which has no dithering, and so no flicker of its own, as a GIF would.
    """

    def __init__(self, directory: str):
        check_installed("tensorboard", "tensorboard", "tensorboard")
        super().__init__()
        self._logger = _Logger(directory, name=None, version="", default_hp_metric=False)

    @property
    def name(self) -> str:
        """None: the run's directory tells it from others."""
        return ""

    @property
    def version(self) -> str:
        """None, either."""
        return ""

    @property
    def writer(self) -> SummaryWriter:
        """TensorBoard's writer."""
        return self._logger.experiment

    def begin(self) -> None:
        """Begin an event file; a resumed run has had its name in an earlier one."""
        resumed = bool(self._files())
        self._logger.log_hyperparams(self.config)
        if not resumed:
            self.writer.add_text("run", f"{self.run_name} ({self.run_group})", 0)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log one frame's figures; `step` is the frame."""
        self._logger.log_metrics(defined(metrics, "frame"), step)

    def log_curve(self, frame: int, pass_index: int, rows: Iterable[Mapping[str, float]]) -> None:
        """Log one frame's losses against the number of the evaluation in the run."""
        for number, row in self.counted(rows):
            self._logger.log_metrics(defined(row, "curve"), number)

    def log_image(self, key: str, path: Path, frame: int) -> None:
        """Log a picture as it is in its file."""
        with Image.open(path) as picture:
            self._show(key, path.read_bytes(), picture.size, frame)

    def log_video(self, key: str, path: Path) -> None:
        """Log the beginning of a clip."""
        with av.open(str(path)) as clip:
            stream = clip.streams.video[0]
            scale = min(1, CLIP_SIZE / max(stream.width, stream.height))
            size = max(1, round(stream.width * scale)), max(1, round(stream.height * scale))
            shown = [
                frame.to_image(width=size[0], height=size[1])
                for frame in islice(clip.decode(stream), CLIP_FRAMES)
            ]
            milliseconds = round(1000 / stream.average_rate) if stream.average_rate else 40
        file = BytesIO()
        shown[0].save(file, "PNG", save_all=True, append_images=shown[1:], duration=milliseconds, loop=0)
        self._show(key, file.getvalue(), size, 0)

    def _show(self, key: str, png: bytes, size: tuple[int, int], step: int) -> None:
        from tensorboard.compat.proto import summary_pb2

        proto: Any = summary_pb2  # whose classes are made when it is imported
        picture = proto.Summary.Image(encoded_image_string=png, width=size[0], height=size[1], colorspace=3)
        summary = proto.Summary(value=[proto.Summary.Value(tag=f"media/{key}", image=picture)])
        self.writer._get_file_writer().add_summary(summary, step)

    def log_summary(self, summary: Mapping[str, float]) -> None:
        """Log the means, beside the options."""
        self._logger.log_hyperparams(self.config, defined(summary, "summary"))

    def finish(self, failed: bool) -> None:
        """Close the event file, which has no place for how the run ended."""
        self._logger.finalize("failed" if failed else "success")

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs: how long each event file is, with all that was logged in it."""
        self.writer.flush()
        return {**super().state_dict(), "sizes": {file.name: file.stat().st_size for file in self._files()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Cut the event files back to what they were."""
        super().load_state_dict(state)
        for file in self._files():
            if (size := state["sizes"].get(file.name)) is None:
                file.unlink()
            elif size < file.stat().st_size:
                os.truncate(file, size)

    def _files(self) -> list[Path]:
        """The event files; what a link leads to is not the run's."""
        files = Path(self._logger.log_dir).glob("events.out.tfevents.*")
        return [file for file in files if file.is_file() and not file.is_symlink()]


class _Logger(TensorBoardLogger):
    """Lightning's, with the folder as it is given: it would put variables of the environment into the name."""

    @property
    def log_dir(self) -> str:
        """The folder of the event files."""
        return self.root_dir
