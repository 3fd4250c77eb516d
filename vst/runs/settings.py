"""A run's settings: the configuration as dicts and lists, complete and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vst.composing import message_for
from vst.config import Config, choices
from vst.errors import InputError
from vst.runs.build import taken
from vst.runs.kinds import Number
from vst.runs.preview import previewed
from vst.runs.signatures import arguments_of, kind_of

Settings = dict[str, Any]

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

PARTS = ("video", "style", "backbone", "flow", "start", "canvas", "optimizer", "trainer")
"""Groups that make one part of a run each."""

LISTS = ("styles", "loss", "callbacks", "logger")
"""Groups of several parts by name, of which each may be left out."""

KINDS = {
    "colours": "vst.painting.colours.Choice",
    "strength": "vst.bounds.StrengthOverTime",
    "start": "vst.painting.start.Start",
    "optimizer": "vst.optim.solution.Minimise",
}
"""Options, and the annotations of what they accept where the schema has no type for it."""


def select(settings: Any, option: str, default: Any = None) -> Any:
    """The value of an option by its path, or the default where there is none."""
    for key in option.split("."):
        if not (isinstance(settings, dict) and key in settings):
            return default
        settings = settings[key]
    return settings


def files_named(settings: Settings) -> dict[str, str]:
    """The files of the user's that the clip and the paintings are read from, by the option that names each."""
    paintings = settings.get("styles")
    others = paintings if isinstance(paintings, dict) else {}
    nodes = {"video": settings.get("video"), "style": settings.get("style")}
    nodes |= {f"styles.{name}": node for name, node in others.items()}
    return {
        f"{name}.{key}": value
        for name, node in nodes.items()
        if isinstance(node, dict)
        for key in ("path", "mask")
        if isinstance(value := node.get(key), str)
    }


def resolve(cfg: DictConfig) -> Settings:
    """The configuration as dicts and lists; raises `InputError` for a missing, unknown or wrong option."""
    known = Config.__dataclass_fields__.keys()
    if unknown := sorted(map(str, cfg.keys() - known)):
        raise InputError(f"{unknown[0]} is not an option; see python -m vst --help")
    if removed := sorted(known - cfg.keys()):
        raise InputError(f"{removed[0]} cannot be removed; drop ~{removed[0]}")
    try:
        missing = sorted(OmegaConf.missing_keys(cfg))
        settings = {} if missing else OmegaConf.to_container(cfg, resolve=True)
    except OmegaConfBaseException as error:
        raise InputError(message_for(error)) from error
    if missing:
        raise InputError(f"{missing[0]} is not given; add {missing[0]}=… to the command line")
    assert isinstance(settings, dict)
    options: Settings = {str(key): value for key, value in settings.items()}
    _check_groups(options)
    for name, argument in arguments_of("vst.config.Config").items():
        kind = kind_of(KINDS[name]) if name in KINDS else argument.kind
        options[name] = taken(options[name], kind, name)
    _check_values(options)
    # so that a run can be resumed, and compared with others, from any directory
    for option, path in files_named(options).items():
        node, _, key = option.rpartition(".")
        select(options, node)[key] = str(Path(path).absolute())
    return previewed(options) if options["preview"] else options


def _check_groups(settings: Settings) -> None:
    """Check that every group has what makes it a part of a run, and what the schema has no type for."""
    for name in ("scales", "tiles"):
        value = settings[name]
        if value != "auto" and not Number(whole=True, least=1, most=1000).accepts(value):
            raise InputError(
                f"{name} is {value}, and must be auto or a whole number of at least 1 and at most 1000; correct {name}"
            )
    codec = settings["output"].get("codec")
    taken(codec, kind_of("vst.video.codecs.CodecName"), "output.codec")
    for group in PARTS:
        if not isinstance(settings[group].get("_target_"), str):
            raise InputError(f"{group} has no _target_; choose one of: {', '.join(choices(group))}")
    for group in LISTS:
        for name, node in settings[group].items():
            if node is not None and not (isinstance(node, dict) and "_target_" in node):
                raise InputError(
                    f"{group}.{name}={node} has no _target_; give it one, or null to leave it out"
                )
    if not any(settings["loss"].values()):
        raise InputError(f"loss has no term; choose one of: {', '.join(choices('loss'))}")
    run = settings["paths"].get("run")
    if not isinstance(run, str | int) or isinstance(run, bool):
        raise InputError(f"paths.run={run} is not a directory; name one with hydra.run.dir")
    settings["paths"]["run"] = str(run)


def _check_values(settings: Settings) -> None:
    if (target := settings["trainer"]["_target_"]) != "pytorch_lightning.Trainer":
        raise InputError(f"trainer._target_={target} is not known; leave it as the configuration has it")
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
