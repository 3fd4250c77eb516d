"""The data for the page's scripts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vst.compare.groups import group_numbers, group_of
from vst.compare.report.plots import curves, losses_along, metrics_along, parallel, trade_off
from vst.compare.report.sections import columns
from vst.compare.report.shown import Shown
from vst.compare.series import LOSSES, broken_by_scale, parallel_choice
from vst.runs.rows import Row


def scripts_data(shown: Shown) -> dict[str, Any]:
    """The data for the page's scripts: the runs, clips, metrics and figures."""
    return {
        "runs": [_run(shown, index) for index in range(len(shown.runs))],
        "contents": [_content(shown, number) for number in range(len(shown.contents))],
        "metrics": [
            {
                "key": column["metric"].key,
                "best": _finite(column["metric"].best),
                "judged": column["metric"].best is not None,
                "power": column["power"],
            }
            for column in columns(shown)
        ],
        "figures": {name: figure for name, figure in _figures(shown).items() if figure is not None},
    }


def _figures(shown: Shown) -> dict[str, Any]:
    runs, looks = shown.runs, shown.looks
    return {
        "losses": losses_along(runs, looks),
        "curves": curves(runs, looks),
        "metrics": metrics_along(runs, looks),
        "tradeoff": trade_off(runs, looks),
        "parallel": parallel(runs, looks, *parallel_choice(runs)),
    }


def _run(shown: Shown, index: int) -> dict[str, Any]:
    run, look = shown.runs[index], shown.looks[index]
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
        "group": group_numbers(shown.runs, group_of)[index],
        "content": shown.chosen[index],
        "folder": _reference(shown, run.directory) + "/",
        "frames": _reference(shown, run.directory / "frames") + "/" if run.frames else None,
        "video": _reference(shown, run.directory / "stylized.mp4") if run.video else None,
        "count": run.frames or len(run.rows),
        "size": run.size,
        "rate": run.frame_rate,
        "times": times if None not in times else [],
        "cuts": run.cuts,
        "settings": {setting.key: setting.text(index) for setting in shown.settings},
        "summary": {metric.key: run.summary.get(metric.key) for metric in shown.metrics},
        "along": {"warping_error": run.column("warping_error"), "style": run.column("style")},
        "curves": {
            str(frame): {
                key: [_rounded(row.get(key)) for row in broken_by_scale(_thinned(rows, shown.every))]
                for key in ("evaluation", *LOSSES)
            }
            for frame, rows in run.curves.items()
        },
    }


def _content(shown: Shown, number: int) -> dict[str, Any]:
    content = shown.contents[number]
    folder = content.folder
    return {
        "name": content.name,
        "note": content.note,
        "count": content.frames,
        "frames": _reference(shown, folder) + "/" if folder else None,
        "video": _reference(shown, folder / "content.mp4") if folder else None,
    }


def _reference(shown: Shown, path: Path) -> str:
    """The URL of a file on the page: its path relative to the page, with special characters escaped."""
    try:
        relative = os.path.relpath(path.resolve(), shown.folder.resolve())
    except ValueError:  # on another drive
        return path.resolve().as_uri()
    return quote(os.fsencode(Path(relative).as_posix()))


def _finite(value: float | None) -> float | str | None:
    """The number, or infinity by name, since JSON has no infinity."""
    return value if value is None or abs(value) != float("inf") else ("high" if value > 0 else "low")


def _thinned(rows: Sequence[Row], every: int) -> Sequence[Row]:
    """Every `every`-th row and the last one."""
    return rows if every == 1 else [*rows[:-1:every], *rows[-1:]]


def _rounded(value: float | None) -> float | None:
    """As many digits as a figure can show."""
    return None if value is None else float(f"{value:.5g}")
