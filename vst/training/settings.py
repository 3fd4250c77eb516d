"""The settings of a training: the schema of its top level, and their check."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Interval
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig

from vst.bounds import Few, Seed, Side, Weight
from vst.errors import InputError
from vst.runs.identity import painting_settings
from vst.runs.settings import Settings, resolved


@dataclass
class TrainingConfig:
    """The top level of conf/train.yaml; what it shares with a run means the same there."""

    alpha: Weight = MISSING
    """α, weight of the content loss."""
    beta: Weight = MISSING
    """β, weight of the style loss."""
    eta: Weight = MISSING
    """η, weight of the coherence of consecutive frames; 0 trains on each frame alone."""
    steps: Annotated[int, Interval(ge=1, le=10_000_000)] = MISSING
    """How many steps of the optimiser."""
    batch: Few = MISSING
    """How many frames are painted in a step."""
    size: Side = MISSING
    """The longer side, in pixels, of the frames that it is trained on: strokes have their size in such frames."""
    learning_rate: Annotated[float, Interval(gt=0, le=1)] = MISSING
    """Adam's, after the first steps, over which it rises; it falls to 0 along half a cosine."""
    data: Any = MISSING
    """What it is trained on, one or a list: clips, pictures, folders of pictures, choices of the group video."""
    seed: Seed = MISSING
    """Seed of the network's first weights, and of the order of the frames."""
    tiles: Any = "auto"
    """Tiles in which VGG-19 looks at a frame, as in a run."""
    resume: str | None = None
    """The directory of a training to resume."""
    network: dict[str, Any] = field(default_factory=dict)
    """The network, and its size."""
    style: dict[str, Any] = field(default_factory=dict)
    """The painting."""
    backbone: dict[str, Any] = field(default_factory=dict)
    """VGG-19, and the precision of its convolutions, in which the network's are computed too."""
    loss: dict[str, Any] = field(default_factory=dict)
    """The terms of L_total by name."""
    flow: dict[str, Any] = field(default_factory=dict)
    """The optical flow between consecutive frames, for the coherence."""
    trainer: dict[str, Any] = field(default_factory=dict)
    """Lightning's Trainer."""
    callbacks: dict[str, Any] = field(default_factory=dict)
    """What is written and shown while it is trained, by name."""
    logger: dict[str, Any] = field(default_factory=dict)
    """Where the figures are sent besides curves.csv."""
    paths: dict[str, Any] = field(default_factory=dict)
    """Where the training is written."""


def register_training_schema() -> None:
    """Register the schema that conf/train.yaml starts from."""
    ConfigStore.instance().store(name="training_schema", node=TrainingConfig)


def resolve_training(cfg: DictConfig) -> Settings:
    """A training's configuration as dicts and lists; raises `InputError` for a missing, unknown or wrong option.

    A coherence term of weight 0 is left out, so that no motion is estimated for it.
    """
    settings = resolved(cfg, TrainingConfig)
    if settings["eta"] == 0:
        settings["loss"] = {**settings["loss"], "coherence": None}
    elif not settings["loss"].get("coherence"):
        raise InputError(
            f"eta is {settings['eta']:g}, but there is no coherence term; drop eta, or the change to loss"
        )
    for option, default in (("mask", None), ("weight", 1)):
        if settings["style"].get(option, default) != default:
            raise InputError(
                f"style.{option} is for a run, and a network paints all of a frame alike; drop it"
            )
    if not settings["callbacks"].get("curves"):
        raise InputError(
            "callbacks.curves cannot be left out of a training, whose record has its figures; drop that"
        )
    settings["data"] = _data(settings["data"])
    return settings


def training_identity(settings: Settings) -> Settings:
    """The settings that determine what is learnt, on whatever device."""
    return {name: value for name, value in painting_settings(settings).items() if name != "trainer"}


def _data(given: Any) -> list[str]:
    """The names of what is trained on, those of files as absolute paths."""
    names = given if isinstance(given, list) else [given]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise InputError(
            f"data={given} names nothing to train on; give clips or folders of pictures, as data=[a.mp4,b]"
        )
    return [str(Path(name).absolute()) if Path(name).exists() else name for name in names]
