"""Builds the parts of a run from its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vst.errors import InputError
from vst.features.layers import check_layers, smallest_side
from vst.runs.build import build
from vst.runs.inputs import hashes_of_inputs
from vst.runs.settings import Settings

if TYPE_CHECKING:
    from pytorch_lightning import Callback

    from vst.frames import Clip
    from vst.losses.loss import Loss
    from vst.painting.stylizer import VideoStylizer
    from vst.runs.loggers.wandb import WandbRun
    from vst.styles import Painting, Style
    from vst.video.datamodule import ClipDataModule


@dataclass(frozen=True)
class Parts:
    """The frame loop, its data, its callbacks by name, its loggers, and the hashes of its input files."""

    inputs: dict[str, str]
    clip: Clip
    painting: Painting
    module: VideoStylizer
    data: ClipDataModule
    callbacks: dict[str, Any]
    loggers: list[WandbRun]

    def close(self) -> None:
        """End what works ahead of the painting, and what it left to be written."""
        self.module.preparation.release()
        self.data.close()
        self.module.behind.settle()


def build_clip(settings: Settings) -> Clip:
    """Build the clip, and check that it is large enough for the layers that the losses use."""
    clip: Clip = build(settings["video"])
    frame = clip.info.width, clip.info.height
    _check_cuts(settings, clip)
    _check_size(settings, f"the frames of {clip.info.name} are", frame, "give a larger clip or video.size")
    return clip


def build_parts(settings: Settings, clip: Clip, added: Mapping[str, Callback]) -> Parts:
    """Build everything else; the `added` callbacks come after the configured ones."""
    inputs = hashes_of_inputs(settings)
    style: Style = build(settings["style"])
    painting = style.at(max(clip.info.width, clip.info.height))
    size = painting.image.shape[3], painting.image.shape[2]
    _check_size(settings, f"the painting {painting.name} is", size, "give a larger style.size")
    flow = build(settings["flow"])
    losses: dict[str, Loss] = {name: build(node) for name, node in settings["loss"].items() if node}
    backbone = build(settings["backbone"])

    from vst.flow.store import FlowStore
    from vst.painting.history import History
    from vst.painting.preparation import Preparation
    from vst.painting.stylizer import VideoStylizer
    from vst.video.datamodule import ClipDataModule
    from vst.video.store import FrameStore, Paintings

    checkpoints = Path(settings["paths"]["run"]) / "checkpoints"
    several = settings["passes"] > 1
    callbacks = {name: build(node) for name, node in settings["callbacks"].items() if node}
    reach = _reach(settings, [*losses.values(), *callbacks.values()])
    flows = FlowStore(checkpoints / "flow") if several else None
    anchored = any(loss.anchored for loss in losses.values())
    module = VideoStylizer(
        backbone=backbone,
        losses=losses,
        style=painting.image,
        start=build(settings["start"]),
        canvas=build(settings["canvas"]),
        minimise=build(settings["optimizer"]),
        preparation=Preparation(flow, reach, anchored, flows),
        evaluations=settings["evaluations"] / settings["passes"],
        evaluation_factors=settings["evaluation_factors"],
        seed=settings["seed"],
        history=History(checkpoints / "history", reach),
        scales=None if settings["scales"] == "auto" else settings["scales"],
        paintings=Paintings(checkpoints / "paintings") if several else None,
    )
    contents = FrameStore(checkpoints / "content") if several else None
    data = ClipDataModule(clip, module.prepare, contents, settings["cuts"])
    loggers = [build(node) for node in settings["logger"].values() if node]
    return Parts(inputs, clip, painting, module, data, {**callbacks, **added}, loggers)


def _reach(settings: Settings, parts: Sequence[Any]) -> int:
    """How many earlier painted frames are needed, by the part that looks back furthest."""
    reaches = [part.reach for part in parts if hasattr(part, "reach")]
    return max(1, len(settings["evaluation_factors"]), *reaches)


def _check_cuts(settings: Settings, clip: Clip) -> None:
    """Refuse cuts after the clip's end; those after the end of a stretch are of the clip all the same."""
    video, end = settings["video"], clip.info.start + clip.info.frames
    stretch = "start" in video and video["frames"] is not None
    late = [cut for cut in settings["cuts"] or () if cut >= end]
    if late and not stretch:
        raise InputError(
            f"cuts has {late[0]}, and the last frame of {clip.info.name} is {end - 1}; correct cuts"
        )


def _check_size(settings: Settings, subject: str, size: tuple[int, int], remedy: str) -> None:
    """Refuse a picture of `size`, (width, height), that is too small for the deepest layer of the losses."""
    layers = {layer for node in settings["loss"].values() if node for layer in node.get("layers", ())}
    check_layers(layers)
    least = smallest_side(layers) if layers else 1
    if min(size) < least:
        raise InputError(
            f"{subject} {size[0]}x{size[1]} pixels, and VGG-19 needs at least {least} on each side for {max(layers)}; "
            f"{remedy}"
        )
