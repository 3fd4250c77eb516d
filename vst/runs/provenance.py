"""What is needed to repeat a run: the program, weights, clip, painting and machine."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from vst.runs.parts import Parts
from vst.runs.record import ClipRecord, Provenance
from vst.runs.settings import Settings

if TYPE_CHECKING:
    import torch
    from pytorch_lightning import Trainer

PACKAGES = ("vst", "torch", "torchvision", "pytorch-lightning", "opencv-contrib-python", "av", "numpy")


def provenance_of(settings: Settings, parts: Parts, trainer: Trainer) -> Provenance:
    """The provenance of a run that is being, or was, painted on this machine."""
    weights, info = parts.module.backbone.weights, parts.clip.info
    return Provenance(
        config=settings,
        inputs=parts.inputs,
        seed=settings["seed"],
        weights={"name": weights.name, "sha256": weights.sha256},
        precision=parts.module.backbone.precision,
        clip=ClipRecord(
            name=info.name,
            start=info.start,
            frames=info.frames,
            size=(info.width, info.height),
            frame_rate=str(info.frame_rate),
        ),
        style=parts.style,
        motion=getattr(parts.callbacks.get("metrics"), "judge", None),
        versions=versions(),
        machine=machine(trainer.strategy.root_device),
    )


def versions() -> dict[str, str | None]:
    """Those of Python and of the packages on which a result depends."""
    return {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}}


def machine(device: torch.device) -> dict[str, str | int]:
    """What this machine is, and what it computes with."""
    import torch

    return {
        "platform": platform.platform(),
        "device": _device_name(device),
        "threads": torch.get_num_threads(),
    }


def version_of(package: str) -> str | None:
    """The installed version, or None: OpenCV has several package names, and a checkout may not be installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device_name(device: torch.device) -> str:
    import torch

    return (
        torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or device.type
    )
