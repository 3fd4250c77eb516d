"""Writes the page: its folder, the clips beside it, and index.html from the template."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vst.errors import InputError
from vst.records import write_text
from vst.report.compare import (
    Setting,
    brought_along,
    differing_settings,
    group_of,
    numbered,
    present_metrics,
    told_by_model,
)
from vst.report.content import Content, write_contents
from vst.report.metrics import Metric, exponent, legible
from vst.report.plots import curves, losses_along, metrics_along, parallel, trade_off
from vst.report.runs import Run, find_runs
from vst.report.series import LOSSES, Look, looks_of, telling

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("screens.js", "player.js", "table.js", "glance.js", "figures.js", "page.js")
MARK = '<meta name="generator" content="vst.report">'

MOST_CURVE_POINTS = 300_000
"""Of all runs together; beyond it every curve keeps its ends and an even choice between them."""

FEW_NAMES = 3
"""Folders up to which the page is called by their names: its title stays in sight."""


def write_page(directories: Sequence[Path], output: Path | None = None) -> Path:
    """What `vst.report.write_report` says."""
    runs = find_runs(directories)
    folder = _folder(directories[0] / "report" if output is None else output)
    contents, chosen = write_contents(runs, folder)
    settings = differing_settings(runs)
    report = _Report(folder, runs, looks_of(runs), settings, present_metrics(runs), contents, chosen)
    _copy_assets(folder)
    page = folder / "index.html"
    write_text(page, report.page(directories))
    return page


def _folder(path: Path) -> Path:
    """Make the report's folder; refuse one that holds a page of someone else's."""
    page = path / "index.html"
    try:
        if path.exists() and not path.is_dir():
            raise InputError(f"-o {path} is a file; name a folder")
        if page.is_file() and MARK not in page.read_text(encoding="utf-8", errors="replace")[:2000]:
            raise InputError(f"-o {path} holds an index.html that is not a report; name another folder")
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(None, "Permission denied", str(path))
    except OSError as error:
        raise InputError(
            f"the folder {path} cannot be written ({error.strerror}); name another with -o"
        ) from error
    return path


def title_of(directories: Sequence[Path], folder: Path) -> str:
    """What a page is called: by the folders it was made from.

    If they are many, or the page lies in the one that holds them all, as a grid's and a search's does, by that one.
    """
    places = [directory.resolve() for directory in directories]
    holder = Path(os.path.commonpath(places))
    if len(places) > FEW_NAMES or holder == folder.resolve().parent:
        return holder.name or "runs"
    return ", ".join(place.name for place in places)


def _copy_assets(folder: Path) -> None:
    """Put scripts and styles beside the page; Plotly comes from its Python package, not from the network."""
    from plotly.offline import get_plotlyjs

    for name in ("page.css", *SCRIPTS):
        shutil.copyfile(ASSETS / name, folder / name)
    write_text(folder / "plotly.min.js", get_plotlyjs())


@dataclass
class _Report:
    """All that the page shows."""

    folder: Path
    runs: list[Run]
    looks: list[Look]
    settings: list[Setting]
    metrics: list[Metric]
    contents: list[Content]
    chosen: list[int]

    def page(self, directories: Sequence[Path]) -> str:
        """The page's HTML. Everything that runs have named is escaped."""
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        environment = Environment(
            loader=FileSystemLoader(ASSETS),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        data, magma = self._data(), _magma()
        return environment.get_template("index.html.j2").render(
            title=title_of(directories, self.folder),
            written=datetime.datetime.now().strftime("%Y-%m-%d %H:%M"),
            scripts=SCRIPTS,
            runs=data["runs"],
            contents=data["contents"],
            statuses=_counted(run.status for run in self.runs),
            settings=self.settings,
            brought={setting.key for setting in self.settings if brought_along(setting, self.runs)},
            columns=self._columns(),
            keyframes=self._key_frame_rows(),
            grid=self._grid(),
            glance=self._glance(),
            figures=data["figures"],
            groups=len({run["group"] for run in data["runs"]}),
            matched=self._matched_models(),
            thinned=self._every,
            data=data,
            magma=[" ".join(f"{value:.4f}" for value in channel) for channel in zip(*magma, strict=True)],
            ramp=", ".join(
                "rgb({} {} {})".format(*(round(255 * value) for value in colour)) for colour in magma
            ),
        )

    def _data(self) -> dict[str, Any]:
        """What the scripts work on."""
        return {
            "runs": [self._run(index) for index in range(len(self.runs))],
            "contents": [self._content(number) for number in range(len(self.contents))],
            "metrics": [
                {
                    "key": column["metric"].key,
                    "best": _finite(column["metric"].best),
                    "judged": column["metric"].best is not None,
                    "power": column["power"],
                }
                for column in self._columns()
            ],
            "figures": {name: figure for name, figure in self._figures().items() if figure is not None},
        }

    def _figures(self) -> dict[str, Any]:
        runs, looks = self.runs, self.looks
        return {
            "losses": losses_along(runs, looks),
            "curves": curves(runs, looks),
            "metrics": metrics_along(runs, looks),
            "tradeoff": trade_off(runs, looks),
            "parallel": parallel(runs, looks, *telling(runs)),
        }

    def _run(self, index: int) -> dict[str, Any]:
        run, look = self.runs[index], self.looks[index]
        times = run.column("time")
        return {
            "id": index,
            "label": look.label,
            "name": run.name,
            "colour": look.colour,
            "dash": look.dash,
            "status": run.status,
            "progress": f"{len(run.rows)} of {run.expected}" if run.expected else str(len(run.rows)),
            "notes": run.notes,
            "model": run.model,
            "clip": run.clip,
            "style": run.style,
            "motion": run.motion,
            "group": numbered(self.runs, group_of)[index],
            "content": self.chosen[index],
            "folder": self._reference(run.directory) + "/",
            "frames": self._reference(run.directory / "frames") + "/" if run.frames else None,
            "video": self._reference(run.directory / "stylized.mp4") if run.video else None,
            "count": run.frames or len(run.rows),
            "size": run.size,
            "rate": run.frame_rate,
            "times": times if None not in times else [],
            "cuts": run.cuts,
            "settings": {setting.key: setting.text(index) for setting in self.settings},
            "summary": {metric.key: run.summary.get(metric.key) for metric in self.metrics},
            "along": {"warping_error": run.column("warping_error"), "style": run.column("style")},
            "curves": {
                str(frame): {
                    key: _thinned([row.get(key) for row in rows], self._every)
                    for key in ("evaluation", *LOSSES)
                }
                for frame, rows in run.curves.items()
            },
        }

    def _content(self, number: int) -> dict[str, Any]:
        content = self.contents[number]
        folder = content.folder
        return {
            "name": content.name,
            "note": content.note,
            "count": content.frames,
            "frames": self._reference(folder) + "/" if folder else None,
            "video": self._reference(folder / "content.mp4") if folder else None,
        }

    def _reference(self, path: Path) -> str:
        """How the page refers to a file: by its place beside the page, whatever characters are in its name."""
        try:
            relative = os.path.relpath(path.resolve(), self.folder.resolve())
        except ValueError:  # another drive
            return path.resolve().as_uri()
        return quote(Path(relative).as_posix())

    def _columns(self) -> list[dict[str, Any]]:
        """The metrics' columns: how they are headed, and the text of each run's value."""
        columns = []
        for metric in self.metrics:
            values = [run.summary.get(metric.key) for run in self.runs]
            power = 0 if metric.unit else exponent(value for value in values if value is not None)
            texts = ["–" if value is None else legible(value / 10**power) for value in values]
            columns.append({"metric": metric, "power": power, "numbers": values, "texts": texts})
        return columns

    def _key_frame_rows(self) -> list[dict[str, Any]]:
        """For each clip that is there, and each of its runs, which frames to show."""
        rows: list[dict[str, Any]] = []
        for number in range(len(self.contents)):
            members = [i for i, content in enumerate(self.chosen) if content == number]
            kept = sorted({frame for i in members for frame in self.runs[i].keyframes})
            frames = _spread(kept, 8)
            rows.append({"content": number, "runs": members, "frames": frames})
        return [row for row in rows if row["frames"]]

    def _grid(self) -> dict[str, Any] | None:
        """Style × clip for each model, where there is more than one of either."""
        clips = list(dict.fromkeys(run.clip for run in self.runs))
        styles = list(dict.fromkeys(run.style for run in self.runs))
        if len(clips) * len(styles) < 2:
            return None
        models = list(dict.fromkeys(run.model for run in self.runs))
        cells = {
            (model, style, clip): [
                index
                for index, run in enumerate(self.runs)
                if (run.model, run.style, run.clip) == (model, style, clip)
            ]
            for model in models
            for style in styles
            for clip in clips
        }
        return {
            "models": models,
            "styles": styles,
            "clips": clips,
            "cells": cells,
            "short": [self._in_cell(index) for index in range(len(self.runs))],
        }

    def _in_cell(self, index: int) -> str:
        """What tells a run from others in its cell of the grid."""
        parts = [
            f"{setting.key} {setting.text(index)}"
            for setting in self.settings
            if setting.key not in ("clip", "style")
            and setting.values[index] is not None
            and not told_by_model(setting, self.runs)
        ]
        return " · ".join(parts[:2])

    def _glance(self) -> dict[str, Any] | None:
        """The models and clips whose means say which keeps which coherent; None where there is nothing to average.

        Runs of one model on the same clip and painting differ in a setting: a mean over those would say nothing.
        """
        groups = numbered(self.runs, group_of)
        pairs = [(run.model, group) for run, group in zip(self.runs, groups, strict=True)]
        models = {run.model: index for index, run in reversed(list(enumerate(self.runs)))}
        if len(set(groups)) < 2 or len(models) < 2 or len(set(pairs)) < len(pairs):
            return None
        columns = {column["metric"].key: column for column in self._columns()}
        if "warping_error" not in columns:
            return None
        return {
            "models": sorted(models.items(), key=lambda item: item[1]),
            "clips": list(dict.fromkeys(run.clip for run in self.runs)),
            "coherence": columns["warping_error"],
            "costs": [columns[key] for key in ("style", "content", "seconds") if key in columns],
        }

    def _matched_models(self) -> list[str]:
        """The models a run of which can be the baseline in each of several groups."""
        groups = numbered(self.runs, group_of)
        if len(set(groups)) < 2:
            return []
        return list(dict.fromkeys(run.model for run in self.runs))

    @cached_property
    def _every(self) -> int:
        """Of how many evaluations the curves keep one."""
        points = sum(len(rows) * len(LOSSES) for run in self.runs for rows in run.curves.values())
        return max(1, -(-points // MOST_CURVE_POINTS))


def _counted(values: Iterator[str]) -> list[tuple[str, int]]:
    listed = list(values)
    return [(value, listed.count(value)) for value in dict.fromkeys(listed)]


def _finite(value: float | None) -> float | str | None:
    """Infinity by name, since JSON has none."""
    return value if value is None or abs(value) != float("inf") else ("high" if value > 0 else "low")


def _spread(values: Sequence[int], most: int) -> list[int]:
    if len(values) <= most:
        return list(values)
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]


def _thinned(values: Sequence[float | None], every: int) -> list[float | None]:
    """Every so many values, the last one too, with the digits a figure can show."""
    chosen = values if every == 1 else chain(values[:-1:every], values[-1:])
    return [None if value is None else float(f"{value:.5g}") for value in chosen]


def _magma() -> list[tuple[float, float, float]]:
    """The colours of the runs' own residual images, from no change to the scale's end: RGB in [0, 1]."""
    import cv2
    import numpy as np

    steps = np.linspace(0, 255, 33).round().astype(np.uint8)
    colours = cv2.applyColorMap(steps, cv2.COLORMAP_MAGMA).reshape(-1, 3)[:, ::-1] / 255
    return [(float(red), float(green), float(blue)) for red, green, blue in colours]
