"""The metrics of a run: their names, and which of two values is better."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A metric of a run: `best` is its ideal value, −inf where lower and inf where higher is better.

    `best` is None if the metric does not judge a run. `unit` is empty for none. `main` metrics are always in the
    table, the others on demand; those `along` the clip have a value per frame. `clip` marks those that
    `ClipMetrics` measures on a painted clip.
    """

    key: str
    title: str
    meaning: str
    best: float | None = -math.inf
    unit: str = ""
    main: bool = True
    along: bool = True
    clip: bool = False

    def distance(self, value: float) -> float:
        """Distance of a value from the best: smaller is better."""
        if self.best is None:
            raise ValueError(f"{self.key} does not judge a run")
        if math.isinf(self.best):
            return value if self.best < 0 else -value
        return abs(value - self.best)

    @property
    def direction(self) -> str:
        """Which values are better, in words; empty if the metric does not judge a run."""
        if self.best is None:
            return ""
        words = {-math.inf: "lower is better", math.inf: "higher is better"}
        return words.get(self.best, f"best at {self.best:g}")

    @property
    def axis(self) -> str:
        """The label of its axis: title, unit, and which values are better."""
        remarks = "; ".join(filter(None, (self.unit or "no unit", self.direction)))
        return f"{self.title} ({remarks})"


METRICS = (
    # coherence, then its cost, then the rest
    Metric(
        "warping_error",
        "warping error",
        "MSE of a painted frame and the one before it, moved along the motion",
        clip=True,
    ),
    Metric("warping_error_long", "long warping error", "the same over a longer interval", clip=True),
    Metric(
        "repainted",
        "strokes repainted",
        "share of the strokes that is painted anew from frame to frame, whatever their contrast and size",
        clip=True,
    ),
    Metric(
        "strokes_kept",
        "strokes kept",
        "energy of strokes that were followed since they came into view, relative to then",
        1.0,
        clip=True,
    ),
    Metric("style", "style loss", "L_style, before its weight"),
    Metric("content", "content loss", "L_content, before its weight"),
    Metric("seconds", "time a frame", "mean, on the run's own machine", unit="s"),
    Metric(
        "residual_mse", "residual MSE", "between the frame-to-frame changes of painting and clip", clip=True
    ),
    Metric(
        "residual_correlation",
        "residual correlation",
        "of the frame-to-frame changes of painting and clip",
        math.inf,
        clip=True,
    ),
    Metric("flicker", "flicker", "mean change where the clip is still", clip=True),
    Metric(
        "ghosting",
        "ghosting",
        "traces of the previous frame in fast motion, and in what it uncovers",
        0.0,
        clip=True,
    ),
    Metric(
        "ghosting_at_cut",
        "ghosting at a cut",
        "traces of the last shot in the first frame of the next",
        0.0,
        clip=True,
    ),
    Metric(
        "newly_painted",
        "newly visible strokes",
        "amplitude of strokes in what came into view, relative to other places of the frame",
        1.0,
        clip=True,
    ),
    Metric(
        "newly_legible",
        "newly visible content",
        "how well what came into view is recognised in its painting, relative to the rest of the frame",
        1.0,
        clip=True,
    ),
    Metric(
        "warping_floor",
        "content's warping error",
        "of the clip itself, along the same motion: no painting that shows it can be asked for less",
        None,
        main=False,
        clip=True,
    ),
    Metric(
        "warping_floor_long",
        "content's long warping error",
        "the same over a longer interval",
        None,
        main=False,
        clip=True,
    ),
    Metric(
        "judged",
        "judged pixels",
        "share of the pixels whose motion is trusted, and so counted",
        None,
        main=False,
        clip=True,
    ),
    Metric(
        "coherence",
        "coherence",
        "L_coherence of the run's own model; not comparable between models",
        None,
        main=False,
    ),
    Metric("total", "total loss", "L_total; comparable at equal weights and models only", None, main=False),
    Metric("seconds_total", "total time", "of all frames and passes", None, "s", main=False, along=False),
    Metric("evaluations", "evaluations a frame", "of the objective, mean", None, main=False),
    Metric(
        "cost",
        "evaluations at full size",
        "evaluations a frame, those of smaller scales counted by their area",
        None,
        main=False,
    ),
    Metric(
        "frames_not_finished",
        "unfinished frames",
        "whose minimisation did not end as planned",
        None,
        main=False,
        along=False,
    ),
)
BY_KEY = {metric.key: metric for metric in METRICS}
