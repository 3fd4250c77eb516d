"""Resizes or crops pictures to a common size."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Sizes = tuple[int, int]


def fit(picture: Picture, sizes: Sizes) -> Picture:
    """Resize a picture (H, W, 3) in [0, 1] to `sizes`, (height, width).

    It is shrunk by averaging over areas, and enlarged by cubic interpolation. A picture that is one pixel larger on an
    odd side is cropped: video players need even sides, and writers repeat the edge for them.
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


def fitting_note(found: Sizes, wanted: Sizes) -> str | None:
    """How a painted clip's frames had to be changed before the comparison; None if they were not."""
    if found == wanted:
        return None
    was = f"{found[1]}x{found[0]} pixels"
    if _is_padded(found, wanted):
        return f"{was}, cropped to {wanted[1]}x{wanted[0]}: the rest repeats the edge"
    if abs(found[0] * wanted[1] - found[1] * wanted[0]) > max(found) * max(wanted) / 50:
        return f"{was}, with another aspect ratio: stretched to {wanted[1]}x{wanted[0]}"
    return f"{was}, resized to {wanted[1]}x{wanted[0]}; size={max(found)} would compare it at its own size"


def _is_padded(found: Sequence[int], wanted: Sizes) -> bool:
    return all(side in (odd, odd + odd % 2) for side, odd in zip(found, wanted, strict=True))
