"""The stored configuration of a training: .training/ in its directory, so that it is not taken for a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf

from vst.config import quoted
from vst.errors import InputError
from vst.files import write_json, write_text
from vst.runs.configuration import check_choices_of, read_overrides
from vst.runs.settings import Settings, files_named


def write_training_configuration(directory: Path, overrides: Sequence[str], settings: Settings) -> None:
    """Write the options given, with absolute paths of files, and the settings resolved from them."""
    files = {option: quoted(path) for option, path in files_named(settings).items()}
    files["data"] = f"[{','.join(map(quoted, settings['data']))}]"
    keys = [override.partition("=")[0] for override in overrides]
    absolute = [
        f"{key}={files[key]}" if key in files else override
        for key, override in zip(keys, overrides, strict=True)
    ]
    write_text(_overrides_path(directory), OmegaConf.to_yaml(OmegaConf.create(absolute)))
    write_json(directory / ".training" / "config.json", settings)


def stored_training_overrides(directory: Path, given: Sequence[str]) -> list[str]:
    """The options that the training in a directory was given; raises `InputError` where there is none."""
    stored = _overrides_path(directory)
    if not stored.is_file():
        raise InputError(f"{directory} holds no training to resume; name a training's directory with resume")
    overrides = read_overrides(stored)
    check_choices_of(directory, overrides, given)
    return overrides


def _overrides_path(directory: Path) -> Path:
    return directory / ".training" / "overrides.yaml"
