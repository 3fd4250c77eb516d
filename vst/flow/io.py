from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vst.errors import InputError

MAGIC = np.float32(202021.25)
UNKNOWN = 1e9
"""The format's threshold: a component above it marks the flow of its pixel as unknown."""


def read_flo(path: str | Path) -> Tensor:
    """Read a flow field in the Middlebury format, (1, 2, H, W) in pixels; unknown pixels are NaN.

    The format is Baker et al.'s, vision.middlebury.edu/flow: the tag 202021.25, width and height as int32,
    then rows of interleaved (dx, dy), all little endian. Raises InputError for any other file.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the path") from error
    width, height = np.frombuffer(content[4:12], "<i4") if len(content) >= 12 else (0, 0)
    tagged = len(content) >= 12 and np.frombuffer(content[:4], "<f4")[0] == MAGIC
    if not tagged or width < 1 or height < 1 or len(content) != 12 + 8 * int(width) * int(height):
        raise InputError(
            f"{path} is not a complete Middlebury .flo file; write it again, or give another one"
        )
    values = np.frombuffer(content[12:], "<f4").astype(np.float32).reshape(1, height, width, 2)
    flow = torch.from_numpy(values).permute(0, 3, 1, 2).contiguous()
    known = (flow.abs() <= UNKNOWN).all(dim=1, keepdim=True)
    return flow.masked_fill(~known, torch.nan)


def write_flo(path: str | Path, flow: Tensor) -> None:
    """Write one flow field, (1, 2, H, W) in pixels, as Middlebury .flo; pixels that are not finite become unknown."""
    lanes, components, height, width = flow.shape
    if (lanes, components) != (1, 2):
        raise ValueError(
            f"a .flo file contains one flow field of shape (1, 2, H, W), not {tuple(flow.shape)}"
        )
    known = flow.isfinite().all(dim=1, keepdim=True)
    values = flow.detach().cpu().float().masked_fill(~known.cpu(), 10 * UNKNOWN)
    header = MAGIC.astype("<f4").tobytes() + np.array([width, height], "<i4").tobytes()
    Path(path).write_bytes(header + values[0].permute(1, 2, 0).contiguous().numpy().astype("<f4").tobytes())
