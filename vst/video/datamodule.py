from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from pytorch_lightning import LightningDataModule

from vst.frames import Clip, Frame
from vst.video.loader import FrameLoader
from vst.video.store import FrameStore


class ClipDataModule(LightningDataModule):
    """The clip for Lightning: one loader per pass, which in a resumed run begins where the run stopped."""

    def __init__(self, clip: Clip, kept: FrameStore | None = None, known_cuts: Sequence[int] | None = None):
        super().__init__()
        self.clip = clip
        self.kept = kept
        self.known_cuts = known_cuts
        self.times: dict[int, int] = {}
        """Presentation time of every frame of the stretch that was read so far, by index."""
        self.cuts: set[int] = set()
        """Indices of the frames read so far with which a new shot begins."""
        self.first_pass = 0
        self.first_position = 0

    @property
    def pass_index(self) -> int:
        """The current pass, counted over all parts of a resumed run."""
        return self.first_pass + (self.trainer.current_epoch if self.trainer else 0)

    def train_dataloader(self) -> FrameLoader:
        """The frames of the pass that is about to begin; called at every pass."""
        position = self.first_position if self.pass_index == self.first_pass else 0
        return FrameLoader(
            self.clip, self.pass_index, position, self.kept, self.times, self.cuts, self.known_cuts
        )

    def transfer_batch_to_device(self, batch: Frame, device: torch.device, dataloader_idx: int) -> Frame:
        """Move one frame; only its content is a tensor."""
        return batch.to(device, non_blocking=True)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to know of the frames read so far."""
        return {"times": dict(self.times), "cuts": sorted(self.cuts)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of `state_dict`."""
        self.times = dict(state_dict["times"])
        self.cuts = set(state_dict["cuts"])
