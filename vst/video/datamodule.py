from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from pytorch_lightning import LightningDataModule

from vst.frames import Clip, Frame
from vst.video.ahead import Ahead
from vst.video.loader import FrameLoader
from vst.video.store import FrameStore

FRAMES_AHEAD = 2
"""How many frames are read and prepared before the one that is being painted is done, and one more in the making."""


class Batch(Protocol):
    """What is prepared of a frame."""

    @property
    def frame(self) -> Frame:
        """The frame."""
        ...


Prepare = Callable[[Iterator[Frame]], Iterator[Batch]]


class ClipDataModule(LightningDataModule):
    """The clip for Lightning: one loader per pass, which in a resumed run begins where the run stopped.

    `prepare` makes a batch of each frame. Both reading and preparing happen in a thread of their own, `frames_ahead` of
    the painting; with 0, once the painting asks for the next frame.
    """

    def __init__(
        self,
        clip: Clip,
        prepare: Prepare,
        kept: FrameStore | None = None,
        known_cuts: Sequence[int] | None = None,
    ):
        super().__init__()
        self.clip = clip
        self.prepare = prepare
        self.kept = kept
        self.known_cuts = known_cuts
        self.times: dict[int, int] = {}
        """Presentation time of every frame of the stretch that was painted or begun, by index."""
        self.cuts: set[int] = set()
        """Indices of those with which a new shot begins."""
        self.first_pass = 0
        self.first_position = 0
        self.frames_ahead = FRAMES_AHEAD
        self._loader: PreparedFrames | None = None

    @property
    def pass_index(self) -> int:
        """The current pass, counted over all parts of a resumed run."""
        return self.first_pass + (self.trainer.current_epoch if self.trainer else 0)

    def train_dataloader(self) -> PreparedFrames:
        """The frames of the pass that is about to begin; called at every pass."""
        self.close()
        position = self.first_position if self.pass_index == self.first_pass else 0
        loader = FrameLoader(
            self.clip, self.pass_index, position, self.kept, self.times, self.cuts, self.known_cuts
        )
        self._loader = PreparedFrames(loader, self.prepare, self._begun, self.frames_ahead)
        return self._loader

    def _begun(self, frame: Frame) -> None:
        self.times[frame.index] = frame.pts
        if frame.cut:
            self.cuts.add(frame.index)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Nothing to do: it was prepared there."""
        return batch

    def close(self) -> None:
        """End the thread that reads ahead, if there is one."""
        if self._loader is not None:
            self._loader.close()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to know of the frames read so far."""
        return {"times": dict(self.times), "cuts": sorted(self.cuts)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        self.times = dict(state_dict["times"])
        self.cuts = set(state_dict["cuts"])


class PreparedFrames:
    """A loader's frames, prepared `depth` ahead, or when asked for; `begun` is told of each about to be painted."""

    def __init__(self, loader: FrameLoader, prepare: Prepare, begun: Callable[[Frame], None], depth: int):
        self._loader, self._prepare, self._begun, self._depth = loader, prepare, begun, depth
        self._ahead: Ahead[Batch] | None = None

    def __len__(self) -> int:
        """How many frames are left in this pass."""
        return len(self._loader)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the frames in the order in which the pass paints them."""
        prepared = self._prepare(iter(self._loader))
        if self._depth:
            prepared = self._ahead = Ahead(prepared, self._depth)
        for batch in prepared:
            self._begun(batch.frame)
            yield batch

    def close(self) -> None:
        """End the thread."""
        if self._ahead is not None:
            self._ahead.close()
