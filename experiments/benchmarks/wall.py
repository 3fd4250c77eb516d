"""Where the wall time of a run goes: painting, judging, writing, start-up, waiting for what is prepared; at two sizes.

    python experiments/benchmarks/wall.py [--sizes 144,426] [--frames 4] [--evaluations 30]

A run of robust on a real clip, as `vst` does it, with clocks around the parts. Each part counts what it does itself,
not what another part that it calls does; the rest is Lightning's and the start-up's, from the start of this process.
Reading, cuts, motion, masks and the judge's motion are computed ahead, in a thread of their own that works beside the
painting: what they take there is given too, and what the painting waits for them.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from measure import machine, table

BEGAN = time.perf_counter()


class Clocks:
    """Seconds by part; the clock of a part stands still while a part within it runs."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._parts = ["rest"]
        self._since = BEGAN

    def switch(self) -> None:
        """Book the time since the last switch on the part that runs."""
        now = time.perf_counter()
        self.seconds[self._parts[-1]] += now - self._since
        self._since = now

    def enter(self, part: str) -> None:
        """A part begins."""
        self.switch()
        self._parts.append(part)

    def leave(self) -> None:
        """The part that runs ends."""
        self.switch()
        self._parts.pop()

    def watch(self, owner: Any, name: str, part: str) -> None:
        """Clock a function or method from now on."""
        function: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(function)
        def clocked(*arguments: Any, **options: Any) -> Any:
            self.enter(part)
            try:
                return function(*arguments, **options)
            finally:
                self.leave()

        setattr(owner, name, clocked)

    def watch_frames(self, owner: Any, name: str, part: str) -> None:
        """Clock an iterator's steps from now on."""
        function: Callable[..., Iterator[Any]] = getattr(owner, name)

        @functools.wraps(function)
        def clocked(*arguments: Any, **options: Any) -> Iterator[Any]:
            frames = function(*arguments, **options)
            while True:
                self.enter(part)
                try:
                    frame = next(frames)
                except StopIteration:
                    return
                finally:
                    self.leave()
                yield frame

        setattr(owner, name, clocked)


def run_with_clocks(size: int, frames: int, evaluations: int) -> dict[str, float]:
    """Seconds by part, of a run of its own process's."""
    clocks = Clocks()
    from vst.composing import composed
    from vst.flow.steady import SteadyFlow
    from vst.metrics.clip import ClipMetrics
    from vst.metrics.motion import EstimatedMotion
    from vst.painting import stylizer
    from vst.runs import run as runs
    from vst.runs.callbacks import curves, key_frames, resume, video_writer
    from vst.video.datamodule import PreparedFrames
    from vst.video.loader import FrameLoader

    ahead = Clocks()
    ahead.watch(SteadyFlow, "__call__", "ahead: motion")
    ahead.watch(EstimatedMotion, "__call__", "ahead: the judge's motion")
    ahead.watch_frames(FrameLoader, "__iter__", "ahead: reading, cuts")
    clocks.watch(ClipMetrics, "update", "judging")
    clocks.watch_frames(PreparedFrames, "__iter__", "waiting for what is prepared")
    for owner in (curves.Curves, key_frames.Sheets, resume.Resume, video_writer.VideoWriter):
        clocks.watch(owner, "on_train_batch_end", "writing")
    clocks.watch(video_writer.VideoWriter, "on_fit_end", "writing")
    clocks.watch(stylizer.VideoStylizer, "training_step", "starts, warps")
    build = runs.build_parts

    def with_clock(*arguments: Any) -> Any:
        parts = build(*arguments)
        clocks.watch(parts.module, "minimise", "painting")
        return parts

    setattr(runs, "build_parts", with_clock)  # noqa: B010 - a stand-in of another signature
    clip = ["video=bikes", "video.start=40", f"video.frames={frames}", f"video.size={size}"]
    with tempfile.TemporaryDirectory() as folder:
        options = [f"evaluations={evaluations}", "~callbacks.progress", f"paths.run={Path(folder) / 'run'}"]
        runs.run(composed(["model=robust", "logger=csv", *clip, *options]))
    clocks.switch()
    beside = {part: seconds for part, seconds in ahead.seconds.items() if part.startswith("ahead")}
    return {**clocks.seconds, **beside}


def report(sizes: list[int], frames: int, evaluations: int) -> str:
    """A column a size, each measured in a process of its own."""
    import json
    import subprocess
    import sys

    found = {}
    for size in sizes:
        given = ["--sizes", str(size), "--frames", str(frames), "--evaluations", str(evaluations), "--json"]
        done = subprocess.run([sys.executable, __file__, *given], capture_output=True, text=True, check=True)
        found[size] = json.loads(done.stdout.splitlines()[-1])
    parts = list(dict.fromkeys(part for seconds in found.values() for part in seconds))
    parts.sort(key=lambda part: (part.startswith("ahead"), -max(s.get(part, 0.0) for s in found.values())))
    totals = {
        size: sum(seconds for part, seconds in parts.items() if not part.startswith("ahead"))
        for size, parts in found.items()
    }
    rows = [
        [
            part,
            *(
                f"{s.get(part, 0.0):.1f} s, {s.get(part, 0.0) / totals[size]:.0%}"
                for size, s in found.items()
            ),
        ]
        for part in parts
    ]
    rows.append(["all", *(f"{total:.1f} s" for total in totals.values())])
    title = (
        f"robust, {frames} frames of the bikes clip, at most {evaluations} evaluations a frame ({machine()}):"
    )
    return f"{title}\n\n{table(['part', *(f'{size} pixels' for size in sizes)], rows)}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="144,426")
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--evaluations", type=int, default=30)
    parser.add_argument("--json", action="store_true", help="measure here, and print one size's seconds")
    asked = parser.parse_args()
    wanted = [int(size) for size in asked.sizes.split(",")]
    if asked.json:
        import json

        print(json.dumps(run_with_clocks(wanted[0], asked.frames, asked.evaluations)))
    else:
        print(report(wanted, asked.frames, asked.evaluations))
