"""One run: from its configuration to its directory. Nothing else in the house reads the configuration."""

from __future__ import annotations

import json
import logging
import math
import platform
import shlex
import shutil
import signal
import threading
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from vst.build import build, check
from vst.config import Config, quoted
from vst.errors import ClipBroke, InputError, Pruned
from vst.features.layers import check_layers, smallest_side
from vst.records import checkpoint_path, held, plain, write_json, write_text
from vst.threads import keep_to_share

if TYPE_CHECKING:
    import torch
    from pytorch_lightning import Callback, Trainer

    from vst.frames import Clip
    from vst.losses.loss import Loss
    from vst.stylizer import VideoStylizer

Settings = dict[str, Any]

FROM_FILES = ("video", "style")
"""Groups whose `path` names a file of the user's."""


class Interrupted(BaseException):
    """A signal asked the run to end; its status is 128 and the signal's number, as shells have it."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number
        self.go_on: str | None = None
        """How to go on, where there is something to go on with."""


def run(
    cfg: DictConfig,
    overrides: Sequence[str] = (),
    again: bool = False,
    callbacks: Mapping[str, Callback] | None = None,
) -> Path:
    """Paint a clip as configured, and return the run's directory.

    Everything that can be wrong with the configuration and the files it names is found before anything is
    written. `overrides` are the command line's, for the record. With `again`, a run of the same configuration
    that the directory holds already is gone on with. `callbacks`, by name, come after those of the
    configuration: what a caller adds that is not the run's own, and is not there when it is taken up again.
    """
    settings = resolve(cfg)
    directory = Path(settings["paths"]["run"])
    clip: Clip = build(settings["video"])
    frame = clip.info.width, clip.info.height
    _check_size(settings, f"the frames of {clip.info.name} are", frame, "give a larger clip or video.size")
    with interruptible(), held(directory, "run", "hydra.run.dir"):
        if again and is_done(directory, settings):
            return directory
        state = _check_directory(directory, settings, again)
        if is_finished(directory):
            print(f"{directory} is finished already")
            return directory
        keep_to_share()
        module, parts = _build_parts(settings, clip)
        parts["callbacks"].update(callbacks or {})
        trainer = _begin(settings, module, parts, state)
        _write_configuration(directory, cfg, overrides, settings)
        try:
            _paint(directory, settings, clip, module, parts, trainer)
        except Interrupted as interrupted:
            begun = checkpoint_path(directory).is_file()
            interrupted.go_on = shlex.quote(f"resume={directory}") if begun else None
            raise
    return directory


def resolve(cfg: DictConfig) -> Settings:
    """The configuration as plain containers, complete, with every option known and every value allowed."""
    unknown = set(cfg) - set(Config.__dataclass_fields__)
    if unknown:
        raise InputError(f"{sorted(map(str, unknown))[0]} is not an option; see python -m vst --help")
    if missing := OmegaConf.missing_keys(cfg):
        option = sorted(missing)[0]
        raise InputError(f"{option} is not given; add {option}=… to the command line")
    settings = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(settings, dict)
    options: Settings = {str(key): value for key, value in settings.items()}
    # so that a run is gone on with, and set side by side with others, from any directory
    for group in FROM_FILES:
        if isinstance(path := options[group].get("path"), str):
            options[group]["path"] = str(Path(path).absolute())
    for group, node in options.items():
        check(node, group)
    _check_values(options)
    return options


def is_done(directory: Path, settings: Settings) -> bool:
    """Whether a directory holds the finished run of these settings; one of other settings is refused.

    It is answered from the run's record, without torch.
    """
    if not is_finished(directory):
        return False
    before, now = _record(directory)["provenance"]["config"], plain(settings)
    _refuse_change(directory, identity(before), identity(now))
    return True


def _check_values(settings: Settings) -> None:
    for name in ("alpha", "beta", "eta"):
        if not (math.isfinite(settings[name]) and settings[name] >= 0):
            raise InputError(
                f"{name} is {settings[name]}, and a weight is a number of 0 or more; correct {name}"
            )
    for name in ("evaluations", "passes"):
        if settings[name] < 1:
            raise InputError(f"{name} is {settings[name]}, and at least 1 is needed; raise {name}")
    if any(not share > 0 for share in settings["shares"]):
        raise InputError(
            f"shares is {settings['shares']}, and a frame needs some evaluations; give numbers above 0"
        )
    if any(cut < 0 for cut in settings["cuts"] or ()):
        raise InputError(f"cuts is {settings['cuts']}, and frames are counted from 0; give their numbers")
    if settings["eta"] > 0 and not is_coherent(settings):
        raise InputError(
            f"eta is {settings['eta']:g}, but the model {settings['model']} has no coherence for it to weigh; "
            f"drop eta, or choose another model"
        )


def is_coherent(settings: Settings) -> bool:
    """Whether there is a coherence for η to weigh."""
    return bool({name for name, node in settings["loss"].items() if node} - {"content", "style", "range"})


def _check_directory(directory: Path, settings: Settings, again: bool) -> Settings | None:
    """The checkpoint to go on from, if any; a directory that holds another run, or none, is refused."""
    begun = checkpoint_path(directory).is_file()
    if again and not begun:
        return None
    if not again and settings["resume"] is None:
        if begun or is_finished(directory):
            raise InputError(
                f"{directory} holds a run already; go on with it by {shlex.quote(f'resume={directory}')}, or name "
                f"another directory with hydra.run.dir"
            )
        return None
    if not begun:
        raise InputError(f"{directory} holds no run to go on with; name a run directory with resume")
    # slow to import, and the refusals above are to be answered at once
    from vst.callbacks.resume import load_checkpoint

    state = load_checkpoint(directory)
    _refuse_change(directory, state["config"], identity(settings))
    return state


def _refuse_change(directory: Path, before: Settings, now: Settings) -> None:
    if changed := _first_difference(before, now):
        raise InputError(
            f"the run in {directory} was configured with another {changed}; resume it with its own options and "
            f"the defaults in conf/ as they were, or begin a new run in another directory"
        )


def is_finished(directory: Path) -> bool:
    """Whether the run in a directory has painted all of its frames."""
    return _record(directory).get("status") == "finished"


def _record(directory: Path) -> Settings:
    """What a run in a directory has left of itself; nothing where there is none, or something else of that name."""
    file = directory / "metrics.json"
    try:
        record = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError:
        record = {}
    return record if isinstance(record, dict) and "provenance" in record else {}


def identity(settings: Settings) -> Settings:
    """The part of the configuration that decides what is painted and what is measured of it, not how it is shown
    or where."""
    metrics = settings["callbacks"].get("metrics") or {}
    return {
        **_without(settings, "resume", "paths", "logger"),
        "trainer": _without(settings["trainer"], "accelerator", "devices"),
        "callbacks": {"metrics": _without(metrics, "directory")},
    }


def _without(node: Settings, *options: str) -> Settings:
    return {key: value for key, value in node.items() if key not in options}


def _first_difference(before: Any, now: Any, path: str = "") -> str | None:
    """The first option, by its path, in which two configurations differ."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return None if before == now else path
    for key in sorted(set(before) | set(now)):
        inner = f"{path}.{key}" if path else key
        if key not in before or key not in now:
            return inner
        if found := _first_difference(before[key], now[key], inner):
            return found
    return None


def _build_parts(settings: Settings, clip: Clip) -> tuple[VideoStylizer, dict[str, Any]]:
    """Build the module, the data, and what surrounds them."""
    painting = build(settings["style"])
    size = painting.image.shape[3], painting.image.shape[2]
    _check_size(settings, f"the painting {painting.name} is", size, "give a larger style.size")
    flow = build(settings["flow"])
    losses: dict[str, Loss] = {name: build(node) for name, node in settings["loss"].items() if node}
    backbone = build(settings["backbone"])

    from vst.history import History
    from vst.stylizer import VideoStylizer
    from vst.video.datamodule import ClipDataModule
    from vst.video.store import FrameStore, Paintings

    kept = Path(settings["paths"]["run"]) / "checkpoints"
    several = settings["passes"] > 1
    callbacks = {name: build(node) for name, node in settings["callbacks"].items() if node}
    reaches = [part.reach for part in (*losses.values(), *callbacks.values()) if hasattr(part, "reach")]
    reach = max(1, len(settings["shares"]), *reaches)
    module = VideoStylizer(
        backbone=backbone,
        losses=losses,
        style=painting.image,
        start=build(settings["start"]),
        canvas=build(settings["canvas"]),
        minimise=build(settings["optimizer"]),
        flow=flow,
        evaluations=settings["evaluations"] / settings["passes"],
        shares=settings["shares"],
        seed=settings["seed"],
        history=History(kept / "history", reach),
        paintings=Paintings(kept / "paintings") if several else None,
    )
    contents = FrameStore(kept / "content") if several else None
    data = ClipDataModule(clip, contents, settings["cuts"])
    loggers = [build(node) for node in settings["logger"].values() if node]
    return module, {"data": data, "callbacks": callbacks, "loggers": loggers, "painting": painting}


def _check_size(settings: Settings, what: str, size: tuple[int, int], remedy: str) -> None:
    """Refuse a picture of `size`, width and height, that the deepest layer of the losses cannot see."""
    layers = {layer for node in settings["loss"].values() if node for layer in node.get("layers", ())}
    check_layers(layers)
    least = smallest_side(layers) if layers else 1
    if min(size) < least:
        raise InputError(
            f"{what} {size[0]}x{size[1]} pixels, and VGG-19 needs {least} a side for {max(layers)}; {remedy}"
        )


def _write_configuration(
    directory: Path, cfg: DictConfig, overrides: Sequence[str], settings: Settings
) -> None:
    """Keep what the run was asked for, as Hydra would, but files so that they are found from any directory."""
    from hydra.core.hydra_config import HydraConfig

    kept, cfg = directory / ".hydra", cfg.copy()
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
    write_text(kept / "config.yaml", OmegaConf.to_yaml(cfg))
    write_text(kept / "overrides.yaml", OmegaConf.to_yaml(OmegaConf.create(list(overrides))))
    if HydraConfig.initialized():
        write_text(kept / "hydra.yaml", OmegaConf.to_yaml(HydraConfig.instance().cfg))


def _begin(
    settings: Settings, module: VideoStylizer, parts: dict[str, Any], state: Settings | None
) -> Trainer:
    """Make the trainer, and put it where the checkpoint's run stopped."""
    from vst.callbacks.resume import take_up

    callbacks = parts["callbacks"]
    if "resume" in callbacks:
        callbacks["resume"].config = identity(settings)
    remaining = settings["passes"] - (state["pass"] if state else 0)
    trainer = _trainer(settings, remaining, list(callbacks.values()), parts["loggers"])
    if state is not None:
        take_up(state, trainer, module, parts["data"])
    return trainer


def _paint(
    directory: Path,
    settings: Settings,
    clip: Clip,
    module: VideoStylizer,
    parts: dict[str, Any],
    trainer: Trainer,
) -> None:
    """Fit, come what may, and leave a record that says how it ended."""
    loggers = parts["loggers"]
    status = "failed"
    try:
        for logger in loggers:
            logger.describe(settings["model"], parts["painting"].name, clip.info.name, settings)
            logger.begin()
        with _quiet():
            trainer.fit(module, datamodule=parts["data"])
        status = "finished"
        for kept in ("paintings", "content", "history"):
            shutil.rmtree(directory / "checkpoints" / kept, ignore_errors=True)
    except (Interrupted, SystemExit):  # the latter where a job of SLURM's goes back to its queue
        status = "interrupted"
        raise
    except ClipBroke:
        status = "broken"
        raise
    except Pruned:
        status = "pruned"
        raise
    finally:
        try:
            metrics = parts["callbacks"].get("metrics")
            summary = metrics.summary() if metrics else {}
            for logger in loggers:
                logger.log_summary(summary)
            provenance = _provenance(settings, module, clip, parts, trainer)
            write_json(directory / "metrics.json", {"status": status, "summary": summary, **provenance})
        finally:
            for logger in loggers:
                logger.finish(failed=status not in ("finished", "pruned"))


def _trainer(settings: Settings, epochs: int, callbacks: list[Any], loggers: list[Any]) -> Trainer:
    from pytorch_lightning.callbacks import Checkpoint, ProgressBar
    from pytorch_lightning.plugins.environments import LightningEnvironment
    from pytorch_lightning.utilities.exceptions import MisconfigurationException

    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    options = {
        "max_epochs": epochs,
        "callbacks": callbacks,
        "logger": loggers,
        "enable_checkpointing": any(isinstance(part, Checkpoint) for part in callbacks),
        "enable_progress_bar": any(isinstance(part, ProgressBar) for part in callbacks),
        "reload_dataloaders_every_n_epochs": 1,
        # one process, even where SLURM's variables are about
        "plugins": [LightningEnvironment()],
    }
    try:
        return build({**settings["trainer"], "_partial_": True})(**options)
    except (TypeError, ValueError, MisconfigurationException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise InputError(f"the trainer cannot be made as configured ({reason}); correct trainer.*") from error


@contextmanager
def _quiet() -> Generator[None]:
    """Keep back what Lightning says of ordinary training, which a frame loop is not (workers, optimizers), of
    deprecated calls in its own code, and of an installed srun that one process has no need of."""
    with warnings.catch_warnings():
        for module in ("pytorch_lightning", "lightning_fabric"):
            for category in (UserWarning, FutureWarning):
                warnings.filterwarnings("ignore", module=module, category=category)
        yield


@contextmanager
def interruptible() -> Generator[None]:
    """Turn SIGTERM and SIGINT into `Interrupted`, once: a second one does not disturb the tidying up."""

    ended = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal ended
        if not ended:  # remembered here, since Lightning puts handlers back that are set aside meanwhile
            ended = True
            raise Interrupted(number)

    in_main_thread = threading.current_thread() is threading.main_thread()
    handled = (signal.SIGTERM, signal.SIGINT) if in_main_thread else ()  # Python allows handlers only there
    before = [signal.signal(number, interrupt) for number in handled]
    try:
        yield
    finally:
        for number, handler in zip(handled, before, strict=True):
            signal.signal(number, handler)


def _provenance(
    settings: Settings, module: VideoStylizer, clip: Clip, parts: dict[str, Any], trainer: Trainer
) -> Settings:
    """What it takes to repeat the run."""
    import torch

    weights = module.backbone.weights
    packages = ("vst", "torch", "torchvision", "pytorch-lightning", "opencv-contrib-python", "av", "numpy")
    info = clip.info
    return {
        "provenance": {
            "config": settings,
            "seed": settings["seed"],
            "weights": {"name": weights.name, "sha256": weights.sha256},
            "clip": {
                "name": info.name,
                "start": info.start,
                "frames": info.frames,
                "size": [info.width, info.height],
                "frame_rate": str(info.frame_rate),
            },
            "style": parts["painting"].name,
            "motion": getattr(parts["callbacks"].get("metrics"), "judge", None),
            "versions": {"python": platform.python_version(), **{name: _version(name) for name in packages}},
            "machine": {
                "platform": platform.platform(),
                "device": _device_name(trainer.strategy.root_device),
                "threads": torch.get_num_threads(),
            },
        }
    }


def _version(package: str) -> str | None:
    """The installed version, or None: OpenCV goes by several names, and a checkout may not be installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device_name(device: torch.device) -> str:
    import torch

    return (
        torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or device.type
    )
