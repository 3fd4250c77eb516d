"""Run directories written by hand, as runs leave them: small, and with every figure that a run may have."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vst.frames import ClipInfo
from vst.video.codecs import h264
from vst.video.store import save_png
from vst.video.writer import write_video

FRAMES, HEIGHT, WIDTH = 5, 32, 48
MODELS = {"naive": (7e-3, 1.0e-4), "mse": (2e-3, 1.3e-4), "flow": (8e-4, 1.1e-4)}
"""Warping error and style loss of each model."""

WriteRun = Callable[..., Path]


def picture(level: int, index: int) -> NDArray[np.uint8]:
    """The left half has a level of its own, the right one that of the frame: what is seen says what it is."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, : WIDTH // 2] = level
    image[:, WIDTH // 2 :] = 40 * index % 256
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
        "style": {"_target_": "vst.styles.DrawnPainting", "name": "swirls", "size": 48},
        "loss": {
            "style": {"_target_": "vst.losses.style.StyleLoss", "weight": 1e5},
            "coherence": {"_target_": f"vst.losses.coherence.{model.title()}Coherence", "weight": eta},
        },
        "start": {"_target_": "vst.painting.start.content_start", "_partial_": True},
        "paths": {"run": f"/somewhere/{model}"},
        **changes,
    }


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
    summary: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Path:
    """Write a run, by default a finished one; options say what is different or missing."""
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
            directory / "stylized.mp4", ((image, i) for i, image in enumerate(images)), info, h264(crf=1)
        )
    if status is None:
        _write_stored(directory, configured)
    else:
        record = _record(configured, rows, status, style, clip)
        record["summary"] |= summary or {}
        record["provenance"] |= provenance or {}
        (directory / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
    return directory


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
            "ghosting": "",
            "ghosting_at_cut": 0.1 if index == cut else "",
            "newly_painted": 0.9 if defined else "",
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


def _record(
    config: dict[str, Any], rows: list[dict[str, Any]], status: str, style: str, clip: str
) -> dict[str, Any]:
    means = {}
    for name in rows[0].keys() - {"frame", "source_frame", "pass", "time", "cut", "outcome"}:
        values = [float(row[name]) for row in rows if row[name] != ""]
        if values:
            means[name] = sum(values) / len(values)
    return {
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


def _write_stored(directory: Path, config: dict[str, Any]) -> None:
    """What a run that is going has: the configuration as composed, with what only Hydra could resolve."""
    stored = {
        **config,
        "paths": {"run": "${hydra:runtime.output_dir}"},
        "loss": {"style": {"weight": "${beta}"}},
    }
    (directory / ".hydra").mkdir()
    (directory / ".hydra" / "config.yaml").write_text(json.dumps(stored), encoding="utf-8")
