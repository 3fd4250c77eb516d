from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vst.flow.estimators import FlowEstimator
from vst.frames import Frame
from vst.video.store import save_array


class FlowStore:
    """Flows between frames of a clip, stored on disk without loss, so that later passes do not estimate them again."""

    def __init__(self, directory: Path):
        self.directory = directory

    def between(self, frame: Frame, other: Frame, estimator: FlowEstimator) -> FlowEstimator:
        """The estimator for two frames, given their contents: it estimates each direction once, in any order."""
        return _Stored(self.directory, frame, other, estimator)


@dataclass(frozen=True)
class _Stored:
    directory: Path
    frame: Frame
    other: Frame
    estimator: FlowEstimator

    @property
    def name(self) -> str:
        """The estimator's."""
        return self.estimator.name

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """The stored flow, or a new one, which is stored."""
        forward = first is self.frame.content
        ends = (self.frame, self.other) if forward else (self.other, self.frame)
        path = self.directory / "-".join(f"{end.index:06d}" for end in ends)
        path = path.with_suffix(".npy")
        if path.is_file():
            return torch.from_numpy(np.load(path, allow_pickle=False)).to(first)
        flow = self.estimator(first, second)
        save_array(path, flow.cpu().numpy())
        return flow
