"""Pictures of different sizes, made comparable."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Sizes = tuple[int, int]


def fit(picture: Picture, sizes: Sizes) -> Picture:
    """Give a picture (H, W, 3) in [0, 1] the (height, width) wanted.

    Smaller by averaging over areas, larger by cubic interpolation. A picture that is one pixel larger on an
    odd side is cut: players want even sides, and writers repeat the edge for them.
    """
    height, width = sizes
    if picture.shape[:2] == sizes:
        return picture
    if _is_padded(picture.shape[:2], sizes):
        return picture[:height, :width]
    shrinks = height <= picture.shape[0] and width <= picture.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=method)
    return np.clip(resized, 0, 1).astype(np.float32)


def note_on(found: Sizes, wanted: Sizes) -> str | None:
    """What had to be done to a painted clip's frames before they could be compared."""
    if found == wanted:
        return None
    was = f"{found[1]}x{found[0]} pixels"
    if _is_padded(found, wanted):
        return f"{was}, cut to {wanted[1]}x{wanted[0]}: the rest repeats the edge"
    if abs(found[0] * wanted[1] - found[1] * wanted[0]) > max(found) * max(wanted) / 50:
        return f"{was}, and so of another shape: stretched to {wanted[1]}x{wanted[0]}"
    return f"{was}, resized to {wanted[1]}x{wanted[0]}; size={max(found)} would compare it as it is"


def _is_padded(found: Sequence[int], wanted: Sizes) -> bool:
    return all(side in (odd, odd + odd % 2) for side, odd in zip(found, wanted, strict=True))
