"""The part of a clip that is painted: which of its frames, and at which size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from vst.errors import InputError
from vst.frames import ClipInfo, Frame

if TYPE_CHECKING:
    import torch


def end_of_stretch(path: Path, count: int, start: int, frames: int | None) -> int:
    """Return the end of the stretch (exclusive), in frames of the file."""
    if not 0 <= start < count:
        raise InputError(
            f"{path} has {count} frames, so no stretch can start at {start}; set video.start between 0 and {count - 1}"
        )
    if frames is None:
        return count
    if frames < 1 or start + frames > count:
        raise InputError(
            f"{path} has {count} frames, so {frames} frames from frame {start} on do not exist; "
            f"set video.frames between 1 and {count - start}"
        )
    return start + frames


def fitted(height: int, width: int, size: int | None) -> tuple[int, int]:
    """Return height and width with the longer one at `size`, rounded to the nearest pixel and at least 1."""
    if size is None:
        return height, width
    longer = max(height, width)
    fitted_height, fitted_width = (
        max(1, (2 * side * size + longer) // (2 * longer)) for side in (height, width)
    )
    return fitted_height, fitted_width


def frame_of(
    image: NDArray[np.float32],
    opacity: NDArray[np.float32] | None,
    info: ClipInfo,
    source_index: int,
    time: int,
) -> Frame:
    """A frame of a clip by its image (H, W, 3) and opacity (H, W, 1), scaled to the size at which the clip is read."""
    opaque = None if opacity is None else _to_tensor(opacity, info.height, info.width)
    content = _to_tensor(image, info.height, info.width)
    return Frame(content, source_index - info.start, source_index, time, opacity=opaque)


def _to_tensor(image: NDArray[np.float32], height: int, width: int) -> torch.Tensor:
    """Return an image (H, W, C) as a tensor (1, C, H, W) of another size."""
    import torch  # slow to load, and an unusable file should be refused at once

    if image.shape[:2] != (height, width):
        shrinks = height <= image.shape[0] and width <= image.shape[1]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        resized = cv2.resize(image, (width, height), interpolation=method).reshape(height, width, -1)
        image = np.clip(resized, 0, 1).astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
