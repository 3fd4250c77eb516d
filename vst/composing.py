"""Composes a configuration from the options of a command line, and words the errors where that fails."""

from __future__ import annotations

import difflib
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING

from omegaconf import DictConfig
from omegaconf.errors import InterpolationKeyError, InterpolationResolutionError, OmegaConfBaseException

from vst.config import Config, choices, conf_dir, quoted, register_schema
from vst.errors import InputError
from vst.files import from_home

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


def composed(overrides: Sequence[str], hydra: bool = False, name: str = "config") -> DictConfig:
    """The configuration as `python -m vst` composes it, with Hydra's own part if `hydra` is set.

    `name` is that of the file in conf/ with which it begins.

    Raises `InputError` for what cannot be composed.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    check_choices(overrides)
    register_schema()
    GlobalHydra.instance().clear()
    with composing(), initialize_config_dir(str(conf_dir().resolve()), version_base="1.3"):
        return compose(name, overrides=list(overrides), return_hydra_config=hydra)


@contextmanager
def composing() -> Generator[None]:
    """Raise `InputError` where Hydra or OmegaConf refuse what they compose, or stumble over it."""
    from hydra.errors import HydraException

    try:
        yield
    except (HydraException, OmegaConfBaseException, *STUMBLES) as error:
        raise InputError(message_for(error)) from error


STUMBLES = (AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What comes of an option below a value that is null, or of the wrong type, and of other odd ones."""


def hydras_stumble(error: Exception, arguments: Sequence[str]) -> str | None:
    """One sentence for an error of `STUMBLES` of Hydra's own over its own options; None where it is another's.

    Hydra takes many of its options as they are, and fails over them once it begins.
    """
    own = [argument for argument in arguments if argument.partition("=")[0].lstrip("+~").startswith("hydra")]
    passed = (frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__))
    _, *inner = (name.partition(".")[0] for name in passed)
    if not own or "vst" in inner or "hydra_plugins" in inner:
        return None
    reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
    return f"Hydra cannot begin with {' '.join(own)} ({reason}); correct that"


def parse(overrides: Sequence[str]) -> list[Override]:
    """Overrides as Hydra parses them; raises `InputError` for what it cannot parse."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as error:
        raise InputError(message_for(error)) from error


def with_home(overrides: Sequence[str]) -> list[str]:
    """Overrides with the user's folder for a `~` at the beginning of a value, which a shell leaves as it is after =."""
    return [_with_home(override) for override in overrides]


def _with_home(override: str) -> str:
    key, equals, value = override.partition("=")
    if quoted_value := re.fullmatch(r"(['\"])(~.*)\1", value):
        return f"{key}={quoted(from_home(quoted_value[2]))}"
    if not value.startswith("~"):
        return override
    values = [quoted(from_home(one)) if one.startswith("~") else one for one in value.split(",")]
    return f"{key}{equals}{','.join(values)}"


COMBINED = ("logger",)
"""Groups of which several choices may be given, in brackets."""


def check_choices(overrides: Sequence[str]) -> None:
    """Raise `InputError` where a group is given something else than a name, at which Hydra itself only stumbles."""
    for override in parse(overrides):
        group = str(override.key_or_group)
        known = choices(group)
        if override.is_sweep_override() or not (known or group.startswith("hydra/")):
            continue
        value = override.value()
        of_group = value is None if override.is_delete() else isinstance(value, dict)
        if group in COMBINED and isinstance(value, list):
            of_group = all(choice in known for choice in value)
        if not of_group and not isinstance(value, str):
            remedy = f"choose one of: {', '.join(known)}" if known else "give the name of one"
            raise InputError(f"{override.input_line} is no choice of {group}; {remedy}")


def with_run_directory(cfg: DictConfig) -> DictConfig:
    """The configuration with a placeholder for the run directory, which otherwise only a run of Hydra sets."""
    cfg.paths.run = "."
    return cfg


def message_for(error: Exception) -> str:
    """One sentence that says what Hydra or OmegaConf found wrong with the command line."""
    from hydra.core.config_store import ConfigStore
    from hydra.errors import OverrideParseException

    text = str(error)
    if isinstance(error, InterpolationKeyError | InterpolationResolutionError):
        where, reason = getattr(error, "full_key", None), text.splitlines()[0]
        return f"{where or 'an option'} refers to what cannot be found ({reason}); correct it"
    if found := re.search(r"Could not find '(.+?)/(.+?)'", text):
        group, choice = found.groups()
        known = choices(group)
        if not known:  # a group of Hydra's own
            group, _, choice = f"{group}/{choice}".rpartition("/")
            known = [Path(name).stem for name in ConfigStore.instance().list(group)]
        return f"{group}={choice} is not known; choose one of: {', '.join(known)}"
    if found := re.search(r"Could not override '(.+?)'", text):
        option = (
            getattr(error.__cause__, "full_key", None) or found[1]
        )  # an option within a group that is given whole
        return f"{option} is not an option{_did_you_mean(option)}; see python -m vst --help"
    if found := re.search(r"Error merging override (\S+?)=(.*)", text):
        option, value = found.groups()
        kind = {"Integer": "a whole number", "Float": "a number"}.get(
            _wanted_type(error), "of the right type"
        )
        return f"{option}={value} is not {kind}; correct it"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if isinstance(error, OverrideParseException) and str(error.override).isidentifier():
        return (
            f"{error.override} is neither an option nor a command; write an option as name=value, and see "
            f"python -m vst --help"
        )
    if isinstance(error, OverrideParseException):
        hint = "quote a value that has commas, brackets, spaces or =, such as \"video.path='clip (1).mp4'\""
        given = re.sub(r"^hydra\.sweeper\.pairs=\[(.*)\]$", r"pair=\1", str(error.override))
        return f"{given} cannot be understood; {hint}"
    reason = lines[0].rstrip(".") if lines else type(error).__name__
    return f"the command line cannot be understood: {reason}; see python -m vst --help"


def _wanted_type(error: Exception) -> str:
    found = re.search(r"could not be converted to (\w+)", str(error.__cause__))
    return found[1] if found else ""


def _did_you_mean(option: str) -> str:
    groups = [folder.name for folder in conf_dir().iterdir() if folder.is_dir()]
    known = [*(item.name for item in fields(Config)), *groups]
    close = [] if "." in option else difflib.get_close_matches(option, known, n=1)
    return f", did you mean {close[0]}" if close else ""
