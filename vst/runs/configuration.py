"""The stored configuration of a run: .hydra/ in the run's directory, as Hydra writes it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vst.config import quoted
from vst.errors import InputError
from vst.files import write_text
from vst.runs.moved import FIRST_DEFAULTS, override_with_new_names, with_new_names
from vst.runs.settings import FROM_FILES, Settings


def configuration_path(run: Path) -> Path:
    """Path of the configuration of the run in a directory; the file exists once the run has begun."""
    return run / ".hydra" / "config.yaml"


def write_configuration(run: Path, cfg: DictConfig, overrides: Sequence[str], settings: Settings) -> None:
    """Write the run's configuration as Hydra would, but with absolute paths of input files."""
    from hydra.core.hydra_config import HydraConfig

    cfg = cfg.copy()
    files = {
        f"{group}.path": path for group in FROM_FILES if isinstance(path := settings[group].get("path"), str)
    }
    for key, path in files.items():
        OmegaConf.update(cfg, key, path)
    keys = [override.partition("=")[0] for override in overrides]
    overrides = [
        f"{key}={quoted(files[key])}" if key in files else override
        for key, override in zip(keys, overrides, strict=True)
    ]
    write_text(configuration_path(run), OmegaConf.to_yaml(cfg))
    write_text(_overrides_path(run), OmegaConf.to_yaml(OmegaConf.create(list(overrides))))
    if HydraConfig.initialized():
        write_text(run / ".hydra" / "hydra.yaml", OmegaConf.to_yaml(HydraConfig.instance().cfg))


def stored_overrides(run: Path) -> list[str]:
    """The options that the run in a directory was given, without those for its directory and for resuming.

    Raises `InputError` where no run has begun there.
    """
    stored = _overrides_path(run)
    if not stored.is_file():
        raise InputError(f"{run} holds no run to resume; name a run directory with resume")
    # not resolved: an option that refers to another must still do so
    lines = OmegaConf.to_container(OmegaConf.load(stored), resolve=False) or []
    kept = [str(line) for line in lines if not str(line).startswith(("resume=", "hydra."))]
    # first, so that the run's own options stand
    return [*_first_defaults(run), *(override_with_new_names(line) for line in kept)]


def _first_defaults(run: Path) -> list[str]:
    """The options whose defaults have changed, with the values that the run began with."""
    path = configuration_path(run)
    config = OmegaConf.load(path) if path.is_file() else OmegaConf.create()
    values = {
        option: OmegaConf.select(config, option, default=first) for option, first in FIRST_DEFAULTS.items()
    }
    return [f"{option}={'null' if value is None else value}" for option, value in values.items()]


def stored_settings(run: Path) -> Settings | None:
    """The configuration, resolved as far as possible outside the run; None where it cannot be read."""
    from yaml import YAMLError

    try:
        stored = OmegaConf.load(configuration_path(run))
    except (OSError, ValueError, YAMLError, OmegaConfBaseException):
        return None
    if not isinstance(stored, DictConfig):
        return {}
    unresolved = OmegaConf.to_container(stored, resolve=False)
    assert isinstance(unresolved, dict)
    settings: Settings = {str(key): value for key, value in unresolved.items()}
    for key in settings:
        # one by one: some, such as the paths, need Hydra's own configuration, which does not exist here
        with suppress(OmegaConfBaseException):
            value = OmegaConf.select(stored, key)
            settings[key] = (
                OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            )
    return with_new_names(settings)


def _overrides_path(run: Path) -> Path:
    return run / ".hydra" / "overrides.yaml"
