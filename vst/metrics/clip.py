"""All metrics of a clip, frame by frame as it is painted."""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor

from vst.metrics import catalogue
from vst.metrics.ghosting import ghost_region, ghosting
from vst.metrics.motion import Truth
from vst.metrics.residual import residual_correlation, residual_mse
from vst.metrics.temporal import flicker, root_warping_error, still_mask, warping_error
from vst.metrics.unpainted import unpainted

METRICS = tuple(metric.key for metric in catalogue.METRICS if metric.clip)
"""What `ClipMetrics` measures for a frame, in this order."""

ROOTS = {"warping_error_root": "warping_error", "warping_error_long_root": "warping_error_long"}
"""Further values of its summary: the square roots of means."""


class ClipMetrics:
    """Evaluates a clip frame by frame, and keeps no more than `interval` frames of it.

    Lanes are paintings of the same clip, evaluated side by side. `truth` gives the motion; `interval` is the
    distance in frames of the long warping error.
    """

    def __init__(self, truth: Truth, interval: int = 10):
        if interval < 1:
            raise ValueError(f"the long interval is {interval} frames, but must be at least 1")
        self.truth = truth
        self.interval = interval
        self._kept: deque[tuple[Tensor, Tensor]] = deque(maxlen=interval)
        self._index: int | None = None
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, Tensor] = {}

    def update(self, content: Tensor, stylized: Tensor, index: int, cut: bool = False) -> dict[str, Tensor]:
        """Take the next frame, and return its metrics by name, (L,) each, NaN where undefined.

        `content` is V[i], (1, 3, H, W), `stylized` V'[i], (L, 3, H, W), both in [0, 1]; `index` is the
        frame's number in the clip, one more than the last, and `cut` is True if a new shot begins with it.
        The first frame has no metrics; across a cut only ghosting is defined, measured over the whole frame;
        the long warping error needs `interval` frames of the same shot before it. Values are float64 on the CPU.
        """
        if self._index is not None and index != self._index + 1:
            raise ValueError(f"frame {index} does not follow frame {self._index}")
        values: dict[str, Tensor] = {}
        if self._kept:
            values = (
                self._across_cut(content, stylized) if cut else self._within_shot(content, stylized, index)
            )
        self.recall(content, stylized, index, cut)
        undefined = torch.full((len(stylized),), torch.nan, dtype=torch.float64)
        row = {name: values[name].cpu() if name in values else undefined for name in METRICS}
        self._count(row)
        return row

    def recall(self, content: Tensor, stylized: Tensor, index: int, cut: bool = False) -> None:
        """Take a frame that was evaluated before an interruption, so that the next ones are unaffected by it."""
        if cut:
            self._kept.clear()
        self._kept.append((content, stylized))
        self._index = index

    def summary(self) -> dict[str, Tensor]:
        """Mean of each metric over the frames where it is defined, and `ROOTS`, (L,) each; NaN if there are none."""
        means = {name: total / self._counts[name] for name, total in self._sums.items()}
        return {**means, **{root: root_warping_error(means[name]) for root, name in ROOTS.items() if means}}

    def _across_cut(self, content: Tensor, stylized: Tensor) -> dict[str, Tensor]:
        previous_content, previous = self._kept[-1]
        everywhere = torch.ones_like(stylized[:, :1])
        sources = content.expand_as(stylized), previous_content.expand_as(stylized)
        return {"ghosting": ghosting(stylized, previous, *sources, everywhere)}

    def _within_shot(self, content: Tensor, stylized: Tensor, index: int) -> dict[str, Tensor]:
        lanes = len(stylized)
        previous_content, previous = self._kept[-1]
        motion = self.truth(content, previous_content, index, 1)
        still = still_mask(content, previous_content, motion.flow, motion.trust).expand(lanes, -1, -1, -1)
        flow, trust, revealed = (part.expand(lanes, -1, -1, -1) for part in motion)
        content, previous_content = content.expand_as(stylized), previous_content.expand_as(stylized)
        values = {
            "warping_error": warping_error(stylized, previous, flow, trust),
            "residual_mse": residual_mse(stylized, previous, content, previous_content),
            "residual_correlation": residual_correlation(stylized, previous, content, previous_content),
            "flicker": flicker(stylized, previous, still),
            "ghosting": ghosting(stylized, previous, content, previous_content, ghost_region(flow, revealed)),
            "unpainted": unpainted(stylized, content, revealed),
        }
        if len(self._kept) == self.interval:
            values["warping_error_long"] = self._long(content[:1], stylized, index)
        return values

    def _long(self, content: Tensor, stylized: Tensor, index: int) -> Tensor:
        earlier_content, earlier = self._kept[0]
        motion = self.truth(content, earlier_content, index, self.interval)
        flow, trust = (part.expand(len(stylized), -1, -1, -1) for part in (motion.flow, motion.trust))
        return warping_error(stylized, earlier, flow, trust)

    def _count(self, row: dict[str, Tensor]) -> None:
        for name, values in row.items():
            none = torch.zeros_like(values)
            self._sums[name] = self._sums.get(name, none) + values.nan_to_num(nan=0)
            self._counts[name] = self._counts.get(name, none) + values.isfinite()
