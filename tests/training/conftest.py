"""Trainings that take a moment: a small network, frames of a few pixels, and filters that need no download."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vst.frames import ClipInfo
from vst.training.command import configuration
from vst.training.run import train
from vst.video.writer import write_video

FRAMES, HEIGHT, WIDTH = 4, 32, 48

Train = Callable[..., Path]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smooth texture that moves two pixels a frame."""
    path = tmp_path_factory.mktemp("clip") / "moving.mp4"
    info = ClipInfo("moving", FRAMES, HEIGHT, WIDTH, Fraction(1, 25), Fraction(25), 0, FRAMES)
    columns = np.mgrid[:HEIGHT, :WIDTH][1]
    pictures = [128 + 100 * np.sin((columns + 2 * index) / 4) for index in range(FRAMES)]
    frames = [np.repeat(picture.astype(np.uint8)[..., None], 3, 2) for picture in pictures]
    write_video(path, ((frame, index) for index, frame in enumerate(frames)), info)
    return path


@pytest.fixture
def small(clip: Path) -> list[str]:
    """The options that make a training small."""
    network = ("network.width=2", "network.blocks=1")
    return [
        f"data={clip}",
        "backbone=random",
        "backbone.weights.width=8",
        "size=48",
        "style.size=32",
        "flow=dis",
        "steps=6",
        *network,
    ]


@pytest.fixture
def run_training(small: list[str], tmp_path: Path) -> Train:
    """Train in this process: `run_training(directory, *overrides) -> directory`."""

    def run_training(name: str, *overrides: str) -> Path:
        given = [*small, "~callbacks.progress", *overrides]
        return train(configuration([*given, f"hydra.run.dir='{tmp_path / name}'"]), given)

    return run_training
