"""Builds the parts of a training from its settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback

from vst.assets import file_hash
from vst.errors import InputError
from vst.features.vgg import VGG19
from vst.flow.estimators import FlowEstimator
from vst.losses.loss import Loss
from vst.networks.transformation import TransformationNetwork
from vst.runs.inputs import hashes_of_inputs
from vst.runs.loggers.media import MediaLogger
from vst.runs.parts import check_size, part, parts_by_name
from vst.runs.settings import Settings
from vst.styles import Painting, Style
from vst.training.batches import Batches
from vst.training.callbacks.checkpoints import Checkpoints
from vst.training.callbacks.curves import TrainingCurves
from vst.training.callbacks.previews import Previews
from vst.training.examples import Examples
from vst.training.module import NetworkTraining
from vst.training.settings import training_identity
from vst.training.sources import open_examples


@dataclass(frozen=True)
class TrainingParts:
    """What is trained, its batches, its callbacks by name, its loggers, and the hashes of its input files."""

    inputs: dict[str, str]
    painting: Painting
    module: NetworkTraining
    batches: Batches
    curves: TrainingCurves
    callbacks: dict[str, Any]
    loggers: list[MediaLogger]


def build_training(settings: Settings, state: Settings | None) -> TrainingParts:
    """Build the parts; with the `state` of a checkpoint, its input files must be the same as they were."""
    inputs = {**hashes_of_inputs(settings), **_hashes_of_data(settings)}
    if state is not None and (
        changed := [name for name in inputs if state["inputs"].get(name) != inputs[name]]
    ):
        raise InputError(
            f"the file of {changed[0]} has changed since the training began; restore it, or begin a new training"
        )
    painting = part(settings, "style", Style).at(settings["size"])
    height, width = painting.image.shape[-2:]
    check_size(settings, f"the painting {painting.name} is", (width, height), "give a larger style.size")
    sources = open_examples(settings["data"], settings["size"])
    losses = parts_by_name(settings, "loss", Loss)
    _check_data(settings, sources)
    estimator = part(settings, "flow", FlowEstimator) if "coherence" in losses else None
    backbone = part(settings, "backbone", VGG19)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings["seed"])
        network = part(settings, "network", TransformationNetwork)
    steps = settings["steps"]
    module = NetworkTraining(network, backbone, losses, painting.image, settings["learning_rate"], steps)
    store = Path(settings["paths"]["run"]) / "checkpoints" / "flow"
    batches = Batches(sources, settings["batch"], steps, settings["seed"], estimator, store)
    callbacks = parts_by_name(settings, "callbacks", Callback)
    curves = callbacks["curves"]
    assert isinstance(curves, TrainingCurves)
    for callback in callbacks.values():
        if isinstance(callback, Previews):
            callback.content = sources[0].example(0).content
        if isinstance(callback, Checkpoints):
            callback.config, callback.inputs = training_identity(settings), inputs
    loggers = list(parts_by_name(settings, "logger", MediaLogger).values())
    return TrainingParts(inputs, painting, module, batches, curves, callbacks, loggers)


def _hashes_of_data(settings: Settings) -> dict[str, str]:
    """SHA-256 of every clip and picture that the data names; of folders none, which may be huge."""
    return {f"data {name}": file_hash(Path(name)) for name in settings["data"] if Path(name).is_file()}


def _check_data(settings: Settings, sources: list[Examples]) -> None:
    for name, source in zip(settings["data"], sources, strict=True):
        height, width = min(source.sizes, key=min)
        check_size(
            settings, f"the frames of {name} are", (width, height), "give a larger size, or other data"
        )
    if settings["eta"] > 0 and not any(any(source.followed) for source in sources):
        raise InputError(
            f"eta is {settings['eta']:g}, but the data has no consecutive frames; drop eta, or give a clip"
        )
