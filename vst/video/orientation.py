"""Rotating pictures for display."""

from __future__ import annotations

import av
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from vst.video.colour import to_rgb


def upright(picture: av.VideoFrame, reformatter: VideoReformatter) -> NDArray[np.float32]:
    """Return a decoded picture rotated for display, as RGB in [0, 1] of shape (H, W, 3)."""
    image = to_rgb(picture, reformatter)
    matrix = display_matrix(picture)
    return image if matrix is None else _oriented(image, matrix)


def display_matrix(picture: av.VideoFrame) -> NDArray[np.int32] | None:
    """Return how a picture is turned for display: x' = m00 x + m10 y, y' = m01 x + m11 y, y downwards."""
    data = picture.side_data.get(SideDataType.DISPLAYMATRIX)  # ty: ignore[no-matching-overload]
    return None if data is None else np.frombuffer(bytes(data), np.int32).reshape(3, 3)[:2, :2]


def swaps_axes(matrix: NDArray[np.int32]) -> bool:
    """Whether width and height are swapped."""
    return abs(int(matrix[0, 1])) > abs(int(matrix[0, 0]))


def _oriented(image: NDArray[np.float32], matrix: NDArray[np.int32]) -> NDArray[np.float32]:
    """Rotate and mirror an image (H, W, 3) by the quarter turn nearest to its display matrix."""
    if swaps_axes(matrix):
        image, from_x, from_y = image.transpose(1, 0, 2), matrix[1, 0], matrix[0, 1]
    else:
        from_x, from_y = matrix[0, 0], matrix[1, 1]
    return image[:: -1 if from_y < 0 else 1, :: -1 if from_x < 0 else 1]
