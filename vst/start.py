"""The image that the optimisation of a frame starts from.

Each start takes the frame's target and a generator of its own random numbers, and gives an image
(L, 3, H, W). From the second pass on, `VideoStylizer` starts from the frame's painting of the pass before
and asks none of these.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from vst.flow.warp import backward_warp
from vst.frames import Target


def content_start(target: Target, generator: Generator) -> Tensor:
    """The content frame: the painting keeps close to it and flickers least of the independent starts."""
    return target.content


def noise_start(target: Target, generator: Generator) -> Tensor:
    """Uniform noise in [0, 1], as Gatys et al. start; another in every frame, so the frames differ most."""
    noise = torch.rand(target.content.shape, generator=generator)
    return noise.to(target.content)


def previous_start(target: Target, generator: Generator) -> Tensor:
    """The neighbour's painting as it is; the content in the first frame of a pass."""
    return target.content if target.neighbour is None else target.neighbour.stylized


def warped_start(target: Target, generator: Generator) -> Tensor:
    """The neighbour's painting fetched along the backward flow; the content in the first frame of a pass."""
    if target.neighbour is None:
        return target.content
    return backward_warp(target.neighbour.stylized, target.neighbour.backward_flow)
