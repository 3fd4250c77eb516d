"""Measures each flow estimator: end-point error, and IoU of its disocclusion masks with the true ones.

    python experiments/masks.py [--height 144] [--width 192] [--frames 24]

The scenes know which pixels of a frame are not visible in the previous one. These are compared with the pixels that
fail the forward-backward test or leave the frame (`visibility`), and with those that Ruder's mask rejects, which also
rejects motion boundaries (`reliability`). Errors are over the pixels visible in both frames; cuts, which have no
motion, are skipped. The result is a Markdown table with one row per scene and estimator.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vst.assets import fetch
from vst.flow.consistency import reliability_mask, visibility_mask
from vst.flow.enlarged import Enlarged
from vst.flow.estimators import DIS, DeepFlow, Farneback, FlowEstimator
from vst.flow.raft import Raft
from vst.flow.steady import SteadyFlow
from vst.synthetic.scenes import Anime, Battle, Scene, Talk


def estimators() -> dict[str, FlowEstimator]:
    """All choices of `flow`, and variants on enlarged frames, as the metrics use them."""
    raft = Raft(fetch("raft-small"))
    return {
        "dis": DIS(),
        "farneback": Farneback(),
        "deepflow": DeepFlow(),
        "raft": raft,
        "dis, 2x": Enlarged(DIS(), 2),
        "raft, 4x": Enlarged(raft, 4, largest=704),
        "steady": SteadyFlow(),
    }


@dataclass
class Overlap:
    """Counts of the pixels in both of two masks, and in either."""

    both: int = 0
    either: int = 0

    def add(self, first: Tensor, second: Tensor) -> None:
        """Count one frame's masks."""
        self.both += int((first & second).sum())
        self.either += int((first | second).sum())

    @property
    def iou(self) -> float:
        """Intersection over union."""
        return self.both / self.either if self.either else float("nan")


def pairs(scene: Scene) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Each frame that is not the first of its shot: its number, the frame, and the previous frame."""
    for i in range(1, scene.info.frames):
        if i not in scene.cuts:
            yield i, scene.frame(i), scene.frame(i - 1)


def measure(scene: Scene, estimator: FlowEstimator) -> tuple[float, float, float, float]:
    """Mean and median end-point error in pixels, and the two IoUs."""
    errors: list[Tensor] = []
    visibility, reliability = Overlap(), Overlap()
    for i, frame, before in pairs(scene):
        flow, back = estimator(frame, before), estimator(before, frame)
        shown = scene.backward_valid(i) > 0
        errors.append((flow - scene.backward_flow(i)).norm(dim=1, keepdim=True)[shown])
        visibility.add(visibility_mask(flow, back, sigma=0) < 0.5, ~shown)
        reliability.add(reliability_mask(flow, back, sigma=0) < 0.5, ~shown)
    error = torch.cat(errors)
    return float(error.mean()), float(error.median()), visibility.iou, reliability.iou


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--height", type=int, default=144)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--frames", type=int, default=24)
    given = parser.parse_args()
    print("| scene | estimator | error, mean px | median px | IoU visibility | IoU reliability |")
    print("|---|---|---|---|---|---|")
    for kind in (Talk, Anime, Battle):
        scene = kind(given.height, given.width, given.frames)
        for name, estimator in estimators().items():
            figures = " | ".join(f"{value:.3f}" for value in measure(scene, estimator))
            print(f"| {scene.info.name} | {name} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
