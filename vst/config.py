"""The configuration of a run: the schema of its top level, and where the YAML files are.

The groups (video, style, backbone, flow, loss, start, canvas, optimizer, callbacks, logger, trainer) hold
`_target_` nodes: their options are the arguments of the class or function that they name, and are checked
against its signature before anything is built.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Interval
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from vst.bounds import Few, Place, Seed, Weight


@dataclass
class Config:
    """The top level, named as in the paper."""

    alpha: Weight = MISSING
    """α, weight of the content loss; at least 0."""
    beta: Weight = MISSING
    """β, weight of the style loss; at least 0."""
    eta: Weight = MISSING
    """η, weight of the coherence loss; at least 0, and exactly 0 in models that have no coherence loss."""
    evaluations: Annotated[int, Interval(ge=0, le=100_000)] = MISSING
    """The budget of a frame in evaluations of the objective at its full size, the one at the start included; with 0 the
    start is painted. The two factors below multiply it."""
    evaluation_factors: list[Annotated[float, Interval(gt=0, le=100)]] = field(default_factory=list)
    """Factors of `evaluations` for the first frames of a shot, in turn, in the first pass."""
    later_factor: Annotated[float, Interval(ge=0, le=100)] = MISSING
    """Factor of `evaluations` for all other frames."""
    keyframes: Any = None
    """Key frames of models that synthesise the others: a painting for each, by its number in the source, or a number of
    frames after which vst paints one; null for where a shot begins, and where too much is new."""
    passes: Few = MISSING
    """Passes over the clip: the second starts from the paintings of the first and runs backward, and so on."""
    scales: Any = "auto"
    """Sizes at which a frame is painted that does not start from a painting, coarse to fine; `auto` by its size."""
    tiles: Any = "auto"
    """Tiles in which VGG-19 looks at a frame, for less memory and more time; `auto` by its size, 1 for the whole."""
    strength: Any = 1
    """Strength of the style, 0 for the content and 1 for β as given; a number, or numbers by frame of the source."""
    preview: bool = False
    """Whether to paint a few small frames in seconds instead, with all other options as they are."""
    colours: str = "style"
    """Whose colours a painting has: `style`, or the content's, `matched` as a whole, `luminance` at every pixel."""
    seed: Seed = MISSING
    """Seed of all random numbers; the same seed gives the same painting."""
    cuts: list[Place] | None = None
    """Frames of the source that begin a new shot, [] for none; null detects them."""
    lanes: Few | None = None
    """How many frames, or runs of a grid, are painted at once; null for what the GPU holds, and for 1 on a CPU."""
    model: str = MISSING
    """The model's name: conf/model/ has its loss terms, start and η."""
    network: str | None = None
    """The weights of a network that `python -m vst.train` trained for this painting, for the start of that name."""
    output: dict[str, Any] = field(default_factory=dict)
    """What is written of the painted clip: its codec."""
    resume: str | None = None
    """The directory of a run to resume; the options that it was given apply again, and need not be repeated."""
    video: dict[str, Any] = field(default_factory=dict)
    """The clip, and how it is read."""
    style: dict[str, Any] = field(default_factory=dict)
    """The painting."""
    styles: dict[str, Any] = field(default_factory=dict)
    """Other paintings by name, each with its weight."""
    backbone: dict[str, Any] = field(default_factory=dict)
    """VGG-19: its weights, activations before or after ReLU, pooling, precision."""
    loss: dict[str, Any] = field(default_factory=dict)
    """The terms of L_total by name: content, style, and the model's coherence loss."""
    flow: dict[str, Any] = field(default_factory=dict)
    """The optical flow estimator, for models and starts that use motion."""
    start: dict[str, Any] = field(default_factory=dict)
    """The image that a frame's optimisation starts from."""
    canvas: dict[str, Any] = field(default_factory=dict)
    """The variables that L-BFGS optimises: pixels, or scaled Fourier coefficients."""
    optimizer: dict[str, Any] = field(default_factory=dict)
    """The minimiser of each frame's objective."""
    trainer: dict[str, Any] = field(default_factory=dict)
    """Lightning's Trainer: the accelerator, the device, and how it computes there."""
    callbacks: dict[str, Any] = field(default_factory=dict)
    """What is written and shown while painting, by name."""
    logger: dict[str, Any] = field(default_factory=dict)
    """Where the figures are sent besides the run's own CSV and JSON; empty for nowhere."""
    paths: dict[str, Any] = field(default_factory=dict)
    """Where the run is written."""


def register_schema() -> None:
    """Register the schema that conf/config.yaml starts from, so that values of a wrong type are refused."""
    ConfigStore.instance().store(name="schema", node=Config)


def conf_dir() -> Path:
    """The YAML files: inside the package where it is installed from a wheel, beside it in a checkout."""
    packaged = Path(__file__).parent / "_conf"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "conf"


def choices(group: str) -> list[str]:
    """The choices of a group of the configuration, such as `style` or `gate@loss.coherence.gate`."""
    return sorted(file.stem for file in (conf_dir() / group.split("@")[0]).glob("[!.]*.yaml"))


def literal(text: str) -> str:
    """A text as a value of the configuration, in which `${…}` would stand for another value."""
    return re.sub(r"(\\*)\$\{", lambda found: 2 * found[1] + r"\${", text)


def unescaped(value: str) -> str:
    """The text that `literal` made a value of; a value that refers to another stays as it is."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\\\$\{", lambda found: found[1][::2] + "${", value)


def quoted(path: str | Path) -> str:
    """A path quoted for Hydra's command line, whatever characters it has."""
    from hydra.core.override_parser.types import Quote, QuotedString

    return QuotedString(literal(str(path)), Quote.single).with_quotes()
