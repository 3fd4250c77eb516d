from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vst.errors import InputError
from vst.frames import ClipInfo, Frame
from vst.synthetic.brush import Array, unit_grid
from vst.synthetic.layers import Layer

RATE = 25


@dataclass(frozen=True)
class Shot:
    """Layers shown from frame `first` until the next shot, farthest first; the farthest fills the frame.

    They are drawn when the first of its frames is: what is known of a large clip without them is known at once.
    """

    first: int
    draw: Callable[[], Sequence[Layer]]

    @cached_property
    def layers(self) -> Sequence[Layer]:
        """What `draw` returns."""
        return self.draw()


class Scene:
    """A clip of moving layers, with exactly known motion and occlusion.

    Every pixel centre of a frame shows one layer, the nearest that is solid there, at one exact layer
    coordinate. That point, moved with its layer to another frame of the shot, gives the pixel's flow; it is
    visible there if it lies in the frame and no nearer layer is solid at its position. Flow is in pixels,
    (dx, dy); masks are 1 where the flow can be trusted. Across a cut, flow and mask are 0.
    """

    def __init__(self, name: str, height: int, width: int, frames: int, shots: Sequence[Shot]):
        check_size(name, height, width, frames)
        self.shots = shots
        rate = Fraction(RATE)
        self._info = ClipInfo(name, frames, height, width, 1 / rate, rate, start_pts=0, end_pts=frames)
        self._grid = np.stack(unit_grid(height, width), -1).astype(np.float64)

    @property
    def info(self) -> ClipInfo:
        """Name, size, length and timing of the clip."""
        return self._info

    @property
    def cuts(self) -> tuple[int, ...]:
        """Index of the first frame of each new shot."""
        return tuple(shot.first for shot in self.shots if 0 < shot.first < self._info.frames)

    def read(self, first: int = 0) -> Iterator[Frame]:
        """Yield the frames in order, from frame `first` on."""
        for i in range(first, self._info.frames):
            yield Frame(content=self.frame(i), index=i, source_index=i, pts=i)

    def frame(self, i: int) -> Tensor:
        """Frame `i`: (1, 3, H, W) RGB float32 in [0, 1]."""
        picture = np.zeros((self._info.height, self._info.width, 3), np.float32)
        for layer in self._shot(i).layers:
            box = self._box(layer, self._time(i))
            if not self._grid[box].size:
                continue
            rgba = layer.sample(layer.motion(self._time(i)).inverse()(self._grid[box])).astype(np.float32)
            picture[box] = picture[box] * (1 - rgba[..., 3:] / 255) + rgba[..., :3] / 255
        tensor = torch.from_numpy(np.clip(picture, 0, 1)).permute(2, 0, 1)[None]
        return self.lit(i, tensor.contiguous())

    def lit(self, i: int, picture: Tensor) -> Tensor:
        """Change the lighting of frame `i` without moving anything; unchanged here."""
        return picture

    def backward_flow(self, i: int, interval: int = 1) -> Tensor:
        """Flow (1, 2, H, W) at the pixels of frame `i` to where they were in frame `i - interval`."""
        return self._flow(i, i - interval)

    def forward_flow(self, i: int, interval: int = 1) -> Tensor:
        """Flow (1, 2, H, W) at the pixels of frame `i - interval` to where they are in frame `i`."""
        return self._flow(i - interval, i)

    def backward_valid(self, i: int, interval: int = 1) -> Tensor:
        """Mask (1, 1, H, W), 1 at the pixels of frame `i` whose point is visible in frame `i - interval`."""
        return self._valid(i, i - interval)

    def forward_valid(self, i: int, interval: int = 1) -> Tensor:
        """Mask (1, 1, H, W), 1 at the pixels of frame `i - interval` whose point is visible in frame `i`."""
        return self._valid(i - interval, i)

    def visible_layer(self, i: int) -> NDArray[np.int64]:
        """Number of the layer (H, W) that each pixel centre of frame `i` shows."""
        nearest = np.zeros(self._grid.shape[:2], np.int64)
        for n, layer in enumerate(self._shot(i).layers):
            if n == 0:
                continue  # the farthest layer shows wherever no other does
            box = self._box(layer, self._time(i))
            if not self._grid[box].size:
                continue
            solid = layer.solid(layer.motion(self._time(i)).inverse()(self._grid[box]))
            nearest[box][solid] = n
        return nearest

    def _shot(self, i: int) -> Shot:
        if not 0 <= i < self._info.frames:
            raise IndexError(f"{self._info.name} has the frames 0 to {self._info.frames - 1}, not {i}")
        return [shot for shot in self.shots if shot.first <= i][-1]

    def _time(self, i: int) -> int:
        return i - self._shot(i).first

    def _box(self, layer: Layer, time: int) -> tuple[slice, slice]:
        """Rows and columns of the frame that the layer may cover."""
        back = layer.motion(time).inverse()
        border = [back(self._grid[:, [0, -1]]), back(self._grid[[0, -1]]).swapaxes(0, 1)]
        margin = 2 / layer.density
        low = np.array([-np.inf if layer.period else layer.origin[0], layer.origin[1]]) - margin
        high = np.array(layer.end) + margin
        # A row is straight in the layer too: if both its ends lie beyond one edge, so does all of it.
        rows, columns = [
            np.flatnonzero(((ends.max(1) >= low) & (ends.min(1) <= high)).all(-1)) for ends in border
        ]
        if not (rows.size and columns.size):
            return slice(0), slice(0)
        return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    def _moved(self, source: int, target: int) -> tuple[NDArray[np.int64], Array]:
        """Layer visible at each pixel of frame `source`, and the pixel's position (H, W, 2) in `target`, in units."""
        nearest = self.visible_layer(source)
        position = np.empty_like(self._grid)
        for n, layer in enumerate(self._shot(source).layers):
            here = nearest == n
            step = layer.motion(self._time(target)) @ layer.motion(self._time(source)).inverse()
            position[here] = step(self._grid[here])
        return nearest, position

    def _flow(self, source: int, target: int) -> Tensor:
        if self._shot(source) is not self._shot(target):
            return torch.zeros(1, 2, self._info.height, self._info.width)
        _, position = self._moved(source, target)
        flow = (position - self._grid) * min(self._info.height, self._info.width)
        return torch.from_numpy(flow.astype(np.float32)).permute(2, 0, 1)[None].contiguous()

    def _valid(self, source: int, target: int) -> Tensor:
        height, width = self._info.height, self._info.width
        if self._shot(source) is not self._shot(target):
            return torch.zeros(1, 1, height, width)
        nearest, position = self._moved(source, target)
        pixel = position * min(height, width) - 0.5
        slack = 1e-6  # a pixel that stays on the border must not leave the frame by rounding
        low, high = pixel >= -slack, pixel <= np.array([width - 1, height - 1]) + slack
        valid = (low & high).all(-1)
        for n, layer in enumerate(self._shot(target).layers):
            behind = valid & (nearest < n)
            if behind.any():
                valid &= ~(behind & layer.solid(layer.motion(self._time(target)).inverse()(position)))
        return torch.from_numpy(valid.astype(np.float32))[None, None]


LONGEST, LONGEST_TO_SHORTEST = 4096, 8
"""Most pixels of a side of what is drawn, which takes up to a kilobyte a pixel; and how many times the other side a
frame's may be: layers take several times a frame."""


def check_size(name: str, height: int, width: int, frames: int) -> None:
    """Raise an `InputError` for a scene without pixels or frames, or with too many for the memory of a machine."""
    if min(height, width, frames) < 1:
        raise InputError(
            f"the scene {name} cannot have {frames} frames of {width}x{height} pixels; ask for 1 or more"
        )
    shorter, longer = sorted((height, width))
    if longer > min(LONGEST, LONGEST_TO_SHORTEST * shorter):
        raise InputError(
            f"the scene {name} cannot have frames of {width}x{height} pixels; ask for sides of at most {LONGEST} "
            f"pixels, and of at most {LONGEST_TO_SHORTEST} times each other"
        )
