"""How many frames, or runs, are painted at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vst.errors import InputError
from vst.runs.settings import Settings

if TYPE_CHECKING:
    import torch

    from vst.frames import ClipInfo
    from vst.painting.stylizer import VideoStylizer

MOST = 16
"""Lanes from which a GPU gains nothing more, even on small frames."""

BYTES_PER_PIXEL = 5500
"""Memory of a lane, in float32: 4.8 GB at 1280×720."""


def frames_at_once(settings: Settings, module: VideoStylizer, info: ClipInfo, device: torch.device) -> int:
    """How many frames of a run are painted at once: those asked for, or what fits, where none needs another."""
    asked = settings["lanes"]
    if not module.mixture.constant:
        if asked is not None and asked > 1:
            raise InputError(
                f"lanes is {asked}, and what frames are painted like changes along this clip; drop lanes, or paint "
                f"several runs at once with -m"
            )
        return 1
    if settings["passes"] > 1:
        if asked is not None and asked > 1:
            raise InputError(
                f"lanes is {asked}, and frames are painted in {settings['passes']} passes in turn; drop one of them"
            )
        return 1
    if module.compares != {"nothing"}:
        if asked is not None and asked > 1:
            raise InputError(
                f"lanes is {asked}, but the model {settings['model']} compares every frame with one painted before; "
                f"drop lanes, or paint several runs at once with -m"
            )
        return 1
    return asked if asked is not None else fitting_lanes(info, device)


def fitting_lanes(info: ClipInfo, device: torch.device) -> int:
    """The lanes that fit on a device: 1 on a CPU, which one lane fills."""
    import torch

    if device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(MOST, int(0.8 * free) // (BYTES_PER_PIXEL * info.height * info.width)))
