"""Sheets of painted frames: a grid of paintings × clips for each model, and residuals from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vst.compare.looks import Look
from vst.compare.plots.paper import WIDTH, literal
from vst.compare.runs import Run
from vst.runs.directory import frame_path
from vst.video.store import load_png

Picture = NDArray[np.uint8]


def grids(runs: Sequence[Run], frame: int) -> dict[str, Figure]:
    """A grid of paintings × clips for each model, at one frame; none where there is only one painting and one clip."""
    clips = list(dict.fromkeys(run.clip for run in runs))
    styles = list(dict.fromkeys(run.style for run in runs))
    painted = [run for run in runs if run.frames > frame]
    if len(clips) * len(styles) < 2:
        return {}
    return {
        model: _grid([run for run in painted if run.model == model], styles, clips, model, frame)
        for model in dict.fromkeys(run.model for run in painted)
    }


def _grid(runs: Sequence[Run], styles: Sequence[str], clips: Sequence[str], model: str, frame: int) -> Figure:
    # several runs in a cell differ in other settings; the first is shown
    cells = {(run.style, run.clip): run for run in reversed(runs)}
    pictures = {place: _frame(run, frame) for place, run in cells.items()}
    figure, panels = _sheet(len(styles), len(clips), list(pictures.values()))
    for row, style in enumerate(styles):
        for column, clip in enumerate(clips):
            axes = panels[row][column]
            if (style, clip) in pictures:
                axes.imshow(pictures[style, clip])
            if row == 0:
                axes.set_title(literal(clip))
            if column == 0:
                axes.set_ylabel(literal(style))
    figure.suptitle(literal(f"{model}, frame {frame}"), fontsize=10)
    return figure


def residuals(
    runs: Sequence[Run], looks: Sequence[Look], contents: Mapping[int, Path], frame: int
) -> Figure | None:
    """The change from the previous frame, averaged over the channels, of each run and clip, on one colour scale.

    `contents` maps the index of the first run of each clip to the folder of the clip's frames. None where no run has
    both frames.
    """
    painted = [(run, look) for run, look in zip(runs, looks, strict=True) if run.frames > frame]
    if not painted:
        return None
    # pairs, since two parts of one clip have the same name
    folders = [(f"content: {runs[index].clip}", folder) for index, folder in contents.items()]
    folders += [(look.label, run.directory / "frames") for run, look in painted]
    changes = [
        (literal(name), _change(folder / f"{frame - 1:06d}.png", folder / f"{frame:06d}.png"))
        for name, folder in folders
    ]
    columns = min(4, len(changes))
    most = int(WIDTH * 13 / columns)
    lines = max(len(wrap(name, most)) for name, _ in changes)
    figure, panels = _sheet(-(-len(changes) // columns), columns, [change for _, change in changes], lines)
    # a high quantile, so that a few bright pixels do not darken the rest
    top = max(1e-3, *(float(np.quantile(change, 0.995)) for _, change in changes))
    image = None
    for axes, (name, change) in zip(chain(*panels), changes, strict=False):
        image = axes.imshow(change, cmap="magma", vmin=0, vmax=top)
        axes.set_title("\n".join(wrap(name, most)), fontsize=8)
    assert image is not None
    bar = figure.colorbar(image, ax=list(chain(*panels)), shrink=0.7, extend="max")
    bar.set_label("fraction of the pixel range")
    figure.suptitle(f"|frame {frame} − frame {frame - 1}|, averaged over the channels", fontsize=9)
    return figure


def _sheet(
    rows: int, columns: int, pictures: Sequence[NDArray], lines: int = 1
) -> tuple[Figure, list[list[Axes]]]:
    """Panels without axes, as high as their pictures and `lines` lines of title."""
    height, width = pictures[0].shape[:2] if pictures else (3, 4)
    cell = WIDTH / max(columns, 3)
    figure = Figure(
        figsize=(WIDTH, (0.85 * cell * height / width + 0.1 + 0.15 * lines) * rows + 0.4),
        layout="constrained",
    )
    panels = figure.subplots(rows, columns, squeeze=False).tolist()
    for axes in chain(*panels):
        _bare(axes)
    return figure, panels


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _frame(run: Run, index: int) -> Picture:
    return load_png(frame_path(run.directory, index))


def _change(before: Path, now: Path) -> NDArray[np.float64]:
    """|V'[i] − V'[i-1]|, averaged over the channels, (H, W), as a fraction of the pixel range."""
    return np.abs(load_png(now).astype(float) - load_png(before)).mean(2) / 255
