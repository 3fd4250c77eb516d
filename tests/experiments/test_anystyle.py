from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hydra.core.global_hydra import GlobalHydra
from PIL import Image

from vst.composing import composed
from vst.runs.settings import resolve


@pytest.fixture
def experiment(script: Callable[[str], ModuleType]) -> Iterator[ModuleType]:
    yield script("anystyle")
    GlobalHydra.instance().clear()


def test_every_way_composes(experiment):
    for options in experiment.WAYS.values():
        cfg = composed([*experiment.CLIP, *options])
        cfg.paths.run = "."
        assert resolve(cfg)["video"]["frames"] == 3


def test_the_table_and_the_figure_have_every_way(experiment, tmp_path: Path):
    found = {
        way: dict.fromkeys(experiment.FIGURES, float(number)) for number, way in enumerate(experiment.WAYS)
    }
    lines = experiment.table(found).splitlines()
    assert len(lines) == 2 + len(experiment.WAYS)
    assert lines[3].startswith("| anystyle | 1.00 | 1.00 | 1.00 | 1.00 |")
    experiment.draw(found, tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as figure:
        assert figure.size == (1440, 480)
