"""Measures how well cuts are detected: a table of clips with true and detected cuts, precision and recall.

    python experiments/cuts.py [--shared ../shared]

A cut counts as detected if it is reported within one frame of its position. There are three groups: real clips,
synthetic scenes, and shots of the real clips joined at random, at three frame rates, with and without flashes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vst.errors import ClipBroke
from vst.frames import Clip, Frame
from vst.synthetic.scenes import Anime, Battle, Talk
from vst.video.cuts import CutDetector, mark_cuts
from vst.video.reader import VideoReader

# As determined by eye, frame by frame.
CUTS = {
    "clips/a_carphone_closeup.mp4": [],
    "clips/b_dwanko_run_flash.mp4": [],
    "clips/b_pigs_cartoon.gif": [],
    "clips/c_bikes_cuts.mp4": [30, 76, 137, 187, 242],
    "clips/c_sintel_mountain_fast.mp4": [],
    "clips/c_sintel_trailer.mp4": [336, 398, 406, 422, 573, 623, 660, 674],
    "clips/odd/d_vfr_pool.mp4": [],
    "clips/odd/d_corrupted.mp4": [],
    "clips/odd/d_h264_10bit.mp4": [],
    "clips/odd/d_nasa_multistream.mp4": [202],
    "clips/odd/d_no_duration_vp9.webm": [],
    "clips/odd/d_failing_audio.mp4": [],
    "clips/odd/d_1x1.mp4": [],
    "clips/odd/d_gif_1frame_30x24.gif": [],
    "clips/odd/d_gif_vfr_cradle.gif": [],
    "flow/sintel_alley_1/alley_1_final_50frames.avi": [],
}
# Titles that appear on black, or disappear, within one frame: whether these are cuts is arguable, so neither counts.
TITLES = {"clips/c_sintel_trailer.mp4": [226, 1142, 1165, 1222]}

# Ranges without a cut, from which shots are drawn: the first frame, and the one after the last.
STRETCHES = {
    "clips/a_carphone_closeup.mp4": [(0, 120)],
    "clips/b_dwanko_run_flash.mp4": [(0, 45)],
    "clips/b_pigs_cartoon.gif": [(0, 30)],
    "clips/c_bikes_cuts.mp4": [(0, 30), (31, 76), (77, 137), (138, 187), (188, 242)],
    "clips/c_sintel_mountain_fast.mp4": [(0, 50)],
    "clips/c_sintel_trailer.mp4": [(140, 210), (460, 500), (573, 622), (624, 659), (690, 760), (780, 840)],
    "clips/odd/d_vfr_pool.mp4": [(0, 32)],
    "clips/odd/d_nasa_multistream.mp4": [(0, 120), (203, 325)],
    "clips/odd/d_failing_audio.mp4": [(88, 200)],
    "clips/odd/d_gif_vfr_cradle.gif": [(0, 36)],
    "flow/sintel_alley_1/alley_1_final_50frames.avi": [(0, 50)],
}
SIZE = 160  # longer side, in pixels, at which clips are read


@dataclass(frozen=True)
class Row:
    """A clip, its true and its detected cuts, cuts that count neither way, and the time per frame in ms."""

    name: str
    frames: int
    cuts: Sequence[int]
    found: Sequence[int]
    either: Sequence[int]
    milliseconds: float

    @property
    def hits(self) -> int:
        """How many true cuts were detected."""
        return sum(_near(cut, self.found) for cut in self.cuts)

    @property
    def false(self) -> int:
        """How many detected cuts are false."""
        return sum(not _near(cut, [*self.cuts, *self.either]) for cut in self.found)


def measure(name: str, frames: Iterator[Frame], cuts: Sequence[int], either: Sequence[int] = ()) -> Row:
    """Detect the cuts of a clip, and time the detection without the reading."""
    detector = _Timed()
    found, count = [], 0
    try:
        for frame, begins in mark_cuts(frames, detector):
            count += 1
            if begins:
                found.append(frame.index)
    except ClipBroke:
        name += " (breaks)"
    return Row(name, count, cuts, found, either, 1000 * detector.seconds / max(1, count))


def real(shared: Path) -> Iterator[Row]:
    """Measure the clips of the shared folder."""
    for name, cuts in CUTS.items():
        reader = VideoReader(shared / name, size=SIZE)
        yield measure(Path(name).name, reader.read(), cuts, TITLES.get(name, ()))


def computed() -> Iterator[Row]:
    """Measure the scenes whose cuts are exact, at three sizes, every frame and every second one."""
    for kind in (Battle, Anime, Talk):
        for seed, (height, width) in enumerate([(96, 128), (192, 256), (256, 144)], start=10):
            scene = kind(height, width, 50, seed)
            for step in (1, 2):
                cuts = [-(-cut // step) for cut in scene.cuts]
                name = f"{scene.info.name} {width}x{height} seed {seed}, every {step}"
                yield measure(name, _numbered(scene.frame(i) for i in range(0, 50, step)), cuts)


def joined(shared: Path, seed: int = 0) -> Iterator[Row]:
    """Measure clips of 20 shots drawn at random, of which no two neighbours come from one file."""
    rng = np.random.default_rng(seed)
    pool = {name: _fitted(VideoReader(shared / name, size=SIZE)) for name in STRETCHES}
    for step in (1, 2, 3):
        for flash in ("none", "white", "inverted"):
            frames, cuts, last = [], [], ""
            for _ in range(20):
                last = str(rng.choice([name for name in STRETCHES if name != last]))
                stretches = [(a, b) for a, b in STRETCHES[last] if b - a >= 8 * step]
                first, stop = stretches[rng.integers(len(stretches))]
                length = min(int(rng.integers(8, 20)), (stop - first) // step)
                first = int(rng.integers(first, stop - length * step + 1))
                shot = pool[last][first : first + length * step : step]
                cuts.append(len(frames))
                frames += _flashed(shot, int(rng.integers(3, length - 3)), flash)
            yield measure(f"joined, every {step}, flashes: {flash}", _numbered(frames), cuts[1:])


def table(title: str, rows: Iterator[Row]) -> None:
    """Print rows as they are measured, and then their totals."""
    print(f"\n{title}\n{'clip':44} frames  true  found  false  precision  recall  ms  missed, false at")
    kept = []
    for row in rows:
        kept.append(row)
        wrong = [cut for cut in row.cuts if not _near(cut, row.found)]
        extra = [cut for cut in row.found if not _near(cut, [*row.cuts, *row.either])]
        print(_line(row.name, [row]), *([f"{wrong} {extra}"] if wrong or extra else []), flush=True)
    print(_line("all", kept))


def _line(name: str, rows: Sequence[Row]) -> str:
    frames, true = sum(row.frames for row in rows), sum(len(row.cuts) for row in rows)
    hits, false = sum(row.hits for row in rows), sum(row.false for row in rows)
    precision = f"{hits / (hits + false):.3f}" if hits + false else "-"
    recall = f"{hits / true:.3f}" if true else "-"
    spent = sum(row.milliseconds * row.frames for row in rows) / frames
    return f"{name:44} {frames:6} {true:5} {hits:6} {false:6} {precision:>10} {recall:>7} {spent:4.1f}"


class _Timed(CutDetector):
    """A detector that measures its own time."""

    def __init__(self):
        self.seconds = 0.0
        super().__init__()

    def push(self, content: Tensor) -> bool | None:
        start = time.perf_counter()
        flag = super().push(content)
        self.seconds += time.perf_counter() - start
        return flag


def _near(cut: int, cuts: Sequence[int]) -> bool:
    return any(abs(cut - other) <= 1 for other in cuts)


def _numbered(contents: Iterator[Tensor] | Sequence[Tensor]) -> Iterator[Frame]:
    return (Frame(content, i, i, i) for i, content in enumerate(contents))


def _fitted(clip: Clip) -> list[Tensor]:
    """Return the frames of a clip at one size, 96x160, so that shots of several can be joined."""
    return [
        torch.nn.functional.interpolate(frame.content, (96, 160), mode="bilinear", antialias=True)
        for frame in clip.read()
    ]


def _flashed(shot: Sequence[Tensor], at: int, kind: str) -> list[Tensor]:
    """Return a shot with a flash of two frames from its frame `at` on."""
    light = {"none": lambda frame: frame, "white": torch.ones_like, "inverted": lambda frame: 1 - frame}[kind]
    return [light(frame) if at <= i < at + 2 else frame for i, frame in enumerate(shot)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared")
    shared = parser.parse_args().shared
    table("Real clips", real(shared))
    table("Computed scenes", computed())
    table("Shots joined at random", joined(shared))
