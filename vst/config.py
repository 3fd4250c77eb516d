"""What a run is configured by: the schema of the top level, and where the YAML files lie.

The groups (video, style, backbone, flow, loss, start, canvas, optimizer, callbacks, logger, trainer) hold
`_target_` nodes: their options are the arguments of the class or function they name, and are checked
against its signature before anything is built.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


@dataclass
class Config:
    """The top level, named as in the paper."""

    alpha: float = MISSING
    """α, weight of the content loss; at least 0."""
    beta: float = MISSING
    """β, weight of the style loss; at least 0."""
    eta: float = MISSING
    """η, weight of the coherence; at least 0, and 0 exactly in models that have no coherence."""
    evaluations: int = MISSING
    """Evaluations of the objective a frame, the one at the start included; at least 1."""
    evaluation_factors: list[float] = field(default_factory=list)
    """How many times `evaluations` the first frames of a shot have, in turn; later frames, and later passes, have 1."""
    passes: int = MISSING
    """Passes over the stretch: the second starts from the first's paintings and runs backward, and so on."""
    seed: int = MISSING
    """Of every random number; the same seed gives the same painting."""
    cuts: list[int] | None = None
    """Frames of the source with which a new shot begins, [] for none; null finds them."""
    model: str = MISSING
    """The name under which a model's terms, start and η are composed: conf/model/."""
    resume: str | None = None
    """The directory of a run to resume; its own options apply again, and need not be repeated."""
    video: dict[str, Any] = field(default_factory=dict)
    """The clip: its name, and how it is read."""
    style: dict[str, Any] = field(default_factory=dict)
    """The painting."""
    backbone: dict[str, Any] = field(default_factory=dict)
    """VGG-19: which filters, activations before or after ReLU, pooling, precision."""
    loss: dict[str, Any] = field(default_factory=dict)
    """The terms of L_total by name: content, style, and the model's coherence."""
    flow: dict[str, Any] = field(default_factory=dict)
    """The optical flow estimator, for models and starts that use motion."""
    start: dict[str, Any] = field(default_factory=dict)
    """The image that a frame's optimisation starts from."""
    canvas: dict[str, Any] = field(default_factory=dict)
    """What L-BFGS moves: pixels, or scaled Fourier coefficients."""
    optimizer: dict[str, Any] = field(default_factory=dict)
    """The pixel loop."""
    trainer: dict[str, Any] = field(default_factory=dict)
    """Lightning's Trainer: the accelerator, and what else it takes."""
    callbacks: dict[str, Any] = field(default_factory=dict)
    """What is written and shown along the way, by name."""
    logger: dict[str, Any] = field(default_factory=dict)
    """Where the record is also sent; empty for the run's own CSV and JSON alone."""
    paths: dict[str, Any] = field(default_factory=dict)
    """Where the run goes."""


def register_schema() -> None:
    """Let conf/config.yaml start from the schema, so that values of a wrong type are refused."""
    ConfigStore.instance().store(name="schema", node=Config)


def conf_dir() -> Path:
    """The YAML files: inside the package where it is installed from a wheel, beside it in a checkout."""
    packaged = Path(__file__).parent / "_conf"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "conf"


def choices(group: str) -> list[str]:
    """What a group of the configuration offers, such as `style`, or `gate@loss.coherence.gate`."""
    return sorted(file.stem for file in (conf_dir() / group.split("@")[0]).glob("*.yaml"))


def quoted(path: str | Path) -> str:
    """A path as Hydra reads it whatever is in its name."""
    escaped = str(path).replace("'", "\\'")
    return f"'{escaped}'"
