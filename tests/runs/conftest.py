"""Real runs of the whole program on a clip of a few small frames, with filters that need no download."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from numpy.typing import NDArray

from tests.conftest import Start
from vst.config import conf_dir, register_schema
from vst.features import weights
from vst.frames import ClipInfo
from vst.runs.run import run
from vst.video.writer import write_video

FRAMES, HEIGHT, WIDTH = 4, 32, 48
EVALUATIONS = 6

Paint = Callable[..., Path]
Launch = Callable[..., BaseProcess]


random_once = cache(weights.random)


@pytest.fixture(autouse=True)
def filters_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the twenty million random filters once, and not for every run."""
    monkeypatch.setattr(weights, "random", random_once)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smooth texture that moves two pixels a frame."""
    path = tmp_path_factory.mktemp("clip") / "moving.mp4"
    info = ClipInfo("moving", FRAMES, HEIGHT, WIDTH, Fraction(1, 25), Fraction(25), 0, FRAMES)
    write_video(path, ((_texture(shift=2 * index), index) for index in range(FRAMES)), info)
    return path


def _texture(shift: int) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + np.array([0, shift])[:, None, None]
    waves = [np.sin(rows / 3 + phase) + np.sin((columns + rows) / 4 - phase) for phase in range(3)]
    return ((np.stack(waves, axis=-1) / 4 + 0.5) * 255).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def options(clip: Path) -> list[str]:
    """The overrides that make a run small."""
    return [
        "video=file",
        f"video.path={clip}",
        "backbone=random",
        "backbone.weights.width=8",
        "style.size=48",
        "beta=1e3",
        f"evaluations={EVALUATIONS}",
    ]


@pytest.fixture
def paint(options: list[str]) -> Paint:
    """Run in this process: `paint(directory, *overrides) -> directory`."""

    def paint(directory: Path, *overrides: str) -> Path:
        register_schema()
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(conf_dir().resolve()), version_base="1.3"):
            chosen = [*options, "~callbacks.progress", f"paths.run={directory}", *overrides]
            cfg = compose("config", overrides=chosen)
        return run(cfg, chosen)

    return paint


@pytest.fixture
def launch(start: Start, options: list[str]) -> Launch:
    """Start `python -m vst` with the small run's overrides and more."""

    def launch(*overrides: str) -> BaseProcess:
        resumed = any(item.startswith("resume=") for item in overrides)
        return start(*overrides if resumed else (*options, *overrides)).process

    return launch
