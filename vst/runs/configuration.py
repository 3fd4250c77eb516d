"""The stored configuration of a run: .hydra/ in the run's directory, as Hydra writes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vst.config import choices, literal, quoted, unescaped
from vst.errors import InputError
from vst.files import from_home, write_text
from vst.runs.choices import OF_AN_OPTION, may_choose
from vst.runs.data import MOST_LEVELS, plain, read_text
from vst.runs.moved import FIRST_DEFAULTS, WEIGHTS, override_with_new_names, with_new_names
from vst.runs.settings import Settings, files_named, select


def configuration_path(run: Path) -> Path:
    """Path of the configuration of the run in a directory; the file exists once the run has begun."""
    return run / ".hydra" / "config.yaml"


def write_configuration(run: Path, cfg: DictConfig, overrides: Sequence[str], settings: Settings) -> None:
    """Write the run's configuration as Hydra would, but with absolute paths of input files."""
    from hydra.core.hydra_config import HydraConfig

    cfg = cfg.copy()
    files = {key: path for key, path in files_named(settings).items() if not key.startswith("keyframes.")}
    for key, path in files.items():
        OmegaConf.update(cfg, key, literal(path))
    texts = {key: quoted(path) for key, path in files.items()}
    if isinstance(paintings := settings["keyframes"], dict):
        OmegaConf.update(cfg, "keyframes", {int(number): literal(path) for number, path in paintings.items()})
        pairs = (f"{number}: {quoted(path)}" for number, path in paintings.items())
        texts["keyframes"] = f"{{{', '.join(pairs)}}}"
    keys = [override.partition("=")[0] for override in overrides]
    overrides = [
        f"{key}={texts[key]}" if key in texts else override
        for key, override in zip(keys, overrides, strict=True)
    ]
    write_text(configuration_path(run), OmegaConf.to_yaml(cfg))
    write_text(_overrides_path(run), OmegaConf.to_yaml(OmegaConf.create(list(overrides))))
    if HydraConfig.initialized():
        write_text(run / ".hydra" / "hydra.yaml", OmegaConf.to_yaml(HydraConfig.instance().cfg))


def stored_overrides(run: Path, given: Sequence[str] = ()) -> list[str]:
    """The options that the run in a directory was given, without those for its directory and for resuming.

    Raises `InputError` where no run has begun there, and for an option that a directory may not choose
    (`vst.runs.choices`), unless it is also `given` on the command line.
    """
    stored = _overrides_path(run)
    if not stored.is_file():
        raise InputError(f"{run} holds no run to resume; name a run directory with resume")
    kept = read_overrides(stored)
    # first, so that the run's own options stand
    overrides = [*_first_defaults(run), *(override_with_new_names(line) for line in kept)]
    check_choices_of(run, overrides, given)
    return overrides


def with_stored_overrides(
    arguments: Sequence[str], stored: Callable[[Path, Sequence[str]], list[str]]
) -> list[str]:
    """For `resume=DIR`, put the options that are `stored` in DIR before those given, and make DIR the run directory."""
    named = [argument.removeprefix("resume=") for argument in arguments if argument.startswith("resume=")]
    if not named or named[-1] in ("null", ""):
        return list(arguments)
    directory = Path(from_home(named[-1].strip("'\"")))
    others = [argument for argument in arguments if not argument.startswith("resume=")]
    where = quoted(directory)
    # one that is given again comes once: what is removed cannot be removed twice
    before = [override for override in stored(directory, others) if override not in others]
    return [*before, f"hydra.run.dir={where}", f"resume={where}", *others]


def read_overrides(stored: Path) -> list[str]:
    """The options in a file, without those for the directory and for resuming; raises `InputError` for another file."""
    lines = _read_yaml(stored)
    if not isinstance(lines, list):
        raise InputError(
            f"{stored} is damaged, and does not have the options of a run; restore it, or begin a new run"
        )
    return [str(line) for line in lines if not re.match(r"[+~]*(resume=|hydra\b)", str(line))]


def check_choices_of(run: Path, overrides: Sequence[str], given: Sequence[str]) -> None:
    """Raise an `InputError` for an option that a directory may not choose, unless it is also `given`."""
    for override in overrides:
        if override not in given and not may_choose(override):
            raise InputError(
                f"the run in {run} asks for {override}, which a directory may not choose; if you trust it, give that "
                f"option again beside resume"
            )


def _first_defaults(run: Path) -> list[str]:
    """The options whose defaults have changed, with the values that the run began with."""
    config = _read_yaml(configuration_path(run))
    # an option that was nothing then is nothing now, unless the run's own options say otherwise
    began = {option: first for option, first in FIRST_DEFAULTS.items() if first is not None}
    values = {option: select(config, option, first) for option, first in began.items()}
    weights = {option: select(config, option, None) for option in WEIGHTS}
    values |= {option: weight for option, weight in weights.items() if weight is not None}
    # one by its name: Hydra's ~logger, which a run may have been given, finds no list
    loggers = [name for name in choices("logger") if select(config, f"logger.{name}")] or ["csv"]
    return [
        f"logger={loggers[0]}" if len(loggers) == 1 else f"logger=[{','.join(loggers)}]",
        *(f"{option}={'null' if value is None else value}" for option, value in values.items()),
    ]


def stored_settings(run: Path) -> Settings | None:
    """The configuration, resolved as far as possible outside the run; None where it cannot be read."""
    stored = _read_yaml(configuration_path(run))
    return with_new_names(_resolved(stored, stored)) if isinstance(stored, dict) else None


def _read_yaml(path: Path) -> Any:
    """What a YAML file holds, with its interpolations as text; None where it cannot be read."""
    from yaml import YAMLError, safe_load

    try:
        return plain(safe_load(read_text(path)))
    except (OSError, ValueError, RecursionError, YAMLError):
        return None


def _resolved(node: Any, root: Settings) -> Any:
    """A configuration in which other options are put for their names, as far as they are simple values.

    OmegaConf would also ask the environment, and anything else that a directory may name.
    """
    if isinstance(node, dict):
        return {key: _resolved(value, root) for key, value in node.items()}
    for _ in range(MOST_LEVELS):
        found = OF_AN_OPTION.fullmatch(node) if isinstance(node, str) else None
        value = select(root, found[1], node) if found else node
        if value == node or isinstance(value, dict):
            break
        node = value
    return unescaped(node) if isinstance(node, str) else node


def _overrides_path(run: Path) -> Path:
    return run / ".hydra" / "overrides.yaml"
