"""Writes the page: its folder, the clips beside it, and index.html from the template."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from vst.compare.content import write_contents
from vst.compare.find import default_output, find_runs
from vst.compare.groups import present_metrics
from vst.compare.looks import looks_of
from vst.compare.report.data import scripts_data
from vst.compare.report.sections import columns, glance, grid, key_frame_rows, matched_models
from vst.compare.report.shown import Shown
from vst.compare.settings import differing_settings, implied_by_choice
from vst.errors import InputError
from vst.files import write_bytes, write_text
from vst.runs.data import text

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("screens.js", "player.js", "table.js", "glance.js", "figures.js", "page.js")
MARK = '<meta name="generator" content="vst.report">'

FEW_NAMES = 3
"""The most folders of which the title lists the names; the title stays short, since it is always in view."""


def write_page(directories: Sequence[Path], output: Path | None = None) -> Path:
    """See `vst.compare.report.write_report`."""
    runs = find_runs(directories)
    folder = _folder(default_output(directories, "report") if output is None else output)
    contents, chosen = write_contents(runs, folder)
    settings = differing_settings(runs)
    shown = Shown(folder, runs, looks_of(runs), settings, present_metrics(runs), contents, chosen)
    _copy_assets(folder)
    page = folder / "index.html"
    write_text(page, text(_html(shown, directories)))
    return page


def _folder(path: Path) -> Path:
    """Create the report's folder; refuse one whose index.html is not a report."""
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
            f"the folder {path} cannot be written ({error.strerror}); name another folder with -o"
        ) from error
    return path


def title_of(directories: Sequence[Path], folder: Path) -> str:
    """The page's title: the names of the folders that it was made from.

    If they are many, or the page is in the folder that contains them all, as for a grid or a search, it is that
    folder's name.
    """
    places = [directory.resolve() for directory in directories]
    common = Path(os.path.commonpath(places))
    if len(places) > FEW_NAMES or common == folder.resolve().parent:
        return common.name or "runs"
    return ", ".join(place.name for place in places)


def _copy_assets(folder: Path) -> None:
    """Copy scripts and styles beside the page; Plotly is taken from its Python package, not from the network."""
    from plotly.offline import get_plotlyjs

    for name in ("page.css", *SCRIPTS):
        write_bytes(folder / name, (ASSETS / name).read_bytes())
    write_text(folder / "plotly.min.js", get_plotlyjs())


def _html(shown: Shown, directories: Sequence[Path]) -> str:
    """The page's HTML. Names from runs are escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    data, magma = scripts_data(shown), _magma()
    return environment.get_template("index.html.j2").render(
        title=title_of(directories, shown.folder),
        written=datetime.datetime.now().strftime("%Y-%m-%d %H:%M"),
        scripts=SCRIPTS,
        runs=data["runs"],
        contents=data["contents"],
        statuses=_counted(run.status for run in shown.runs),
        settings=shown.settings,
        implied={setting.key for setting in shown.settings if implied_by_choice(setting, shown.runs)},
        columns=columns(shown),
        keyframes=key_frame_rows(shown),
        grid=grid(shown),
        glance=glance(shown),
        figures=data["figures"],
        groups=len({run["group"] for run in data["runs"]}),
        matched=matched_models(shown),
        thinned=shown.every,
        data=data,
        magma=[" ".join(f"{value:.4f}" for value in channel) for channel in zip(*magma, strict=True)],
        ramp=", ".join("rgb({} {} {})".format(*(round(255 * value) for value in colour)) for colour in magma),
    )


def _counted(values: Iterator[str]) -> list[tuple[str, int]]:
    listed = list(values)
    return [(value, listed.count(value)) for value in dict.fromkeys(listed)]


def _magma() -> list[tuple[float, float, float]]:
    """The colour map of the runs' residual images, from no change to the end of the scale: RGB in [0, 1]."""
    import cv2
    import numpy as np

    steps = np.linspace(0, 255, 33).round().astype(np.uint8)
    colours = cv2.applyColorMap(steps, cv2.COLORMAP_MAGMA).reshape(-1, 3)[:, ::-1] / 255
    return [(float(red), float(green), float(blue)) for red, green, blue in colours]
