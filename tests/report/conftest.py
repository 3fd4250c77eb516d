"""Run directories written by hand, as runs leave them: small, and with every figure that a run may have."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vst.frames import ClipInfo
from vst.video.store import save_png
from vst.video.writer import write_video

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FRAMES, HEIGHT, WIDTH = 5, 32, 48
MODELS = {"naive": (7e-3, 1.0e-4), "mse": (2e-3, 1.3e-4), "flow": (8e-4, 1.1e-4)}
"""Warping error and style loss of each model."""

WriteRun = Callable[..., Path]


def picture(level: int, index: int) -> NDArray[np.uint8]:
    """The left half has a level of its own, the right one that of the frame: what is seen says what it is."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, : WIDTH // 2] = level
    image[:, WIDTH // 2 :] = 40 * index
    return image


def settings(model: str, **changes: Any) -> dict[str, Any]:
    """A resolved configuration, with as much in it as a page looks at."""
    eta = {"naive": 0.0, "mse": 1e4}.get(model, 3e4)
    return {
        "alpha": 1.0,
        "beta": 1e5,
        "eta": eta,
        "evaluations": 3,
        "seed": 0,
        "model": model,
        "video": {
            "_target_": "vst.synthetic.scenes.Talk",
            "height": HEIGHT,
            "width": WIDTH,
            "frames": FRAMES,
            "seed": 0,
        },
        "style": {"_target_": "vst.styles.draw_painting", "name": "swirls", "size": 48},
        "loss": {
            "style": {"_target_": "vst.losses.style.StyleLoss", "weight": 1e5},
            "coherence": {"_target_": f"vst.losses.coherence.{model.title()}Coherence", "weight": eta},
        },
        "start": {"_target_": "vst.start.content_start", "_partial_": True},
        "paths": {"run": f"/somewhere/{model}"},
        **changes,
    }


@pytest.fixture(scope="session")
def write_run() -> WriteRun:
    """`write_run(directory, model)` writes a finished run; options say what is different or missing."""

    def write_run(
        directory: Path,
        model: str = "flow",
        *,
        level: int = 0,
        frames: int = FRAMES,
        status: str | None = "finished",
        cut: int | None = 3,
        config: Mapping[str, Any] | None = None,
        style: str = "swirls",
        clip: str = "talk",
        extra: bool = True,
        pictures: bool = True,
        video: bool = True,
    ) -> Path:
        configured = settings(model) if config is None else dict(config)
        directory.mkdir(parents=True)
        rows = [_row(model, index, cut, extra) for index in range(frames)]
        _write_table(directory / "metrics.csv", rows)
        _write_table(directory / "curves.csv", [row for index in range(frames) for row in _curve(index)])
        images = [picture(level, index) for index in range(frames)]
        for index, image in enumerate(images if pictures else []):
            save_png(directory / "frames" / f"{index:06d}.png", image)
            save_png(directory / "keyframes" / f"keyframe_{index:06d}.png", image)
        if video:
            info = ClipInfo(clip, frames, HEIGHT, WIDTH, Fraction(1, 25), Fraction(25), 0, frames)
            write_video(
                directory / "stylized.mp4", ((image, i) for i, image in enumerate(images)), info, crf=1
            )
        if status is None:
            _write_stored(directory, configured)
        else:
            _write_record(directory, configured, rows, status, style, clip)
        return directory

    return write_run


def _row(model: str, index: int, cut: int | None, extra: bool) -> dict[str, Any]:
    error, style = MODELS.get(model, MODELS["flow"])
    defined = index > 0 and index != cut
    row: dict[str, Any] = {"frame": index, "source_frame": index + 10, "pass": 0, "time": index / 25 + 0.4}
    if extra:
        row["cut"] = int(index == cut)
    row |= {"content": 30.0, "style": style, "coherence": 0.0, "total": 40.0, "evaluations": 3}
    row["seconds"] = 0.5
    if extra:
        row |= {
            "warping_error": error * (1 + index / 10) if defined else "",
            "warping_error_long": "",
            "residual_mse": error if defined else "",
            "residual_correlation": 0.5 - 10 * error if defined else "",
            "flicker": 10 * error if defined else "",
            "ghosting": 0.1 if index == cut else "",
            "unpainted": 0.9 if defined else "",
        }
    return {**row, "outcome": "finished"}


def _curve(index: int) -> Iterator[dict[str, Any]]:
    for number in range(1, 4):
        losses = {
            "content": 30 / number,
            "style": (1 + index) / number,
            "coherence": 0.0,
            "total": 40 / number,
        }
        yield {"frame": index, "pass": 0, "evaluation": number, **losses}


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _write_record(
    directory: Path, config: dict[str, Any], rows: list[dict[str, Any]], status: str, style: str, clip: str
) -> None:
    means = {}
    for name in rows[0].keys() - {"frame", "source_frame", "pass", "time", "cut", "outcome"}:
        values = [float(row[name]) for row in rows if row[name] != ""]
        if values:
            means[name] = sum(values) / len(values)
    record = {
        "status": status,
        "summary": {**means, "frames": len(rows), "seconds_total": 2.5, "frames_not_finished": 0},
        "provenance": {
            "config": config,
            "clip": {
                "name": clip,
                "start": 10,
                "frames": FRAMES,
                "size": [WIDTH, HEIGHT],
                "frame_rate": "25",
            },
            "style": style,
            "motion": "exact",
        },
    }
    (directory / "metrics.json").write_text(json.dumps(record), encoding="utf-8")


def _write_stored(directory: Path, config: dict[str, Any]) -> None:
    """What a run that is going has: the configuration as composed, with what only Hydra could resolve."""
    stored = {
        **config,
        "paths": {"run": "${hydra:runtime.output_dir}"},
        "loss": {"style": {"weight": "${beta}"}},
    }
    (directory / ".hydra").mkdir()
    (directory / ".hydra" / "config.yaml").write_text(json.dumps(stored), encoding="utf-8")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium, that of the system: nothing is downloaded for it."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install --no-install-recommends chromium")
    api = pytest.importorskip("playwright.sync_api", reason="playwright, which drives chromium, is not there")
    quiet = ("first-run", "default-browser-check")
    off = ("gpu", "background-networking", "component-update", "sync")
    flags = ["--no-sandbox", *(f"--no-{name}" for name in quiet), *(f"--disable-{name}" for name in off)]
    with api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=flags)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """`open_page(index)` opens a report from disk; the test fails for anything in the console or on the network."""
    opened: list[Page] = []
    wrong: list[str] = []

    def open_page(index: Path, **options: Any) -> Page:
        page = browser.new_page(**{"viewport": {"width": 1280, "height": 800}, **options})
        opened.append(page)
        page.on("console", lambda message: wrong.append(f"console {message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: _note_request(request.url, wrong))
        page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url} {request.failure}"))
        page.goto(index.as_uri())
        page.wait_for_selector("body[data-ready]")
        return page

    yield open_page
    for page in opened:
        page.close()
    # a video that is taken from the page while it loads says so; that is how it should be
    assert [what for what in wrong if "net::ERR_ABORTED" not in what] == []


def _note_request(url: str, wrong: list[str]) -> None:
    if not url.startswith(("file:", "data:", "blob:")):
        wrong.append(f"request: {url}")
