"""What `newly_legible` says of runs: python experiments/newly_legible.py RUN [RUN …] [--interval N] [--made-up]

Each RUN is a directory of a run that has ended. Its frames are measured as the run itself measures them, along the
motion that DIS and sparse-to-dense agree on, or the exact one of a built-in scene. The result is a Markdown table with
a row for each run. With `--made-up`, what came into view since `interval` frames before is painted in other ways in the
run's own frames: as the run did, untouched, half as the run did and half mirrored, mirrored, as it was before, and with
the strokes of the style image alone.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from figure_table import table_line
from records import record_of
from torch import Tensor

from vst.commandline import reporting_errors
from vst.metrics.clip import ClipMetrics
from vst.metrics.motion import Truth, truth_for
from vst.metrics.newly_legible import came_into_view, newly_legible
from vst.runs.build import build
from vst.runs.directory import frame_path
from vst.runs.record import Record
from vst.synthetic.scene import Scene
from vst.video.cuts import CutDetector, mark_cuts
from vst.video.store import load_png

METRICS = ("newly_legible", "newly_painted", "ghosting")
WAYS = ("as the run", "untouched", "half mirrored", "mirrored", "as before", "strokes")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--interval", type=int, default=10, help="the distance in frames of the long motion")
    parser.add_argument("--made-up", action="store_true", help="paint what comes into view in other ways")
    given = parser.parse_args()
    heads = ("clip, style image", "width", "model")
    columns = WAYS if given.made_up else ("newly_legible, frame by frame", *METRICS)
    print(table_line([*heads, *columns]))
    print(table_line([*["---"] * len(heads), *["---:"] * len(columns)]), flush=True)
    with reporting_errors():
        for run in given.runs:
            record = record_of(run)
            figures = made_up if given.made_up else measured
            config = record.provenance.config
            size = load_png(frame_path(run, 0)).shape[1]
            name = f"{record.provenance.clip.name}, {config['style']['name']}"
            print(
                table_line([name, str(size), config["model"], *figures(run, record, given.interval)]),
                flush=True,
            )


def measured(run: Path, record: Record, interval: int) -> list[str]:
    """The values of each frame but the first, and the means, as cells."""
    rows = []
    metrics: ClipMetrics | None = None
    for index, content, stylized, cut, truth in _frames(run, record):
        metrics = metrics or ClipMetrics(truth, interval)
        rows.append(metrics.update(content, stylized, index, cut=cut))
    assert metrics is not None
    means = metrics.summary()
    return [
        " ".join(_cell(row["newly_legible"]) for row in rows[1:]),
        *(_cell(means[name]) for name in METRICS),
    ]


def made_up(run: Path, record: Record, interval: int) -> list[str]:
    """What other paintings of what came into view would be given, in the mean over the frames, as cells."""
    kept: list[tuple[Tensor, Tensor]] = []
    values = []
    for index, content, stylized, cut, truth in _frames(run, record):
        kept = [] if cut else kept[-interval:]
        if len(kept) == interval:
            earlier, before = kept[0]
            region = came_into_view(content, earlier, truth(content, earlier, index, interval))
            strokes = build(record.provenance.config["style"]).at(max(content.shape[-2:])).image
            strokes = F.interpolate(strokes, content.shape[-2:], mode="area")
            mirrored = stylized.flip(-1)
            ways = (stylized, content, (stylized + mirrored) / 2, mirrored, before, strokes)
            lanes = torch.where(region > 0, torch.cat(ways), stylized)
            values.append(
                newly_legible(lanes, content.expand_as(lanes), region.expand(len(lanes), -1, -1, -1))
            )
        kept.append((content, stylized))
    means = torch.stack(values).nanmean(0) if values else torch.full((len(WAYS),), math.nan)
    return [_cell(mean) for mean in means]


def _frames(run: Path, record: Record) -> Iterator[tuple[int, Tensor, Tensor, bool, Truth]]:
    """The number of each frame, V, V', whether it begins another shot, and the motion that is taken as true."""
    clip = build(record.provenance.config["video"])
    truth = truth_for(clip, used="")
    known = clip.cuts if isinstance(clip, Scene) else None
    for frame, begins in mark_cuts(clip.read(), CutDetector(), known):
        painted = torch.from_numpy(load_png(frame_path(run, frame.index))).permute(2, 0, 1)[None] / 255
        yield frame.source_index, frame.content, painted, begins and frame.index > 0, truth


def _cell(value: Tensor) -> str:
    return "–" if value.isnan().all() else f"{value.item():.2f}"


if __name__ == "__main__":
    main()
