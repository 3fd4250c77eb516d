"""Lays out runs of a clip as one picture: one row per model, with painted frames and the residual of the last two.

python experiments/sheet.py multirun/DATE/TIME -o sheet.jpg [--frames 3] [--scale 0.25]

Each argument is a run's directory, or that of a multirun.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from figures import MODELS, save
from PIL import Image, ImageDraw, ImageFont
from records import record_of

from vst.frames import Clip
from vst.runs.build import build
from vst.runs.pictures import Picture, coloured
from vst.video.store import load_png, to_uint8

GAP, LABEL, HEAD = 6, 92, 24


def main() -> None:
    """Read the runs and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, help="runs, or the directory of a multirun")
    parser.add_argument("-o", dest="sheet", required=True, type=Path, help="the JPEG to write")
    parser.add_argument("--frames", type=int, default=3, help="painted frames per row")
    parser.add_argument("--scale", type=float, default=0.25, help="residual at the end of the colour scale")
    given = parser.parse_args()
    runs: list[Path] = []
    for folder in given.runs:
        found = [folder] if (folder / "metrics.json").is_file() else finished_in(folder)
        if not found:
            parser.error(f"{folder} holds no finished run; name a run's directory, or that of a multirun")
        runs += found
    runs.sort(key=place)
    rows = [("content", content_frames(runs[0])), *((name_of(run), painted_frames(run)) for run in runs)]
    shown = choose(len(rows[0][1]), given.frames)
    save(given.sheet, lay_out(rows, shown, given.scale))


def finished_in(folder: Path) -> list[Path]:
    """The finished runs of a multirun."""
    return [path.parent for path in folder.glob("*/metrics.json")]


def place(run: Path) -> int:
    """The position of the run's model in the order of the models."""
    model = name_of(run)
    return MODELS.index(model) if model in MODELS else len(MODELS)


def name_of(run: Path) -> str:
    """The run's model."""
    return record_of(run).provenance.config["model"]


def content_frames(run: Path) -> list[Picture]:
    """The frames of the source that the run painted."""
    clip: Clip = build(record_of(run).provenance.config["video"])
    return [to_uint8(frame.content) for frame in clip.read()]


def painted_frames(run: Path) -> list[Picture]:
    """The run's painted frames."""
    return [load_png(path) for path in sorted((run / "frames").glob("*.png"))]


def choose(frames: int, count: int) -> list[int]:
    """The last `count` frames, which are consecutive, so that changes can be seen."""
    return list(range(max(0, frames - count), frames))


def residual(frames: list[Picture], index: int, scale: float) -> Picture:
    """Mean absolute difference of a frame and the one before it, in colour."""
    import torch

    change = np.abs(frames[index].astype(np.float32) - frames[index - 1].astype(np.float32)).mean(2) / 255
    return coloured(torch.from_numpy(change), scale)


def lay_out(rows: list[tuple[str, list[Picture]]], shown: list[int], scale: float) -> Picture:
    """The sheet: a label, the frames and the residual in each row."""
    height, width = rows[0][1][0].shape[:2]
    columns = len(shown) + 1
    sheet = Image.new(
        "RGB", (LABEL + columns * (width + GAP), HEAD + len(rows) * (height + GAP)), (255, 255, 255)
    )
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    heads = [f"frame {index}" for index in shown] + [f"change, 0 to {scale:g}"]
    for column, head in enumerate(heads):
        draw.text((LABEL + column * (width + GAP), 5), head, (30, 30, 30), font)
    for row, (name, frames) in enumerate(rows):
        top = HEAD + row * (height + GAP)
        draw.text((8, top + height // 2 - 8), name, (30, 30, 30), font)
        tiles = [frames[index] for index in shown] + [residual(frames, shown[-1], scale)]
        for column, tile in enumerate(tiles):
            sheet.paste(Image.fromarray(tile), (LABEL + column * (width + GAP), top))
    return np.array(sheet)


if __name__ == "__main__":
    main()
