from __future__ import annotations

from io import BytesIO
from pathlib import Path
from shutil import rmtree

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vst.files import Damaged, atomic_write, read_hashed, write_hashed


def to_uint8(image: Tensor | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image as 8-bit RGB of shape (H, W, 3).

    Floats are RGB in [0, 1] of shape (3, H, W) or (1, 3, H, W), clamped and rounded to the nearest of
    256 levels. An array of uint8 (H, W, 3) is returned unchanged.
    """
    if isinstance(image, Tensor):
        levels = (_one_frame(image).float().clamp(0, 1) * 255).round().to(torch.uint8)
        return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"an image array must be uint8 (H, W, 3), not {image.dtype} {image.shape}")
    return image


def save_png(path: str | Path, image: Tensor | NDArray[np.uint8]) -> None:
    """Write an image, in any form that `to_uint8` takes, as an 8-bit RGB PNG."""
    with atomic_write(Path(path)) as aside:
        # Higher levels hardly make painted frames smaller, and take many times as long.
        Image.fromarray(to_uint8(image)).save(aside, format="PNG", compress_level=1)


def load_png(path: str | Path) -> NDArray[np.uint8]:
    """Return the picture in a file as 8-bit RGB of shape (H, W, 3)."""
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def save_array(path: Path, values: NDArray) -> None:
    """Write an array as NumPy does, behind its hash."""
    content = BytesIO()  # where NumPy itself writes to a full disk, it does not say that it is full
    np.save(content, values, allow_pickle=False)
    write_hashed(path, content.getbuffer())


def load_array(path: Path) -> NDArray:
    """The array that `save_array` wrote; raises `Damaged` where the file is not as it was."""
    try:
        return np.lib.format.read_array(BytesIO(read_hashed(path)), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise Damaged(path) from error


class FrameStore:
    """Frames stored on disk without loss, one float32 file per index."""

    def __init__(self, directory: str | Path):
        self.directory = Path(directory)

    def save(self, index: int, frame: Tensor) -> None:
        """Store a float32 frame, (3, H, W) or (1, 3, H, W), under `index`, replacing any earlier one."""
        if frame.dtype != torch.float32:
            raise ValueError(f"the store keeps float32, not {frame.dtype}")
        pixels = _one_frame(frame).contiguous().cpu().numpy()
        save_array(self._path(index), pixels)

    def load(self, index: int) -> Tensor:
        """Return the frame saved under `index`, of shape (1, 3, H, W), in memory; raises `Damaged`."""
        return torch.from_numpy(load_array(self._path(index)))[None]

    def discard(self, index: int) -> None:
        """Delete the frame under `index`, if there is one."""
        self._path(index).unlink(missing_ok=True)

    def __contains__(self, index: int) -> bool:
        return self._path(index).is_file()

    def _path(self, index: int) -> Path:
        return self.directory / f"{index:06d}.npy"


def _one_frame(frame: Tensor) -> Tensor:
    """Return a frame of shape (3, H, W) or (1, 3, H, W) as (3, H, W), detached."""
    if frame.ndim == 4 and frame.shape[0] == 1:
        frame = frame[0]
    if frame.ndim != 3 or frame.shape[0] != 3:
        raise ValueError(f"a frame has the shape (3, H, W) or (1, 3, H, W), not {tuple(frame.shape)}")
    return frame.detach()


class Paintings:
    """The painted frames of the current pass and of the pass before, in a `FrameStore` each.

    They are stored separately, because a frame that is painted again after the run was killed must start from
    the same image.
    """

    def __init__(self, directory: str | Path):
        self.directory = Path(directory)

    def of(self, pass_index: int) -> FrameStore:
        """The store of one pass; that of two passes before is no longer needed, and is removed."""
        if pass_index >= 2:
            rmtree(self._path(pass_index - 2), ignore_errors=True)
        return FrameStore(self._path(pass_index))

    def _path(self, pass_index: int) -> Path:
        return self.directory / f"pass-{pass_index}"
