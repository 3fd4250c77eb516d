"""Coarse to fine: a frame that does not start from a painting is painted small first, and enlarged step by step.

VGG-19 sees about as much of a picture at any size, in pixels: what is painted on a small frame becomes the large shapes
of the large one, which L-BFGS alone never reaches there. Source: Gatys et al., "Controlling Perceptual Factors in
Neural Style Transfer" (2017), section 6, which has two sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from vst.features.vgg import Activations
from vst.flow.neighbour import Neighbour
from vst.losses.target import AnchorView, Regions, Target

Size = tuple[int, int]

COARSEST = 128
"""Longer side, in pixels, of the coarsest scale: on it, VGG-19's deepest layers see a quarter of the frame at once."""

LEAST = 200
"""Longer side, in pixels, from which a frame has more than one scale."""

NARROWEST = 32
"""Shorter side, in pixels, that every scale keeps: two positions of conv5_1."""

STRONGEST = 1.5
"""How much stronger the content's fine detail may become: more than that, and what was noise in it stays."""


@dataclass(frozen=True)
class Stage:
    """What was done at one scale: its size, (height, width), and the evaluations of the objective there."""

    size: Size
    evaluations: int


def sizes(height: int, width: int, scales: int | None) -> list[Size]:
    """The sizes, (height, width), at which a frame is painted, the coarsest first and its own last.

    `scales` is how many, None for as many as steps of at most 2 from about `COARSEST` pixels take: 128, 233 and 426
    pixels for a frame of 426; one for a frame below `LEAST`. None is smaller than `COARSEST` or `NARROWEST` allow.
    """
    longer, shorter = max(height, width), min(height, width)
    room = min(longer / COARSEST, shorter / NARROWEST)
    if scales is None:
        scales = 1 if longer < LEAST or room <= 1 else 1 + math.ceil(math.log2(room))
    if scales == 1 or room <= 1:
        return [(height, width)]
    step = min(2.0, room ** (1 / (scales - 1)))
    factors = [step**-number for number in reversed(range(scales))]
    return list(dict.fromkeys((round(height * factor), round(width * factor)) for factor in factors))


def shares(budget: int, stages: list[Size]) -> list[int]:
    """Evaluations at each of the sizes, which together cost what `budget` evaluations at the last one do.

    Every size has the same number, at least one of a budget that has any; the last takes what is left by rounding.
    """
    *coarser, finest = [height * width for height, width in stages]
    areas = [area / finest for area in coarser]
    least = min(1, budget)
    each = max(least, round(budget / (1 + sum(areas))))
    return [each] * len(areas) + [max(least, round(budget - each * sum(areas)))]


def cost(stages: Sequence[Stage]) -> float:
    """The cost of what was done, in evaluations at the last size: Σ n·(H·W) / (H·W of the last)."""
    height, width = stages[-1].size
    return sum(stage.evaluations * stage.size[0] * stage.size[1] for stage in stages) / (height * width)


def resized(image: Tensor, size: Size) -> Tensor:
    """An image (L, C, H, W) at another size, without aliasing: bicubic, and so not kept within its range."""
    if image.shape[-2:] == size:
        return image
    return F.interpolate(image, size, mode="bicubic", antialias=True, align_corners=False)


def fine_detail(image: Tensor, smaller: Size) -> Tensor:
    """What an image (L, C, H, W) loses when it is made smaller, and enlarged again: (L, C, H, W)."""
    return image - resized(resized(image, smaller), (image.shape[-2], image.shape[-1]))


def strength(detail: Tensor) -> Tensor:
    """The root mean square of what `fine_detail` found, (L, 1, 1, 1)."""
    return detail.square().mean((1, 2, 3), keepdim=True).sqrt()


def enlarged(painting: Tensor, content: Tensor, style_detail: Tensor, amount: float | Tensor = 1) -> Tensor:
    """A painting (L, 3, h, w) at the size of its content (L, 3, H, W), whose fine detail it takes on: (L, 3, H, W).

    The detail that the small painting has no room for is the content's, times r / r_V, at most `STRONGEST`: r_V is
    its root mean square, r = `style_detail` that of the style image's between the same two sizes. With an `amount`
    below 1 it stays nearer to the content's own. An enlarged painting alone is blurred, which is as far from the style
    as the content is, and further from the content than anything the optimisation would paint: what comes of it has
    lost the content's outlines and eyes. Source: this project's own, from measurements (experiments/scales.md).
    """
    detail = fine_detail(content, (painting.shape[-2], painting.shape[-1]))
    gain = (style_detail / strength(detail).clamp(min=1e-8)).clamp(max=STRONGEST)
    gain = torch.ones_like(gain).lerp(gain, amount)
    return resized(painting, (content.shape[-2], content.shape[-1])) + gain * detail


def scaled(target: Target, size: Size, look: Callable[[Tensor], Activations]) -> Target:
    """A frame's target at another size; `look` gives the activations of its content there.

    Flow is not estimated again: it is that of the full size, with its lengths scaled.
    """
    content = resized(target.content, size).clamp(0, 1)
    neighbours = {id(one): _Scaled(one, size) for one in target.neighbours}
    if target.neighbour is not None and id(target.neighbour) not in neighbours:
        neighbours[id(target.neighbour)] = _Scaled(target.neighbour, size)
    anchor = target.anchor
    if anchor is not None:
        images = {
            name: resized(part, size).clamp(0, 1) for name, part in vars(anchor).items() if name != "flow"
        }
        anchor = AnchorView(_flow(anchor.flow, size), **images)
    return replace(
        target,
        content=content,
        activations=look(content),
        neighbour=None if target.neighbour is None else neighbours[id(target.neighbour)],
        earlier=None if target.earlier is None else resized(target.earlier, size).clamp(0, 1),
        past=[neighbours[id(one)] for one in target.past],
        anchor=anchor,
        neighbours=[neighbours[id(one)] for one in target.neighbours],
        regions=None if target.regions is None else _regions(target.regions, size),
    )


class _Scaled(Neighbour):
    """A neighbour at another size."""

    def __init__(self, neighbour: Neighbour, size: Size):
        images = neighbour.content, neighbour.stylized, neighbour.current_content
        content, stylized, current = (resized(image, size).clamp(0, 1) for image in images)
        super().__init__(
            content,
            stylized,
            current,
            neighbour.estimator,
            neighbour.distance,
            neighbour.same_shot,
            neighbour.blank,
        )
        self._full, self._size = neighbour, size

    @cached_property
    def backward_flow(self) -> Tensor:
        """The full size's, scaled."""
        return _flow(self._full.backward_flow, self._size)

    @cached_property
    def forward_flow(self) -> Tensor:
        """The full size's, scaled."""
        return _flow(self._full.forward_flow, self._size)

    @cached_property
    def unfollowed(self) -> float:
        """The full size's."""
        return self._full.unfollowed


def _regions(regions: Regions, size: Size) -> Regions:
    of = [resized(mask, size).clamp(0, 1) for mask in regions.of]
    return Regions(of, resized(regions.whole, size).clamp(0, 1))


def _flow(flow: Tensor, size: Size) -> Tensor:
    """A flow field (L, 2, H, W) in pixels, at another size and in its pixels."""
    smooth = F.interpolate(flow, size, mode="bilinear", antialias=True, align_corners=False)
    across, down = size[1] / flow.shape[-1], size[0] / flow.shape[-2]
    return smooth * flow.new_tensor([across, down]).view(1, 2, 1, 1)
