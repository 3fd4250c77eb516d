"""Builds the parts of a run from its settings."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vst.commandline import say
from vst.errors import InputError
from vst.features.layers import check_layers, smallest_side
from vst.frames import Clip
from vst.runs.build import build, import_targets
from vst.runs.inputs import hashes_of_inputs
from vst.runs.settings import Settings, select

if TYPE_CHECKING:
    from pytorch_lightning import Callback

    from vst.losses.loss import Loss
    from vst.painting.start import Start
    from vst.painting.stylizer import VideoStylizer
    from vst.runs.loggers.media import MediaLogger
    from vst.styles import Painting, Style
    from vst.video.datamodule import ClipDataModule
    from vst.video.masks import Mask

Part = TypeVar("Part")


@dataclass(frozen=True)
class Parts:
    """The frame loop, its data, its callbacks by name, its loggers, and the hashes of its input files.

    `style` names the paintings.
    """

    inputs: dict[str, str]
    clip: Clip
    style: str
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
    check_size(settings, f"the frames of {clip.info.name} are", frame, "give a larger clip or video.size")
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
    from vst.painting.colours import COLOURS
    from vst.painting.course import Course
    from vst.painting.history import History
    from vst.painting.mixture import Ingredient, Mixture
    from vst.painting.preparation import Preparation
    from vst.painting.start import is_anchored
    from vst.painting.stylizer import VideoStylizer
    from vst.runs.exemplars import exemplars_of
    from vst.runs.loggers.media import MediaLogger
    from vst.styles import Style
    from vst.video.datamodule import ClipDataModule
    from vst.video.loader import FrameLoader
    from vst.video.palette import palettes_of_shots
    from vst.video.store import FrameStore, Paintings

    inputs = hashes_of_inputs(settings)
    styles = {"style": part(settings, "style", Style), **parts_by_name(settings, "styles", Style)}
    paintings = [style.at(max(clip.info.width, clip.info.height)) for style in styles.values()]
    _check_network(settings, paintings[0], inputs)
    for painting in paintings:
        size = painting.image.shape[3], painting.image.shape[2]
        check_size(settings, f"the painting {painting.name} is", size, "give a larger style.size")
    exemplars = exemplars_of(settings, clip)
    flow = part(settings, "flow", FlowEstimator)
    losses = parts_by_name(settings, "loss", Loss)
    losses |= _losses_of_others(settings, losses, list(styles)[1:])
    backbone = part(settings, "backbone", VGG19)

    colours = COLOURS[settings["colours"]]
    if colours.matches:
        say(f"reading {clip.info.name} for the colours of its shots", to=sys.stderr)
    frames = FrameLoader(clip, known_cuts=settings["cuts"]) if colours.matches else ()
    masks = [_mask(name, style, clip, losses) for name, style in styles.items()]
    ingredients = [
        Ingredient(painting.image, Course.of(style.weight), mask)
        for painting, style, mask in zip(paintings, styles.values(), masks, strict=True)
    ]
    mixture = Mixture(ingredients, colours, palettes_of_shots(frames), Course.of(settings["strength"]))

    checkpoints = Path(settings["paths"]["run"]) / "checkpoints"
    several = settings["passes"] > 1
    callbacks = parts_by_name(settings, "callbacks", Callback)
    reach = _reach(settings, [*losses.values(), *callbacks.values()])
    flows = FlowStore(checkpoints / "flow") if several else None
    start = build(settings["start"])
    _check_unoptimised(settings, start)
    anchored = is_anchored(start) or any(loss.anchored for loss in losses.values())
    module = VideoStylizer(
        backbone=backbone,
        losses=losses,
        mixture=mixture,
        start=start,
        canvas=part(settings, "canvas", Canvas),
        minimise=build(settings["optimizer"]),
        preparation=Preparation(flow, reach, anchored, flows, exemplars),
        evaluations=settings["evaluations"] / settings["passes"],
        evaluation_factors=settings["evaluation_factors"],
        later_factor=settings["later_factor"],
        seed=settings["seed"],
        history=History(checkpoints / "history", reach),
        scales=None if settings["scales"] == "auto" else settings["scales"],
        paintings=Paintings(checkpoints / "paintings") if several else None,
    )
    contents = FrameStore(checkpoints / "content") if several else None
    data = ClipDataModule(clip, module.prepare, contents, settings["cuts"])
    loggers = list(parts_by_name(settings, "logger", MediaLogger).values())
    names = " + ".join(painting.name for painting in paintings)
    return Parts(inputs, clip, names, module, data, {**callbacks, **added}, loggers)


def _check_unoptimised(settings: Settings, start: Start) -> None:
    """Refuse what only an optimisation obeys where every frame is painted by its start alone."""
    from vst.painting.start import is_painting

    budget = settings["evaluations"] and (settings["evaluation_factors"] or settings["later_factor"])
    if budget or not is_painting(start):
        return
    for option, default in (("strength", 1), ("styles", {})):
        if settings[option] != default:
            raise InputError(
                f"{option} is for an optimisation, and the model {settings['model']} paints without one; drop "
                f"{option}, or let it go on with later_factor=1"
            )


def _losses_of_others(
    settings: Settings, losses: Mapping[str, Loss], others: Sequence[str]
) -> dict[str, Loss]:
    """The losses that compare with one painting, again for each of the others by name."""
    from vst.losses.loss import Loss

    if not others:
        return {}
    if "style" not in losses:
        raise InputError("styles has paintings, and loss has no style with which to paint them; drop them")
    if losses["style"].image is None:
        raise InputError(
            "loss.style knows no painting, and styles has several; choose another loss, or drop them"
        )
    found = {}
    for number, other in enumerate(others, start=1):
        for name in [name for name, loss in losses.items() if loss.image is not None]:
            loss = found[f"{name}_{other}"] = part(settings, f"loss.{name}", Loss)
            loss.image = number
    return found


def _mask(name: str, style: Style, clip: Clip, losses: Mapping[str, Loss]) -> Mask | None:
    """The mask of one of the paintings."""
    from vst.video.masks import Mask

    if style.mask is None:
        return None
    option = "style.mask" if name == "style" else f"styles.{name}.mask"
    whole = [loss for loss in losses.values() if loss.image is not None and not loss.regional]
    if whole:
        raise InputError(
            f"{option} is for a style loss of regions, and {type(whole[0]).__name__} is one of whole frames; choose "
            f"loss=gatys, or drop the mask"
        )
    return Mask(style.mask, clip.info, option)


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


def _check_network(settings: Settings, painting: Painting, inputs: Mapping[str, str]) -> None:
    """Refuse a network that was trained for another painting than the one that a run's losses compare with."""
    if (path := select(settings, "start.network.path")) is None:
        return
    from vst.networks.weights import trained_network

    trained, file = trained_network(path), inputs.get("style.path")
    same = trained.style_sha256 == file if file and trained.style_sha256 else trained.style == painting.name
    if not same:
        raise InputError(
            f"the network {path} was trained for the painting {trained.style}, and the style is {painting.name}; "
            f"choose that style, or another network"
        )


def check_size(settings: Settings, subject: str, size: tuple[int, int], remedy: str) -> None:
    """Refuse a picture of `size`, (width, height), that is too small for the deepest layer of the losses."""
    layers = {layer for node in settings["loss"].values() if node for layer in node.get("layers", ())}
    check_layers(layers)
    least = smallest_side(layers) if layers else 1
    if min(size) < least:
        raise InputError(
            f"{subject} {size[0]}x{size[1]} pixels, and VGG-19 needs at least {least} on each side for {max(layers)}; "
            f"{remedy}"
        )
