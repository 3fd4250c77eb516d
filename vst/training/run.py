"""Trains one network: from its configuration to its directory."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from vst.errors import InputError, memory_for
from vst.files import write_json
from vst.runs.directory import checkpoint_path, locked, make_own
from vst.runs.identity import first_difference
from vst.runs.provenance import machine, version_of, versions
from vst.runs.record import VERSION, Provenance, Record
from vst.runs.settings import Settings
from vst.runs.signals import Interrupted, interruptible
from vst.runs.threads import limit_threads
from vst.runs.trainer import make_trainer, quiet
from vst.training.configuration import write_training_configuration
from vst.training.settings import resolve_training, training_identity

if TYPE_CHECKING:
    from pytorch_lightning import Trainer

    from vst.training.parts import TrainingParts


def network_path(directory: Path) -> Path:
    """Path of the network of the training in a directory; the file exists once it is trained."""
    return directory / "network.safetensors"


def train(cfg: DictConfig, overrides: Sequence[str] = ()) -> Path:
    """Train a network as configured, and return the directory.

    The configuration and the files that it names are checked before anything is written. `overrides` are the options of
    the command line, which are stored.
    """
    settings = resolve_training(cfg)
    directory = Path(settings["paths"]["run"])
    beginning = partial(memory_for, "this data and painting", "give a smaller size, or less data")
    with interruptible(), locked(directory, "training", "hydra.run.dir"):
        state = _state_to_resume(directory, settings)
        # slow to import, and the refusals above should be immediate
        from vst.training.callbacks.checkpoints import restore
        from vst.training.parts import build_training

        make_own(directory)
        limit_threads()
        with beginning():
            parts = build_training(settings, state)
            callbacks = list(parts.callbacks.values())
            trainer = make_trainer(settings, 1, callbacks, parts.loggers)
            if state is not None:
                restore(state, trainer, parts.module)
        parts.batches.first, parts.batches.device = parts.module.step, trainer.strategy.root_device
        with ExitStack() as begun:  # where one cannot begin, those before it end
            for logger in parts.loggers:
                logger.describe("training", parts.painting.name, ", ".join(_names(settings)), settings)
                logger.begin()
                begun.callback(logger.finish, failed=True)
            write_training_configuration(directory, overrides, settings)
            begun.pop_all()
        try:
            _fit(directory, settings, parts, trainer)
        except Interrupted as interrupted:
            begun = checkpoint_path(directory).is_file()
            interrupted.resume_with = shlex.quote(f"resume={directory}") if begun else None
            raise
        shutil.rmtree(directory / "checkpoints", ignore_errors=True)
    return directory


def _fit(directory: Path, settings: Settings, parts: TrainingParts, trainer: Trainer) -> None:
    """Train, and write the record however it ends."""
    status = "failed"
    try:
        more = "resume with more tiles, or train with a smaller batch or size"
        with memory_for("the frames of a step", more), quiet(), closing(parts.batches):
            trainer.fit(parts.module, train_dataloaders=parts.batches)
        _save(directory, settings, parts)
        status = "finished"
    except (Interrupted, SystemExit):
        status = "interrupted"
        raise
    finally:
        summary = parts.curves.summary()
        with ExitStack() as ends:  # each logger is told, though another fails
            for logger in parts.loggers:
                ends.callback(logger.finish, failed=status != "finished")
            for logger in parts.loggers:
                ends.callback(logger.log_summary, summary)
            # the first to be called: the network is there, whatever a logger says to it
            ends.callback(_write_record, directory, status, settings, parts, trainer)


def _write_record(
    directory: Path, status: str, settings: Settings, parts: TrainingParts, trainer: Trainer
) -> None:
    weights = parts.module.backbone.weights
    provenance = Provenance(
        config=settings,
        inputs=parts.inputs,
        seed=settings["seed"],
        weights={"name": weights.name, "sha256": weights.sha256},
        precision=parts.module.backbone.precision,
        style=parts.painting.name,
        versions=versions(),
        machine=machine(trainer.strategy.root_device),
    )
    record = Record(status, parts.curves.summary(), provenance)
    write_json(directory / "training.json", {"version": VERSION, **asdict(record)})


def _save(directory: Path, settings: Settings, parts: TrainingParts) -> None:
    from vst.networks.weights import Trained, save_network

    network = parts.module.network
    summary = parts.curves.summary()
    trained = Trained(
        width=network.width,
        blocks=network.blocks,
        style=parts.painting.name,
        style_sha256=parts.inputs.get("style.path"),
        size=settings["size"],
        steps=parts.module.step,
        losses={name: value for name, value in summary.items() if name not in ("steps", "seconds")},
        backbone=parts.module.backbone.weights.sha256,
        version=version_of("vst"),
        options={
            key: value for key, value in settings.items() if key not in ("paths", "callbacks", "logger")
        },
    )
    save_network(network_path(directory), network, trained)


def _state_to_resume(directory: Path, settings: Settings) -> Settings | None:
    """The checkpoint to resume from, if any; raises `InputError` where there is none, or one of other settings."""
    begun, trained = checkpoint_path(directory).is_file(), network_path(directory).is_file()
    if settings["resume"] is None:
        if begun or trained or (directory / ".hydra").is_dir():
            raise InputError(
                f"{directory} holds a training or a run already; resume it with {shlex.quote(f'resume={directory}')}, "
                f"or name another directory with hydra.run.dir"
            )
        return None
    if trained:
        raise InputError(
            f"the network in {directory} is trained already; give another directory with hydra.run.dir"
        )
    if not begun:
        raise InputError(f"{directory} holds no training to resume; name a training's directory with resume")
    from vst.runs.callbacks.resume import read_checkpoint

    state = read_checkpoint(directory)
    if changed := first_difference(state["config"], training_identity(settings)):
        raise InputError(
            f"the training in {directory} was configured with another {changed}; resume it with its original options, "
            f"or begin a new one in another directory"
        )
    return state


def _names(settings: Settings) -> list[str]:
    return [Path(name).name for name in settings["data"]]
