"""Time to the loss that the field's plain way has after 100 evaluations, by frames of a shot.

    python experiments/benchmarks/time_to_loss.py [--frames 5] [--size 176] [--evaluations 100]

The plain way is written out here: torch.optim.LBFGS over the pixels of every frame, from the content, in float32, with
the paper's content and style losses and nothing else. Against it stands vst's: Fourier coefficients, the fastest
precision, and robust's start, the previous painting moved along the flow. What is compared is α L_content + β L_style;
a frame's time is that of its evaluations up to the first that is as good, at the frame's own seconds an evaluation.
"""

from __future__ import annotations

import argparse
import time

import torch
from measure import QUIET, machine, precisions, small_run, table
from torch import Tensor

from vst.composing import composed
from vst.features.vgg import VGG19
from vst.features.weights import normalised
from vst.losses.functional import content_loss, gram_matrix, style_loss
from vst.runs.build import build
from vst.runs.rows import read_curves, read_frames
from vst.runs.settings import resolve

STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
ALPHA, BETA = 1.0, 1e5


def plain_way(frames: list[Tensor], style: Tensor, evaluations: int) -> list[tuple[float, float]]:
    """The loss that each frame ends at, and the seconds it took."""
    backbone = VGG19(normalised(), border="replicate")
    with torch.no_grad():
        targets = [gram_matrix(values) for values in backbone(style, STYLE).values()]
    found = []
    for content in frames:
        with torch.no_grad():
            wanted = backbone(content, ["conv4_2"])["conv4_2"]
        image = content.clone().requires_grad_()
        optimizer = torch.optim.LBFGS([image], max_iter=evaluations, max_eval=evaluations, history_size=10)
        losses: list[float] = []

        def closure(image=image, wanted=wanted, optimizer=optimizer, losses=losses) -> Tensor:
            optimizer.zero_grad()
            activations = backbone(image, [*STYLE, "conv4_2"])
            grams = [gram_matrix(activations[layer]) for layer in STYLE]
            loss = ALPHA * content_loss(activations["conv4_2"], wanted) + BETA * style_loss(grams, targets)
            loss.sum().backward()
            losses.append(loss.item())
            return loss.sum()

        began = time.perf_counter()
        optimizer.step(closure)
        found.append((min(losses), time.perf_counter() - began))
    return found


def report(frames: int, size: int, evaluations: int) -> str:
    """A row for each precision, with the ratios of first, second and later frames."""
    clip = ["video=carphone", "video.start=60", f"video.frames={frames}", f"video.size={size}"]
    settings = resolve(composed([*clip, "paths.run=."]))
    contents = [frame.content for frame in build(settings["video"]).read()]
    targets = plain_way(contents, build(settings["style"]).at(size).image, evaluations)
    rows = [
        [
            "plain",
            f"{evaluations}",
            *[f"{seconds:.1f} s" for _, seconds in (targets[0], targets[1], targets[-1])],
        ]
    ]
    for precision in precisions():
        options = [
            "model=naive",
            "start=filled",
            "flow=steady",
            "optimizer.tolerance=0",
            # a first frame needs most of the baseline's evaluations, later ones far fewer
            f"evaluations={evaluations * 3 // 10}",
            "evaluation_factors=[3.4]",
        ]
        with small_run(*clip, *options, f"backbone.precision={precision}", *QUIET) as directory:
            rows.append([precision, *_row(read_curves(directory), read_frames(directory), targets)])
    heads = ["way", "evaluations, third and later", "first frame", "second", "third and later"]
    return f"Time to the plain way's loss ({machine()}, {size} pixels):\n\n{table(heads, rows)}"


def _row(curves: dict, frames: list, targets: list[tuple[float, float]]) -> list[str]:
    ratios, counts = [], []
    for index, (target, seconds) in enumerate(targets):
        losses = [ALPHA * row["content"] + BETA * row["style"] for row in curves[index]]
        reached = next((number for number, loss in enumerate(losses, start=1) if loss <= target), None)
        one = frames[index]["seconds"] / frames[index]["evaluations"]
        ratios.append(None if reached is None else reached * one / seconds)
        counts.append(reached)
    later = [ratio for ratio in ratios[2:] if ratio is not None]
    mean = f"**1/{1 / (sum(later) / len(later)):.1f}**" if len(later) == len(ratios) - 2 else "not reached"
    first, second = ("not reached" if ratio is None else f"1/{1 / ratio:.1f}" for ratio in ratios[:2])
    return [", ".join(str(count) for count in counts[2:]), first, second, mean]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--size", type=int, default=176)
    parser.add_argument("--evaluations", type=int, default=100)
    given = parser.parse_args()
    print(report(given.frames, given.size, given.evaluations))
