"""A run's settings: the configuration as dicts and lists, complete and checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vst.composing import message_for
from vst.config import Config, choices
from vst.errors import InputError
from vst.files import from_home
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
"""Options of Lightning's Trainer that a run may have: the others leave out frames, or are set by the program."""

PARTS = ("video", "style", "backbone", "flow", "start", "canvas", "optimizer", "trainer")
"""Groups that make one part of a run each."""

SYNTHESISED = "vst.painting.start.synthesised_start"
"""The start that takes key frames."""

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
    """The files of the user's that a run paints from, by the option that names each."""
    paintings, key_frames = (settings.get(group) or {} for group in ("styles", "keyframes"))
    options = [f"{node}.{key}" for node in ("video", "style") for key in ("path", "mask")]
    options += [f"styles.{name}.{key}" for name in paintings for key in ("path", "mask")]
    options += ["backbone.weights.path", "network", "start.network.path"]
    options += [f"keyframes.{number}" for number in key_frames] if isinstance(key_frames, dict) else []
    return {option: path for option in options if isinstance(path := select(settings, option), str)}


def replace_files(settings: Settings, replacement: Callable[[str], Any]) -> None:
    """Replace the names of the user's files, but not the nodes that fetch a file instead."""
    for option, path in files_named(settings).items():
        group, _, key = option.rpartition(".")
        (select(settings, group) if group else settings)[key] = replacement(path)


def resolve(cfg: DictConfig) -> Settings:
    """A run's configuration as dicts and lists; raises `InputError` for a missing, unknown or wrong option."""
    options = resolved(cfg, Config)
    if options["eta"] > 0 and not is_coherent(options):
        raise InputError(
            f"eta is {options['eta']:g}, but the model {options['model']} has no coherence term; "
            f"drop eta, or choose another model"
        )
    return previewed(options) if options["preview"] else options


def resolved(cfg: DictConfig, schema: type) -> Settings:
    """A configuration of any schema as dicts and lists; raises `InputError` where it is not one."""
    known = vars(schema)["__dataclass_fields__"].keys()
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
    for name, argument in arguments_of(f"{schema.__module__}.{schema.__name__}").items():
        kind = kind_of(KINDS[name]) if name in KINDS else argument.kind
        options[name] = taken(options[name], kind, name)
    _check_trainer(options)
    if "keyframes" in options:
        _check_key_frames(options)
    # so that a run can be resumed, and compared with others, from any directory
    replace_files(options, lambda path: str(Path(from_home(path)).absolute()))
    return options


def _check_groups(settings: Settings) -> None:
    """Check that every group has what makes it a part of a run, and what the schema has no type for."""
    for name in {"scales", "tiles"} & settings.keys():
        value = settings[name]
        if value != "auto" and not Number(whole=True, least=1, most=1000).accepts(value):
            raise InputError(
                f"{name} is {value}, and must be auto or a whole number of at least 1 and at most 1000; correct {name}"
            )
    if "output" in settings:
        taken(settings["output"].get("codec"), kind_of("vst.video.codecs.CodecName"), "output.codec")
    if select(settings, "start.network.path", "") is None:
        raise InputError("network is not given; add network=… to the command line")
    for group in PARTS:
        if group in settings and not isinstance(settings[group].get("_target_"), str):
            raise InputError(f"{group} has no _target_; choose one of: {', '.join(choices(group))}")
    for group in LISTS:
        for name, node in settings.get(group, {}).items():
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


def _check_key_frames(settings: Settings) -> None:
    """Check the form of the key frames, and that the model has a use for them."""
    asked = settings["keyframes"]
    given = isinstance(asked, dict) and bool(asked)
    number = Number(whole=True, least=0, most=1_000_000_000)
    every = Number(whole=True, least=1, most=1_000_000)
    paintings = given and all(number.accepts(key) and isinstance(path, str) for key, path in asked.items())
    if not (asked is None or every.accepts(asked) or paintings):
        raise InputError(
            f"keyframes is {asked}, and must have a painting for every frame that it names, such as {{0: first.png}}, "
            f"or be a whole number of frames from 1; correct keyframes"
        )
    synthesises = settings["start"]["_target_"] == SYNTHESISED
    if asked is not None and not synthesises:
        raise InputError(
            f"keyframes is given, but the model {settings['model']} has no use for key frames; choose model=keyframes, "
            f"or drop keyframes"
        )
    if synthesises and settings["passes"] > (2 if given else 1):
        raise InputError(
            f"passes is {settings['passes']}, and frames are synthesised in one pass, or in two where the paintings of "
            f"key frames are given; lower passes"
        )
    if isinstance(asked, dict):
        settings["keyframes"] = {str(number): path for number, path in asked.items()}


def _check_trainer(settings: Settings) -> None:
    if (target := settings["trainer"]["_target_"]) != "pytorch_lightning.Trainer":
        raise InputError(f"trainer._target_={target} is not known; leave it as the configuration has it")
    if unknown := sorted(settings["trainer"].keys() - set(TRAINER)):
        raise InputError(f"trainer.{unknown[0]} is not an option here; trainer has: {', '.join(TRAINER[1:])}")


def is_coherent(settings: Settings) -> bool:
    """Whether the loss has a coherence term, which η weights."""
    return bool(
        {name for name, node in settings["loss"].items() if node} - {"content", "style", "range", "revealed"}
    )
