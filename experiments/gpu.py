"""Everything that only a GPU can show, in one run of under eight minutes: `make gpu`.

    python experiments/gpu.py [--into gpu.json] [--minutes 7.5] [--sizes 256,512,1280] [--device cuda]

1. The models' losses on the GPU against the CPU's, evaluation by evaluation, eager and as a CUDA graph.
2. A run that is killed, and resumed, against one that was not.
3. Frames a second at each size for naive, flow and robust: eager against graph, float32 against TF32 against bf16; the
   part of the time in which the painting waits for flow; peak memory. RAFT estimates the flow where its weights are at
   hand, else DIS.

What is measured is written after every step, as JSON and, beside it, as a table: whatever the time allows for is kept.
Filters are random where those of VGG-19 are not at hand; they take the same time. Needs no network.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from vst.assets import cached_path
from vst.composing import composed
from vst.config import quoted
from vst.files import write_json, write_text
from vst.runs.rows import read_curves, read_frames
from vst.runs.run import run
from vst.synthetic.scenes import Talk
from vst.video.datamodule import PreparedFrames
from vst.video.store import to_uint8
from vst.video.writer import write_video

MODELS = ("naive", "flow", "robust")
SHORT = ["~callbacks.progress", "logger=csv", "optimizer.tolerance=0"]
LOSS_EVALUATIONS = 4
"""Evaluations compared between devices: later, L-BFGS has made much of the smallest difference."""


@dataclass
class Findings:
    """What was found so far, and the time that is left."""

    into: Path
    ends: float
    device: str
    found: dict[str, Any] = field(default_factory=dict)

    def put(self, step: str, row: dict[str, Any]) -> None:
        """Add a row, and write everything."""
        self.found.setdefault(step, []).append(row)
        print(f"{step}: " + ", ".join(f"{name} {_short(value)}" for name, value in row.items()), flush=True)
        write_json(self.into, self.found)
        write_text(self.into.with_suffix(".md"), tables(self.found))

    def time_for(self, step: str, name: str) -> bool:
        """Whether there is time for another measurement; what there is none for is noted."""
        if time.monotonic() < self.ends:
            return True
        self.put("left out for want of time", {"step": step, "what": name})
        return False


class Clock(Callback):
    """When each frame was done."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the time."""
        self.times.append(time.perf_counter())


def main() -> None:
    """Run the steps in the order of their weight."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, default=Path("gpu.json"))
    parser.add_argument("--minutes", type=float, default=7.5)
    parser.add_argument("--sizes", default="256,512,1280")
    parser.add_argument("--device", default="cuda", help="cpu tries the script itself")
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        sys.exit("there is no GPU that torch can use; run this where torch.cuda.is_available()")
    findings = Findings(given.into, time.monotonic() + 60 * given.minutes, given.device)
    name = torch.cuda.get_device_name() if given.device == "cuda" else "CPU"
    findings.put("machine", {"device": name, "torch": torch.__version__, "cpus": os.cpu_count()})
    steps: dict[str, Callable[[Findings], None]] = {"losses": losses, "kill and resume": kill_and_resume}
    for size in map(int, given.sizes.split(",")):
        steps[f"speed at {size}"] = partial(speed, size=size)
    for name, step in steps.items():
        try:
            step(findings)
        except Exception as error:  # one failure must not cost what comes after it
            findings.put("failed", {"step": name, "error": f"{type(error).__name__}: {error}"})
    print(tables(findings.found))


def losses(findings: Findings) -> None:
    """Compare the losses of the first evaluations, and of the finished frames, with the CPU's."""
    size = ["video.frames=3", "video.height=72", "video.width=128", f"evaluations={LOSS_EVALUATIONS}"]
    same = [
        "video=talk",
        "lanes=1",
        *SHORT,
        *size,
        "evaluation_factors=[]",
        "backbone.precision=float32",
        *filters(),
    ]
    for model in MODELS:
        with paint(f"model={model}", "flow=dis", *same, "trainer.accelerator=cpu") as (cpu, _):
            expected = read_curves(cpu)
        for graphs in ("false", "true"):
            options = [f"model={model}", "flow=dis", *same, f"optimizer.graphs={graphs}"]
            with paint(*options, accelerator(findings.device)) as (directory, _):
                found = read_curves(directory)
            pairs = [
                (one["total"], other["total"])
                for index in expected
                for one, other in zip(found[index], expected[index], strict=True)
            ]
            worst = max(abs((one or 0) - (other or 0)) / abs(other or 1) for one, other in pairs)
            findings.put(
                "losses against the CPU's", {"model": model, "graphs": graphs, "largest difference": worst}
            )


def kill_and_resume(findings: Findings) -> None:
    """Kill a run hard after a frame, resume it, and compare its frames with those of a run that was not killed."""
    common = [
        "video=talk",
        "lanes=1",
        *SHORT,
        *filters(),
        "model=robust",
        "flow=dis",
        "video.frames=4",
        "evaluations=40",
    ]
    options = [*common, "video.height=144", "video.width=256", accelerator(findings.device)]
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = Path(folder) / "whole", Path(folder) / "broken"
        program = [sys.executable, "-m", "vst"]
        subprocess.run([*program, *options, f"hydra.run.dir={whole}"], check=True, capture_output=True)
        process = subprocess.Popen(
            [*program, *options, f"hydra.run.dir={broken}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and len(read_frames(broken)) < 2:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = len(read_frames(broken))
        subprocess.run([*program, f"resume={broken}"], check=True, capture_output=True)
        same = all(
            (broken / "frames" / file.name).read_bytes() == file.read_bytes()
            for file in (whole / "frames").glob("*.png")
        )
        findings.put("killed and resumed", {"frames before the kill": done, "frames": 4, "the same": same})


def speed(findings: Findings, size: int) -> None:
    """Frames a second at a size: of every model in bf16 by graph first, then of the other ways."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "talk.mp4"
        write_scene(clip, size)
        _speed(findings, size, clip)


def _speed(findings: Findings, size: int, clip: Path) -> None:
    on_card = findings.device == "cuda"
    ways = [("bf16", "true"), ("bf16", "false"), ("tf32", "true"), ("float32", "true"), ("float32", "false")]
    runs = [(*way, model, 1) for way, model in itertools.product(ways if on_card else ways[-1:], MODELS)]
    # naive's frames need no other: some can be painted at once
    runs.insert(len(MODELS), (*runs[0][:2], "naive", 4))
    for precision, graphs, model, lanes in runs:
        name = f"{model} at {size}, {precision}, graphs={graphs}, {lanes} at once"
        if not findings.time_for("speed", name):
            return
        options = [f"model={model}", *SHORT, *filters(), *flow(), "evaluations=40", "evaluation_factors=[]"]
        options += ["video=file", f"video.path={quoted(clip)}"]
        options += [f"backbone.precision={precision}", f"optimizer.graphs={graphs}", f"lanes={lanes}"]
        options += ["callbacks.metrics.motion=dis"]
        if on_card:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        with Waiting() as waiting, paint(*options, accelerator(findings.device)) as (directory, clock):
            frames = read_frames(directory)
        # the first frames have the captures and the choice of algorithms in them
        first = max(2, lanes)
        seconds = (clock.times[-1] - clock.times[first - 1]) / (len(clock.times) - first)
        painting = sum(row["seconds"] or 0 for row in frames[first:]) / len(frames[first:])
        findings.put(
            "speed",
            {
                "size": size,
                "model": model,
                "precision": precision,
                "graphs": graphs,
                "frames at once": lanes,
                "frames a second": 1 / seconds,
                "painting alone": 1 / painting,
                "waiting for flow": waiting.share(seconds),
                "peak memory, GB": torch.cuda.max_memory_allocated() / 2**30 if on_card else None,
            },
        )


def write_scene(path: Path, size: int, frames: int = 8) -> None:
    """Write a built-in scene as a file, so that reading it takes what reading a clip takes."""
    scene = Talk(height=size * 9 // 32 * 2, width=size, frames=frames)
    pictures = ((to_uint8(frame.content), frame.pts) for frame in scene.read())
    write_video(path, pictures, scene.info)


class Waiting:
    """How long the painting waited for what is prepared ahead, from its third frame on, while this is entered."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._original = PreparedFrames.__iter__

    def __enter__(self) -> Waiting:
        def watched(frames: PreparedFrames) -> Iterator[Any]:
            items = self._original(frames)
            while True:
                began = time.perf_counter()
                item = next(items, None)
                if item is None:
                    return
                self.seconds.append(time.perf_counter() - began)
                yield item

        setattr(PreparedFrames, "__iter__", watched)  # noqa: B010 - a stand-in for the class's own
        return self

    def __exit__(self, *_: object) -> None:
        setattr(PreparedFrames, "__iter__", self._original)  # noqa: B010

    def share(self, frame: float) -> float:
        """The mean wait as a part of a frame's time."""
        return sum(self.seconds[2:]) / max(1, len(self.seconds[2:])) / frame


class paint:  # noqa: N801 - used as a function
    """Paint as configured in a directory that goes afterwards: `with paint(*overrides) as (directory, clock)`."""

    def __init__(self, *overrides: str):
        self._folder = tempfile.TemporaryDirectory()
        self._overrides = overrides

    def __enter__(self) -> tuple[Path, Clock]:
        clock = Clock()
        directory = Path(self._folder.name) / "run"
        run(composed([*self._overrides, f"paths.run={directory}"]), callbacks={"clock": clock})
        return directory, clock

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def accelerator(device: str) -> str:
    """The option for a device."""
    return f"trainer.accelerator={'gpu' if device == 'cuda' else 'cpu'}"


def filters() -> list[str]:
    """VGG-19's where they are at hand."""
    return [] if cached_path("vgg19-normalised").is_file() else ["backbone=random"]


def flow() -> list[str]:
    """RAFT on the card where its weights are at hand."""
    return ["flow=raft"] if cached_path("raft-small").is_file() else ["flow=dis"]


def tables(found: dict[str, Any]) -> str:
    """A table in Markdown for each step."""
    texts = []
    for step, rows in found.items():
        heads = list(rows[0])
        lines = [heads, ["---"] * len(heads), *([_short(row[head]) for head in heads] for row in rows)]
        texts.append(f"{step}:\n\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n")
    return "\n".join(texts)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
