"""What the frames of a run are painted like."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

from torch import Tensor

from vst.frames import Frame
from vst.painting.colours import StyleColours
from vst.video.palette import Palette


class Mixture:
    """The style image (1, 3, h, w), and whose colours it is painted in.

    `palettes` are those of the shots, by their first frame, where the colours depend on them.
    """

    def __init__(self, style: Tensor, colours: StyleColours, palettes: Mapping[int, Palette] | None = None):
        self.style, self.colours = style, colours
        self._palettes = dict(palettes or {})
        self._firsts = sorted(self._palettes)

    @property
    def constant(self) -> bool:
        """Whether all frames are painted alike."""
        return len(self._palettes) <= 1

    def shot(self, frame: Frame) -> int:
        """A number that is the same for frames for which the style image is the same."""
        return max(0, bisect_right(self._firsts, frame.index) - 1)

    def style_in(self, shot: int) -> Tensor:
        """The style image in a shot."""
        if not self._firsts:
            return self.style
        return self.colours.style(self.style, self._palettes[self._firsts[shot]])
