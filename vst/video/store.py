from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from shutil import rmtree

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vst.files import Damaged, atomic_write, read_hashed, write_hashed
from vst.video.codecs import Codec


def to_uint8(image: Tensor | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image as 8-bit RGB of shape (H, W, 3), or (H, W, 4) with transparency.

    Floats are RGB in [0, 1] of shape (3, H, W) or (1, 3, H, W), or of four channels, clamped and rounded to the nearest
    of 256 levels. An array of uint8 (H, W, 3) is returned unchanged.
    """
    if isinstance(image, Tensor):
        levels = (_one_frame(image).float().clamp(0, 1) * 255).round().to(torch.uint8)
        return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"an image array must be uint8 (H, W, 3), not {image.dtype} {image.shape}")
    return image


def save_png(path: str | Path, image: Tensor | NDArray[np.uint8]) -> None:
    """Write an image, in any form that `to_uint8` takes, as an 8-bit PNG."""
    with atomic_write(Path(path)) as aside:
        # Higher levels hardly make painted frames smaller, and take many times as long.
        Image.fromarray(to_uint8(image)).save(aside, format="PNG", compress_level=1)


def load_png(path: str | Path, transparent: bool = False) -> NDArray[np.uint8]:
    """Return the picture in a file as 8-bit RGB of shape (H, W, 3), over white; if `transparent`, as (H, W, 4)."""
    with Image.open(path) as image:
        if transparent:
            return np.array(image.convert("RGBA"))
        if image.mode == "RGBA":
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return np.array(image.convert("RGB"))


def load_frames(frames: Sequence[tuple[Path, int]], codec: Codec) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """The pictures of files, each with its time, as a codec takes them: with transparency if it and one of them has."""
    whole = codec.transparent is not None and any(_is_transparent(path) for path, _ in frames)
    for path, time in frames:
        yield load_png(path, whole), time


def _is_transparent(path: Path) -> bool:
    with Image.open(path) as image:
        return image.mode == "RGBA"


def transparent(image: Tensor, opacity: Tensor) -> Tensor:
    """The image (1, 4, H, W), of that opacity (1, 1, H, W), that looks over white as this one does, (1, 3, H, W)."""
    opacity = opacity.to(image)
    colours = (image - 1 + opacity) / opacity.clamp(min=1 / 255)
    return torch.cat([torch.where(opacity > 0, colours, image).clamp(0, 1), opacity], dim=1)


def opaque_parts(stored: Tensor) -> tuple[Tensor, Tensor | None]:
    """A stored frame (1, 3 or 4, H, W) as its colours and its opacity, if it has one."""
    return stored[:, :3], stored[:, 3:] if stored.shape[1] == 4 else None


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
        """Store a float32 frame, (C, H, W) or (1, C, H, W), under `index`, replacing any earlier one."""
        if frame.dtype != torch.float32:
            raise ValueError(f"the store keeps float32, not {frame.dtype}")
        pixels = _one_frame(frame).contiguous().cpu().numpy()
        save_array(self._path(index), pixels)

    def load(self, index: int) -> Tensor:
        """Return the frame saved under `index`, of shape (1, C, H, W), in memory; raises `Damaged`."""
        return torch.from_numpy(load_array(self._path(index)))[None]

    def discard(self, index: int) -> None:
        """Delete the frame under `index`, if there is one."""
        self._path(index).unlink(missing_ok=True)

    def __contains__(self, index: int) -> bool:
        return self._path(index).is_file()

    def _path(self, index: int) -> Path:
        return self.directory / f"{index:06d}.npy"


def _one_frame(frame: Tensor) -> Tensor:
    """Return a frame of shape (C, H, W) or (1, C, H, W) as (C, H, W), detached: RGB, perhaps with transparency."""
    if frame.ndim == 4 and frame.shape[0] == 1:
        frame = frame[0]
    if frame.ndim != 3 or frame.shape[0] not in (3, 4):
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
