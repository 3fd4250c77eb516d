from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

from vst.errors import InputError
from vst.synthetic.brush import Array, Generator, drawing_size
from vst.synthetic.facets import paint_facets
from vst.synthetic.ink import paint_ink
from vst.synthetic.scene import LONGEST
from vst.synthetic.swirls import paint_swirls


def swirls(height: int, width: int, seed: int = 0) -> Tensor:
    """Paint a starry night: (1, 3, H, W) RGB float32 in [0, 1].

    Short impasto strokes follow a field of wind, spirals and rings round glowing stars; below lie hills,
    a village and a cypress. A seed gives the same picture at any size and on any number of threads.
    """
    return _paint(paint_swirls, height, width, seed)


def facets(height: int, width: int, seed: int = 0) -> Tensor:
    """Paint a cubist still life: (1, 3, H, W) RGB float32 in [0, 1].

    Overlapping planes with sharp edges break up a guitar, a bottle, a glass and fruit; each plane has its own
    view, colour, shading and texture. A seed gives the same picture at any size and on any number of threads.
    """
    return _paint(paint_facets, height, width, seed)


def ink(height: int, width: int, seed: int = 0) -> Tensor:
    """Paint a Chinese ink landscape: (1, 3, H, W) RGB float32 in [0, 1].

    Washes of receding mountains on toned paper, dense dry texture strokes, bare trees, a line of script and
    a red seal. A seed gives the same picture at any size and on any number of threads.
    """
    return _paint(paint_ink, height, width, seed)


def _paint(draw: Callable[[int, int, Generator], Array], height: int, width: int, seed: int) -> Tensor:
    if min(height, width) < 1:
        raise InputError(f"a painting of {width}x{height} pixels has no pixels; ask for 1x1 or more")
    if max(height, width) > LONGEST:
        raise InputError(
            f"a painting of {width}x{height} pixels is too large to be drawn; ask for at most {LONGEST} on each side"
        )
    return _drawn(draw, height, width, seed).clone()


@lru_cache(maxsize=3)  # the runs of a grid, which one process paints, have the same few paintings
def _drawn(draw: Callable[[int, int, Generator], Array], height: int, width: int, seed: int) -> Tensor:
    picture = draw(*drawing_size(height, width), np.random.default_rng(seed))
    if picture.shape[:2] != (height, width):
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    picture = np.clip(np.ascontiguousarray(picture, np.float32), 0, 1)
    return torch.from_numpy(picture).permute(2, 0, 1)[None].contiguous()
