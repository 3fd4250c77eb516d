"""Draws all figures for which the runs have data, and writes them."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from vst.commandline import say
from vst.compare.content import write_contents
from vst.compare.find import default_output, find_runs
from vst.compare.looks import looks_of
from vst.compare.plots import draw
from vst.compare.plots.paper import paper, save
from vst.compare.plots.pictures import grids, residuals
from vst.compare.runs import Run
from vst.errors import InputError
from vst.runs.directory import frame_path
from vst.video.store import load_png


def write_figures(
    directories: Sequence[Path], output: Path | None, formats: Sequence[str], frame: int | None
) -> list[Path]:
    """See `vst.compare.plots.write_plots`."""
    runs = find_runs(directories)
    folder = default_output(directories, "plots") if output is None else output
    if folder.exists() and not folder.is_dir():
        raise InputError(f"-o {folder} is a file; name a folder")
    shown = _frame_shown(runs, frame)
    written = []
    figures = list(_figures(runs, shown))
    try:
        for name, figure in figures:
            for kind in formats:
                written.append(folder / f"{name}.{kind}")
                save(figure, written[-1])
    except OSError as error:
        raise InputError(
            f"the folder {folder} cannot be written ({error.strerror or error}); name another folder with -o"
        ) from error
    return written


def _frame_shown(runs: Sequence[Run], frame: int | None) -> int:
    """The requested frame, or the one in the middle of the shortest run that has any."""
    painted = [len(run.rows) for run in runs if run.rows]
    if not painted:
        raise InputError("no run has painted a frame yet; wait for one, or name other runs")
    if frame is None:
        return min(painted) // 2
    if not 0 <= frame < max(painted):
        raise InputError(
            f"--frame {frame} is in no run; choose from 0 to {max(painted) - 1}, the last frame of the longest run"
        )
    return frame


def _with_readable_pictures(runs: Sequence[Run], frame: int) -> list[Run]:
    """The runs, those without frames of which the pictures of this frame and the one before cannot be read.

    Raises `InputError` where that is so of all of them.
    """
    problems: dict[int, str] = {}
    for index, run in enumerate(runs):
        try:
            shown = range(max(0, frame - 1), frame + 1) if run.frames > frame else ()
            if len({load_png(frame_path(run.directory, number)).shape for number in shown}) > 1:
                raise ValueError(f"{frame_path(run.directory, frame)} has another size than the frame before")
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            problems[index] = str(error)
    painted = {index for index, run in enumerate(runs) if run.frames > frame}
    if painted and painted <= problems.keys():
        problem = next(iter(problems.values()))
        raise InputError(f"a painted frame cannot be read ({problem}); paint its run anew")
    for index, problem in problems.items():
        say(f"the pictures of {runs[index].name} are left out ({problem})", to=sys.stderr)
    return [replace(run, frames=0) if index in problems else run for index, run in enumerate(runs)]


def _figures(runs: Sequence[Run], frame: int) -> Iterator[tuple[str, Figure]]:
    looks = looks_of(runs)
    with paper():
        found = {
            "losses": draw.losses_along(runs, looks),
            "metrics": draw.metrics_along(runs, looks),
            f"curves_{frame}": draw.curves(runs, looks, frame),
            "trade_off": draw.trade_off(runs, looks),
            "parallel": draw.parallel(runs, looks),
        }
        shown = _with_readable_pictures(runs, frame)
        for model, figure in grids(shown, frame).items():
            found["grid_" + re.sub(r"[^\w-]", "_", model)] = figure
        # the first frame has no residual, since there is none before it
        if frame > 0:
            found[f"residuals_{frame}"] = _residuals(shown, frame)
    return ((name, figure) for name, figure in found.items() if figure is not None)


def _residuals(runs: Sequence[Run], frame: int) -> Figure | None:
    with tempfile.TemporaryDirectory() as folder:
        contents, chosen = write_contents(runs, Path(folder))
        first = {number: index for index, number in reversed(list(enumerate(chosen)))}
        folders = {
            first[number]: content.folder
            for number, content in enumerate(contents)
            if content.folder is not None and content.frames > frame
        }
        return residuals(runs, looks_of(runs), folders, frame)
