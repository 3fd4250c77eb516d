"""How the pictures of a clip are meant to be seen: which side is up, and what light they stand for."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from vst.video.colour import opacity, to_rgb
from vst.video.light import for_a_screen
from vst.video.orientation import display_matrix, oriented, swaps_axes


@dataclass(frozen=True)
class Appearance:
    """The display matrix of a clip, if it has one, and the codes of its transfer function and primaries."""

    matrix: NDArray[np.int32] | None
    transfer: int
    primaries: int

    @property
    def turned(self) -> bool:
        """Whether width and height are swapped."""
        return self.matrix is not None and swaps_axes(self.matrix)

    def image(self, picture: av.VideoFrame, reformatter: VideoReformatter) -> NDArray[np.float32]:
        """Return a decoded picture as a screen shows it: RGB in [0, 1] of shape (H, W, 3)."""
        image = for_a_screen(to_rgb(picture, reformatter), self.transfer, self.primaries)
        return image if self.matrix is None else oriented(image, self.matrix)

    def opacity(self, picture: av.VideoFrame, reformatter: VideoReformatter) -> NDArray[np.float32] | None:
        """Return how opaque a decoded picture is, (H, W, 1) in [0, 1]; None where it is so everywhere."""
        found = opacity(picture, reformatter)
        return found if found is None or self.matrix is None else oriented(found, self.matrix)


def appearance_of(picture: av.VideoFrame, stream: VideoStream) -> Appearance:
    """Find out how the pictures of a stream are meant to be seen from the first of them."""
    codec = stream.codec_context
    return Appearance(display_matrix(picture), int(codec.color_trc), int(codec.color_primaries))
