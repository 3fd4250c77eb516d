"""All metrics of a clip, frame by frame as it is painted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from vst.metrics import catalogue
from vst.metrics.ghosting import frame_ghosting
from vst.metrics.motion import Motion, Truth
from vst.metrics.newly_legible import came_into_view, newly_legible
from vst.metrics.newly_painted import newly_painted
from vst.metrics.repainted import repainted
from vst.metrics.residual import residual_correlation, residual_mse
from vst.metrics.strokes_kept import followed_energy, stroke_energy
from vst.metrics.temporal import flicker, root_warping_error, still_mask, warping_error

METRICS = tuple(metric.key for metric in catalogue.METRICS if metric.clip)
"""What `ClipMetrics` measures for a frame, in this order."""

ROOTS = {"warping_error_root": "warping_error", "warping_error_long_root": "warping_error_long"}
"""Further values of its summary: the square roots of means."""


@dataclass(frozen=True)
class FrameMotion:
    """The motion that a frame's metrics rely on: back to the frame before, and `interval` frames back; None across a
    cut, or where the shot is too young."""

    step: Motion | None = None
    long: Motion | None = None


class ClipMotion:
    """The motion of a clip, frame by frame, by its content alone: it can be computed before the clip is painted."""

    def __init__(self, truth: Truth, interval: int):
        self.truth = truth
        self._kept: deque[Tensor] = deque(maxlen=interval)

    def next(self, content: Tensor, index: int, cut: bool = False) -> FrameMotion:
        """Take the next frame, as `ClipMetrics.update` does."""
        motion = FrameMotion()
        if self._kept and not cut:
            long = len(self._kept) == self._kept.maxlen
            motion = FrameMotion(
                self.truth(content, self._kept[-1], index, 1),
                self.truth(content, self._kept[0], index, len(self._kept)) if long else None,
            )
        self.recall(content, cut)
        return motion

    def recall(self, content: Tensor, cut: bool = False) -> None:
        """Take a frame without its motion."""
        if cut:
            self._kept.clear()
        self._kept.append(content)


class ClipMetrics:
    """Evaluates a clip frame by frame, and keeps no more than `interval` frames of it.

    Lanes are paintings of the same clip, evaluated side by side. `truth` gives the motion; `interval` is the
    distance in frames of the long warping error.
    """

    def __init__(self, truth: Truth, interval: int = 10):
        if interval < 1:
            raise ValueError(f"the long interval is {interval} frames, but must be at least 1")
        self.interval = interval
        self.motion = ClipMotion(truth, interval)
        self._kept: deque[tuple[Tensor, Tensor]] = deque(maxlen=interval)
        self._index: int | None = None
        self.painted_energy: Tensor | None = None
        """The energy that strokes had where they came into view, at the pixels of the last frame: to be restored after
        `recall`."""
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, Tensor] = {}

    def update(
        self,
        content: Tensor,
        stylized: Tensor,
        index: int,
        cut: bool = False,
        motion: FrameMotion | None = None,
    ) -> dict[str, Tensor]:
        """Take the next frame, and return its metrics by name, (L,) each, NaN where undefined.

        `content` is V[i], (1, 3, H, W), `stylized` V'[i], (L, 3, H, W), both in [0, 1]; `index` is the
        frame's number in the clip, one more than the last, and `cut` is True if a new shot begins with it. `motion`
        is what `self.motion` returned for this frame, if it was asked ahead.
        The first frame has no metrics; across a cut only that of ghosting there is defined, over the whole frame;
        the long warping error needs `interval` frames of the same shot before it. Values are float64 on the CPU.
        """
        if self._index is not None and index != self._index + 1:
            raise ValueError(f"frame {index} does not follow frame {self._index}")
        motion = motion or self.motion.next(content, index, cut)
        values: dict[str, Tensor] = {}
        if self._kept:
            values = (
                self._across_cut(content, stylized) if cut else self._within_shot(content, stylized, motion)
            )
        else:
            self.painted_energy = stroke_energy(stylized)
        self._keep(content, stylized, index, cut)
        undefined = torch.full((len(stylized),), torch.nan, dtype=torch.float64)
        row = {name: values[name].cpu() if name in values else undefined for name in METRICS}
        self._count(row)
        return row

    def recall(self, content: Tensor, stylized: Tensor, index: int, cut: bool = False) -> None:
        """Take a frame that was evaluated before an interruption, so that the next ones are unaffected by it.

        After the last of them, `painted_energy` is to be set to what it was.
        """
        self.motion.recall(content, cut)
        self._keep(content, stylized, index, cut)

    def _keep(self, content: Tensor, stylized: Tensor, index: int, cut: bool) -> None:
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
        self.painted_energy = stroke_energy(stylized)
        return {"ghosting_at_cut": frame_ghosting(stylized, previous, content, previous_content, None)}

    def _within_shot(self, content: Tensor, stylized: Tensor, motion: FrameMotion) -> dict[str, Tensor]:
        assert motion.step is not None
        lanes = len(stylized)
        previous_content, previous = self._kept[-1]
        flow, trust = motion.step.flow, motion.step.trust
        still = still_mask(content, previous_content, flow, trust).expand(lanes, -1, -1, -1)
        new = came_into_view(content, previous_content, motion.step).expand(lanes, -1, -1, -1)
        flow, trust, revealed = (part.expand(lanes, -1, -1, -1) for part in motion.step)
        content, previous_content = content.expand_as(stylized), previous_content.expand_as(stylized)
        before = stroke_energy(previous) if self.painted_energy is None else self.painted_energy
        kept, self.painted_energy = followed_energy(stroke_energy(stylized), before, flow, revealed)
        values = {
            "warping_error": warping_error(stylized, previous, flow, trust),
            "warping_floor": warping_error(content, previous_content, flow, trust),
            "judged": trust.double().flatten(1).mean(1),
            "repainted": repainted(stylized, previous, flow, trust),
            "strokes_kept": kept,
            "residual_mse": residual_mse(stylized, previous, content, previous_content),
            "residual_correlation": residual_correlation(stylized, previous, content, previous_content),
            "flicker": flicker(stylized, previous, still),
            "ghosting": frame_ghosting(stylized, previous, content, previous_content, motion.step),
            "newly_painted": newly_painted(stylized, content, revealed),
            "newly_legible": newly_legible(stylized, content, new),
        }
        if motion.long is not None:
            flow, trust, revealed = (part.expand(lanes, -1, -1, -1) for part in motion.long)
            earlier_content, earlier = self._kept[0]
            # what a slow motion reveals at once is too narrow for strokes and shapes; what it has revealed since is not
            if values["newly_painted"].isnan().all():
                values["newly_painted"] = newly_painted(stylized, content, revealed)
            if values["newly_legible"].isnan().all():
                new = came_into_view(content[:1], earlier_content, motion.long).expand(lanes, -1, -1, -1)
                values["newly_legible"] = newly_legible(stylized, content, new)
            values["warping_error_long"] = warping_error(stylized, earlier, flow, trust)
            values["warping_floor_long"] = warping_error(
                content, earlier_content.expand_as(stylized), flow, trust
            )
        return values

    def _count(self, row: dict[str, Tensor]) -> None:
        for name, values in row.items():
            none = torch.zeros_like(values)
            self._sums[name] = self._sums.get(name, none) + values.nan_to_num(nan=0)
            self._counts[name] = self._counts.get(name, none) + values.isfinite()
