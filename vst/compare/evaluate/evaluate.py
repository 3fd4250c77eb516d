"""Computes the figures of painted clips, in one pass over all clips at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vst.compare.evaluate.fitting import Picture, fit, fitting_note
from vst.compare.evaluate.losses import PaperLosses, open_losses
from vst.compare.evaluate.request import Request
from vst.compare.evaluate.sources import ClipPart, SceneFrames, Source, open_source
from vst.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from vst.metrics.motion import Truth
    from vst.synthetic.scene import Scene

SCENES = ("talk", "anime", "battle")

INTERVAL = 10
"""Distance in frames of the long warping error."""


def evaluate(request: Request) -> dict[str, Any]:
    """Evaluate all painted clips: what was compared, and a summary and the rows of each clip.

    Raises `InputError` where clips cannot be read or do not fit each other.
    """
    scene = None
    if request.content in SCENES:
        painted = [open_source(name) for name in request.stylized]
        scene = _scene(request, painted[0])
        content: Source = SceneFrames(scene, request.start)
    else:
        content = _requested_content(request)
        painted = [open_source(name) for name in request.stylized]
    for name, source in zip(request.stylized, painted, strict=True):
        if source.count != content.count:
            raise InputError(
                f"{name} has {source.count} frames and the content {content.count}; "
                f"name the part that was painted with start and frames"
            )
    if content.count < 2 and request.style is None:
        raise InputError("a single frame has no motion to measure; give more frames, or a style")
    known = scene.cuts if scene is not None and request.cuts is None else request.cuts
    _check_cuts(request, content.count)
    losses = open_losses(request, content.sizes)
    truth = _truth(request, scene)
    rows, summaries, cuts = _measure(content, painted, truth, request.start, known, losses)
    return {
        "content": request.content,
        "frames": content.count,
        "size": [content.sizes[1], content.sizes[0]],
        "start": request.start,
        "cuts": cuts,
        "motion": truth.name,
        "interval": INTERVAL,
        "style": request.style,
        "systems": [
            {
                "stylized": name,
                "note": fitting_note(source.sizes, content.sizes),
                "summary": summary,
                "frames": own,
            }
            for name, source, summary, own in zip(request.stylized, painted, summaries, rows, strict=True)
        ],
    }


def _measure(
    content: Source,
    painted: Sequence[Source],
    truth: Truth,
    start: int,
    known_cuts: Sequence[int] | None,
    losses: PaperLosses | None,
) -> tuple[list[list[dict[str, Any]]], list[dict[str, float]], list[int]]:
    """Measure all clips in one pass: return the rows and the summary of each painted clip, and the cuts."""
    import torch
    from tqdm import tqdm

    from vst.frames import Frame
    from vst.metrics.clip import ClipMetrics
    from vst.video.cuts import CutDetector, mark_cuts

    metrics = ClipMetrics(truth, INTERVAL)
    rows: list[list[dict[str, Any]]] = [[] for _ in painted]
    cuts: list[int] = []
    sources = enumerate(content.pictures(), start)
    frames = (Frame(_tensor([picture]), index - start, index, index) for index, picture in sources)
    marked = mark_cuts(frames, CutDetector(), known_cuts)
    streams = zip(marked, *(source.pictures() for source in painted), strict=True)
    with torch.no_grad():
        for (frame, begins), *paintings in tqdm(streams, total=content.count, disable=None):
            stylized = _tensor([fit(picture, content.sizes) for picture in paintings])
            index = frame.source_index
            # the first frame has none before it, so it is not a cut
            if cut := begins and frame.index > 0:
                cuts.append(index)
            values = metrics.update(frame.content, stylized, index, cut=cut)
            if losses is not None:
                values = {**values, **losses(frame.content, stylized)}
            for number, own in enumerate(rows):
                own.append({"frame": index, **{name: float(value[number]) for name, value in values.items()}})
    means = metrics.summary()
    summaries = [
        {name: float(values[number]) for name, values in means.items()} for number in range(len(rows))
    ]
    if losses is not None:
        for own, summary in zip(rows, summaries, strict=True):
            for name in ("content", "style"):
                summary[name] = sum(row[name] for row in own) / len(own)
    return rows, summaries, cuts


def _tensor(pictures: Sequence[Picture]) -> Tensor:
    import torch

    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def _requested_content(request: Request) -> Source:
    """The requested part of the content, at the requested size."""
    source = open_source(request.content)
    count = source.count - request.start if request.frames is None else request.frames
    if count < 1 or request.start + count > source.count:
        raise InputError(
            f"{request.content} has {source.count} frames, too few for {max(count, 1)} from frame {request.start} on; "
            f"lower start or frames"
        )
    sizes = source.sizes
    if request.size is not None:
        scale = request.size / max(sizes)
        sizes = max(1, math.floor(sizes[0] * scale + 0.5)), max(1, math.floor(sizes[1] * scale + 0.5))
    return ClipPart(source, request.start, count, sizes)


def _scene(request: Request, painted: Source) -> Scene:
    """A built-in scene, drawn at the size of the painted clip, and as long."""
    if request.size is not None:
        raise InputError(f"the scene {request.content} is drawn at the size of the painting; leave size out")
    count = painted.count if request.frames is None else request.frames
    from vst.synthetic.scenes import Anime, Battle, Talk

    scene = {"talk": Talk, "anime": Anime, "battle": Battle}[request.content]
    height, width = painted.sizes
    return scene(height=height, width=width, frames=request.start + count)


def _check_cuts(request: Request, count: int) -> None:
    """Refuse cuts outside the compared frames; they may have been numbered from `start` instead of 0."""
    end = request.start + count
    for cut in request.cuts or ():
        if not request.start <= cut < end:
            raise InputError(
                f"cuts has {cut}, but frames {request.start} to {end - 1} of the content are compared; number the "
                f"cuts like start, from the content's first frame"
            )


def _truth(request: Request, scene: Scene | None) -> Truth:
    from vst.metrics.motion import EstimatedMotion, ExactMotion, consensus, named_estimator

    if scene is not None and request.flow is None:
        return ExactMotion(scene)
    if request.flow in (None, "consensus"):
        return consensus("")
    return EstimatedMotion(named_estimator(request.flow))
