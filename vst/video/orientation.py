"""Rotating pictures for display."""

from __future__ import annotations

from fractions import Fraction

import av
import av.filter
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from numpy.typing import NDArray

# How many kinds of side data FFmpeg may know beyond those that PyAV has names for.
UNNAMED = 16


def display_matrix(picture: av.VideoFrame) -> NDArray[np.int32] | None:
    """Return how a picture is turned for display: x' = m00 x + m10 y, y' = m01 x + m11 y, y downwards."""
    try:
        side_data = picture.side_data
    except ValueError:  # PyAV refuses them all because of one that it has no name for, such as EXIF
        side_data = _without_unnamed(picture).side_data
    data = side_data.get(SideDataType.DISPLAYMATRIX)  # ty: ignore[no-matching-overload]
    return None if data is None else np.frombuffer(bytes(data), np.int32).reshape(3, 3)[:2, :2]


def _without_unnamed(picture: av.VideoFrame) -> av.VideoFrame:
    """Return a picture without the side data that PyAV has no names for."""
    graph = av.filter.Graph()
    named = len(SideDataType)
    nodes = [
        graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format, time_base=Fraction(1)
        ),
        *(graph.add("sidedata", f"mode=delete:type={number}") for number in range(named, named + UNNAMED)),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    graph.push(picture)
    cleared = graph.pull()
    assert isinstance(cleared, av.VideoFrame)
    return cleared


def swaps_axes(matrix: NDArray[np.int32]) -> bool:
    """Whether width and height are swapped."""
    return abs(int(matrix[0, 1])) > abs(int(matrix[0, 0]))


def oriented(image: NDArray[np.float32], matrix: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return an image (H, W, 3) turned and mirrored by the quarter turn nearest to its display matrix."""
    if swaps_axes(matrix):
        image, from_x, from_y = image.transpose(1, 0, 2), matrix[1, 0], matrix[0, 1]
    else:
        from_x, from_y = matrix[0, 0], matrix[1, 1]
    return image[:: -1 if from_y < 0 else 1, :: -1 if from_x < 0 else 1]
