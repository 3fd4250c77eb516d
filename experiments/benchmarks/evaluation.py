"""One evaluation, its gradient and the optimiser's step, against the convolutions in it alone.

    python experiments/benchmarks/evaluation.py [--height 144] [--width 256]

The floor is the time of VGG-19's convolutions up to conv5_1, forward and back to the image, each called by itself on
tensors of its shape, layout and precision: nothing that evaluates the objective with these convolutions can be faster.
"""

from __future__ import annotations

import argparse

import torch
import torch.nn.functional as F
from measure import machine, median_seconds, precisions, table

from vst.features.layers import BLOCKS, LAYERS
from vst.features.vgg import VGG19
from vst.features.weights import normalised
from vst.losses.functional import content_loss, gram_matrix, range_loss, style_loss
from vst.optim import minimise
from vst.painting.canvas import FourierCanvas

STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
EVALUATIONS = 12


def floor(height: int, width: int, dtype: torch.dtype) -> tuple[float, float]:
    """Seconds of the convolutions of an evaluation, and their operations."""
    seconds = operations = 0.0
    channels = 3
    for layer in LAYERS[: LAYERS.index("conv5_1") + 1]:
        block = int(layer[4])
        scale, out = 2 ** (block - 1), BLOCKS[block - 1][1]
        shape = (1, channels, height // scale, width // scale)
        images, weight = (
            torch.randn(size).to(dtype, memory_format=torch.channels_last)
            for size in (shape, (out, channels, 3, 3))
        )
        result = F.conv2d(images, weight, padding=1)

        def backward(result=result, images=images, weight=weight) -> object:
            return torch.ops.aten.convolution_backward(
                result, images, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True, False, False]
            )

        seconds += median_seconds(lambda images=images, weight=weight: F.conv2d(images, weight, padding=1))
        seconds += median_seconds(backward)
        operations += 2 * 2 * 9 * channels * out * shape[2] * shape[3]
        channels = out
    return seconds, operations


def evaluation(height: int, width: int, precision: str) -> tuple[float, float]:
    """Seconds of an evaluation with its gradient, and of one within `minimise`, that is with the step."""
    backbone = VGG19(normalised(), precision=precision, border="replicate")  # ty: ignore[invalid-argument-type]
    generator = torch.Generator().manual_seed(0)
    content, style = (torch.rand(1, 3, h, w, generator=generator) for h, w in ((height, width), (205, 256)))
    with torch.no_grad():
        wanted = backbone(content, ["conv4_2"])["conv4_2"]
        targets = [gram_matrix(values) for values in backbone(style, STYLE).values()]
    canvas = FourierCanvas()

    def objective(coefficients: torch.Tensor) -> torch.Tensor:
        image = canvas.image(coefficients, content)
        found = backbone(image, [*STYLE, "conv4_2"])
        grams = [gram_matrix(found[layer]) for layer in STYLE]
        losses = content_loss(found["conv4_2"], wanted) + 1e5 * style_loss(grams, targets)
        return losses + 1e5 * range_loss(image)

    def alone() -> object:
        point = torch.zeros_like(content, requires_grad=True)
        return torch.autograd.grad(objective(point).sum(), point)

    start = canvas.coefficients(content)
    stepping = median_seconds(lambda: minimise(objective, start, evaluations=EVALUATIONS), repeats=3)
    return median_seconds(alone), stepping / EVALUATIONS


def report(height: int, width: int) -> str:
    """A row for each precision, on one core: with more, the convolutions gain more than what is between them."""
    torch.set_num_threads(1)
    rows = []
    for precision in precisions():
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        least, operations = floor(height, width, dtype)
        alone, stepping = evaluation(height, width, precision)
        milliseconds = [f"{1e3 * seconds:.0f}" for seconds in (least, alone, stepping)]
        rate = f"{operations / least / 1e9:.0f}"
        rows.append([precision, rate, *milliseconds, f"{alone / least:.2f}", f"**{stepping / least:.2f}**"])
    heads = ["precision", "GFLOP/s", "convolutions (the floor), ms", "evaluation, ms", "with the step, ms"]
    heads += ["evaluation / floor", "with the step / floor"]
    return f"An evaluation at {width}×{height} ({machine()}):\n\n{table(heads, rows)}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--height", type=int, default=144)
    parser.add_argument("--width", type=int, default=256)
    given = parser.parse_args()
    print(report(given.height, given.width))
