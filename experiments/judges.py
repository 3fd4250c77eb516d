"""Measures each judge of coherence against exact motion: python experiments/judges.py RUN [RUN …]

Each RUN is a run's directory, of a built-in scene (talk, anime, battle), whose motion is known. The warping error of
its frames, and the share of repainted strokes, are measured along the exact motion and along what each estimator, and
the consensus of two, finds; so is the warping error of the content itself, the floor. `counted` is the share of the
pixels whose motion is trusted. A blurred copy of the painting (a Gaussian of 1 pixel) is judged beside it, and so is
the painting with the linear sampling of Lai et al. (2018). The result is a Markdown table with a row for each judge.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import torch
from records import record_of
from torch import Tensor

from vst.commandline import reporting_errors
from vst.errors import InputError
from vst.flow.warp import backward_warp
from vst.metrics.motion import AgreedMotion, EstimatedMotion, ExactMotion, Truth, named_estimator
from vst.metrics.repainted import repainted
from vst.metrics.temporal import warping_error
from vst.runs.build import build
from vst.runs.directory import frame_path
from vst.synthetic.scene import Scene
from vst.video.store import load_png

BLUR = 1.0
ESTIMATORS = ("deepflow", "dis", "sparse", "farneback", "raft")
PAIRS = (("dis", "sparse"), ("dis", "deepflow"), ("sparse", "deepflow"))


def judges() -> dict[str, Truth]:
    """All judges but the exact motion, by name."""
    found: dict[str, Truth] = {name: EstimatedMotion(named_estimator(name)) for name in ESTIMATORS}
    for pair in PAIRS:
        agreed = AgreedMotion(*map(named_estimator, pair))
        found[agreed.name] = agreed
    return found


def painted_pairs(scene: Scene, run: Path) -> Iterator[tuple[int, list[Tensor]]]:
    """A frame's number, and V[i], V[i-1], V'[i], V'[i-1], for each frame that was painted and begins no shot."""
    for index in range(1, scene.info.frames):
        files = [frame_path(run, index), frame_path(run, index - 1)]
        if index not in scene.cuts and all(file.is_file() for file in files):
            painted = [torch.from_numpy(load_png(file)).permute(2, 0, 1)[None] / 255 for file in files]
            yield index, [scene.frame(index), scene.frame(index - 1), *painted]


def measure(scene: Scene, run: Path, truths: Mapping[str, Truth]) -> dict[str, list[float]]:
    """The means over the frames, by judge: counted, error, floor, blurred copy's error, sampled linearly, both
    repainted."""
    sums = {name: torch.zeros(7, dtype=torch.float64) for name in truths}
    count = 0
    for index, (content, earlier, stylized, previous) in painted_pairs(scene, run):
        count += 1
        blurred = [_blurred(image) for image in (stylized, previous)]
        for name, truth in truths.items():
            flow, trust, _ = truth(content, earlier, index, 1)
            linear = (trust * (stylized - backward_warp(previous, flow)).square()).sum() / (3 * trust.sum())
            figures = [
                trust.mean(),
                warping_error(stylized, previous, flow, trust),
                warping_error(content, earlier, flow, trust),
                warping_error(*blurred, flow, trust),
                linear,
                repainted(stylized, previous, flow, trust),
                repainted(*blurred, flow, trust),
            ]
            sums[name] += torch.tensor([float(figure) for figure in figures], dtype=torch.float64)
    return {name: (total / count).tolist() for name, total in sums.items()} if count else {}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    given = parser.parse_args()
    estimated = judges()
    print(
        "| clip, model | judge | counted | error × 10⁻³ | content's | blurred | linear | repainted | blurred |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    with reporting_errors():
        for run in given.runs:
            config = record_of(run).provenance.config
            scene = build(config["video"])
            if not isinstance(scene, Scene):
                raise InputError(
                    f"{run} is of a clip whose motion is not known; give runs of talk, anime or battle"
                )
            truths = {"exact": ExactMotion(scene), **estimated}
            for name, (counted, *errors, own, blurred) in measure(scene, run, truths).items():
                of_run = f"{scene.info.name}, {config['model']}" if name == "exact" else ""
                cells = " | ".join(f"{1000 * error:.3f}" for error in errors)
                print(
                    f"| {of_run} | {name} | {counted:.2f} | {cells} | {own:.3f} | {blurred:.3f} |", flush=True
                )


def _blurred(image: Tensor) -> Tensor:
    pixels = image[0].permute(1, 2, 0).numpy()
    smooth = cv2.GaussianBlur(pixels, (0, 0), BLUR, borderType=cv2.BORDER_REFLECT)
    return torch.from_numpy(smooth).permute(2, 0, 1)[None]


if __name__ == "__main__":
    main()
