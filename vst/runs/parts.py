"""Builds the parts of a run from its settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vst.errors import InputError
from vst.features.layers import check_layers, smallest_side
from vst.frames import Clip
from vst.runs.build import build, import_targets
from vst.runs.inputs import hashes_of_inputs
from vst.runs.settings import Settings, select

if TYPE_CHECKING:
    from pytorch_lightning import Callback

    from vst.painting.stylizer import VideoStylizer
    from vst.runs.loggers.media import MediaLogger
    from vst.styles import Painting
    from vst.video.datamodule import ClipDataModule

Part = TypeVar("Part")


@dataclass(frozen=True)
class Parts:
    """The frame loop, its data, its callbacks by name, its loggers, and the hashes of its input files."""

    inputs: dict[str, str]
    clip: Clip
    painting: Painting
    module: VideoStylizer
    data: ClipDataModule
    callbacks: dict[str, Any]
    loggers: list[MediaLogger]

    def close(self) -> None:
        """End what works ahead of the painting, and what it left to be written."""
        self.module.preparation.release()
        self.data.close()
        self.module.behind.settle()


def build_clip(settings: Settings) -> Clip:
    """Build the clip, and check that it is large enough for the layers that the losses use."""
    clip = part(settings, "video", Clip)
    frame = clip.info.width, clip.info.height
    _check_cuts(settings, clip)
    _check_size(settings, f"the frames of {clip.info.name} are", frame, "give a larger clip or video.size")
    return clip


def build_parts(settings: Settings, clip: Clip, added: Mapping[str, Callback]) -> Parts:
    """Build everything else; the `added` callbacks come after the configured ones."""
    # before torch: wandb takes three times as long to import after it
    import_targets(settings["logger"])
    # slow to import, and the clip's refusal above should be immediate
    from pytorch_lightning import Callback

    from vst.features.vgg import VGG19
    from vst.flow.estimators import FlowEstimator
    from vst.flow.store import FlowStore
    from vst.losses.loss import Loss
    from vst.painting.canvas import Canvas
    from vst.painting.history import History
    from vst.painting.preparation import Preparation
    from vst.painting.stylizer import VideoStylizer
    from vst.runs.loggers.media import MediaLogger
    from vst.styles import Style
    from vst.video.datamodule import ClipDataModule
    from vst.video.store import FrameStore, Paintings

    inputs = hashes_of_inputs(settings)
    style = part(settings, "style", Style)
    painting = style.at(max(clip.info.width, clip.info.height))
    size = painting.image.shape[3], painting.image.shape[2]
    _check_size(settings, f"the painting {painting.name} is", size, "give a larger style.size")
    flow = part(settings, "flow", FlowEstimator)
    losses = parts_by_name(settings, "loss", Loss)
    backbone = part(settings, "backbone", VGG19)

    checkpoints = Path(settings["paths"]["run"]) / "checkpoints"
    several = settings["passes"] > 1
    callbacks = parts_by_name(settings, "callbacks", Callback)
    reach = _reach(settings, [*losses.values(), *callbacks.values()])
    flows = FlowStore(checkpoints / "flow") if several else None
    anchored = any(loss.anchored for loss in losses.values())
    module = VideoStylizer(
        backbone=backbone,
        losses=losses,
        style=painting.image,
        start=build(settings["start"]),
        canvas=part(settings, "canvas", Canvas),
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
    loggers = list(parts_by_name(settings, "logger", MediaLogger).values())
    return Parts(inputs, clip, painting, module, data, {**callbacks, **added}, loggers)


def part(settings: Settings, option: str, kind: type[Part]) -> Part:
    """Build what an option names; raises `InputError` where that is no instance of the class."""
    made = build(select(settings, option))
    if not isinstance(made, kind):
        raise InputError(
            f"{option} makes a {type(made).__name__}, which is no {kind.__name__}; correct {option}._target_"
        )
    return made


def parts_by_name(settings: Settings, group: str, kind: type[Part]) -> dict[str, Part]:
    """Build the parts of a group that are not left out."""
    return {name: part(settings, f"{group}.{name}", kind) for name, node in settings[group].items() if node}


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
