"""A run's settings: the configuration as dicts and lists, complete and checked."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vst.config import Config
from vst.errors import InputError
from vst.runs.build import check

Settings = dict[str, Any]

FROM_FILES = ("video", "style")
"""Groups whose `path` may name a file of the user's."""

TRAINER = (
    "_target_",
    "accelerator",
    "benchmark",
    "detect_anomaly",
    "deterministic",
    "devices",
    "enable_model_summary",
    "num_sanity_val_steps",
    "profiler",
)
"""Options of Lightning's Trainer that a run may have: the others leave out frames, or are for training."""


def select(settings: Any, option: str, default: Any = None) -> Any:
    """The value of an option by its path, or the default where there is none."""
    for key in option.split("."):
        if not (isinstance(settings, dict) and key in settings):
            return default
        settings = settings[key]
    return settings


def resolve(cfg: DictConfig) -> Settings:
    """The configuration as dicts and lists; raises `InputError` for a missing, unknown or wrong option."""
    unknown = set(cfg) - set(Config.__dataclass_fields__)
    if unknown:
        raise InputError(f"{sorted(map(str, unknown))[0]} is not an option; see python -m vst --help")
    if missing := OmegaConf.missing_keys(cfg):
        option = sorted(missing)[0]
        raise InputError(f"{option} is not given; add {option}=… to the command line")
    settings = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(settings, dict)
    options: Settings = {str(key): value for key, value in settings.items()}
    # so that a run can be resumed, and compared with others, from any directory
    for group in FROM_FILES:
        if isinstance(path := options[group].get("path"), str):
            options[group]["path"] = str(Path(path).absolute())
    for group, node in options.items():
        check(node, group)
    _check_values(options)
    return options


def _check_values(settings: Settings) -> None:
    for name in ("alpha", "beta", "eta"):
        if not (math.isfinite(settings[name]) and settings[name] >= 0):
            raise InputError(
                f"{name} is {settings[name]}, and a weight must be a number of 0 or more; correct {name}"
            )
    for name in ("evaluations", "passes"):
        if settings[name] < 1:
            raise InputError(f"{name} is {settings[name]}, and must be at least 1; raise {name}")
    for name in ("scales", "tiles"):
        value = settings[name]
        if value != "auto" and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise InputError(
                f"{name} is {value}, and must be auto or a whole number of at least 1; correct {name}"
            )
    if settings["lanes"] is not None and settings["lanes"] < 1:
        raise InputError(f"lanes is {settings['lanes']}, and must be at least 1; raise lanes")
    if any(not factor > 0 for factor in settings["evaluation_factors"]):
        raise InputError(
            f"evaluation_factors is {settings['evaluation_factors']}, and every factor must be above 0; "
            f"correct it"
        )
    if any(cut < 0 for cut in settings["cuts"] or ()):
        raise InputError(
            f"cuts is {settings['cuts']}, and frames are numbered from 0; give numbers of 0 or more"
        )
    if unknown := sorted(settings["trainer"].keys() - set(TRAINER)):
        raise InputError(
            f"trainer.{unknown[0]} is not an option here, where no network is trained; trainer has: "
            f"{', '.join(TRAINER[1:])}"
        )
    if settings["eta"] > 0 and not is_coherent(settings):
        raise InputError(
            f"eta is {settings['eta']:g}, but the model {settings['model']} has no coherence term; "
            f"drop eta, or choose another model"
        )


def is_coherent(settings: Settings) -> bool:
    """Whether the loss has a coherence term, which η weights."""
    return bool(
        {name for name, node in settings["loss"].items() if node} - {"content", "style", "range", "revealed"}
    )
