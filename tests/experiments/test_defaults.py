from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import cycle, pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hydra.core.global_hydra import GlobalHydra

from tests.run_directories import write_run
from vst.composing import composed
from vst.errors import InputError
from vst.runs.settings import resolve


@pytest.fixture
def defaults(script: Callable[[str], ModuleType]) -> Iterator[ModuleType]:
    yield script("defaults")
    GlobalHydra.instance().clear()


@pytest.mark.parametrize(
    ("ratios", "chosen"),
    [
        # over two clips: √(0.5·0.5) = 0.5 against √(0.1·1) = 0.32, whatever the means (0.5 and 0.55)
        ({1: [(0.5, 1.0, 1.0), (0.5, 1.0, 1.0)], 2: [(0.1, 1.0, 1.0), (1.0, 1.0, 1.0)]}, 2),
        # the style is 1.06 in the mean, which is too much; 1.1 once is not, with 1.0 beside it
        ({1: [(0.5, 1.1, 1.0), (0.5, 1.0, 1.0)], 2: [(0.1, 1.06, 1.0), (0.1, 1.06, 1.0)]}, 1),
        # so is a content of 1.11 in the mean, and 1.2 once is not
        ({1: [(0.5, 1.0, 1.2), (0.5, 1.0, 1.0)], 2: [(0.1, 1.0, 1.11), (0.1, 1.0, 1.11)]}, 1),
        # in the mean the style is 1.0, but one clip is at 1.3
        ({1: [(0.5, 1.0, 1.0), (0.5, 1.0, 1.0)], 2: [(0.1, 1.3, 1.0), (0.1, 0.7, 1.0)]}, 1),
        # none is allowed: the one that is less beyond
        ({1: [(0.5, 1.2, 1.0), (0.5, 1.2, 1.0)], 2: [(0.1, 1.3, 1.0), (0.1, 1.3, 1.0)]}, 1),
    ],
)
def test_the_choice(defaults, ratios, chosen):
    by_clip = {
        value: {f"clip {index}": values for index, values in enumerate(clips)}
        for value, clips in ratios.items()
    }
    assert defaults.choose(by_clip) == chosen


def test_the_table_marks_the_choice_and_each_clips_front(defaults):
    ratios = {
        "eta=10": {"a": (1.0, 1.0, 1.0)},
        "eta=30": {"a": (0.25, 1.02, 1.0)},
        "eta=90": {"a": (0.5, 1.2, 1.1)},
    }
    text = defaults.section("flow", ratios)
    assert "| options | warping error | style | content | a |" in text
    assert "| eta=10 | 1 | 1.000 | 1.000 | 1.00 / 1.00 / 1.00 † |" in text
    assert "| **eta=30** | **0.25** | **1.020** | **1.000** | **0.250 / 1.02 / 1.00 †** |" in text
    assert "| eta=90 | 0.5 | 1.200 | 1.100 | 0.500 / 1.20 / 1.10 |" in text
    assert "within the limits" not in text
    assert "None is within the limits." in defaults.section("flow", {"eta=90": ratios["eta=90"]})


def test_ratios_are_to_the_reference_on_the_same_clip(defaults):
    own = {"a": (1.0, 2.0, 3.0), "b": (1.0, 1.0, 1.0)}
    found = defaults.ratios(own, {"a": (2.0, 4.0, 12.0), "b": (4.0, 1.0, 0.5)})
    assert found == {"a": (0.5, 0.5, 0.25), "b": (0.25, 1.0, 2.0)}


def test_a_name_that_is_not_known_is_refused(defaults):
    assert defaults.chosen("--only", None, ["flow", "mse"]) == ["flow", "mse"]
    with pytest.raises(InputError, match="--only flaw is not known; choose from: flow, mse"):
        defaults.chosen("--only", "flaw", ["flow", "mse"])


def test_tables_of_what_is_finished_everywhere(defaults, monkeypatch, tmp_path):
    summary = {"warping_error": 1e-3, "style": 2e-4, "content": 20.0}
    for clip in ("talk", "anime"):
        write_run(tmp_path / "64" / clip / "naive", "naive", frames=2, video=False, summary=summary)
        write_run(tmp_path / "64" / clip / "mse-eta=1e3", "mse", frames=2, video=False, summary=summary)
    write_run(tmp_path / "64" / "talk" / "mse-eta=3e3", "mse", frames=2, video=False, summary=summary)
    output = tmp_path / "out.md"
    given = [
        "--runs",
        str(tmp_path),
        "--size",
        "64",
        "--clips",
        "talk,anime",
        "-o",
        str(output),
        "--no-paint",
    ]
    monkeypatch.setattr(sys, "argv", ["defaults.py", *given])
    defaults.main()
    text = output.read_text()
    assert "## mse" in text
    assert "| **eta=1e3** |" in text
    assert "3e3" not in text, "one clip of it is missing"
    assert "## flow" not in text


def test_what_is_tried_composes_and_so_does_every_clip(defaults, monkeypatch):
    monkeypatch.setattr(defaults, "camera_clip", lambda name, path: path)
    clips = cycle(["talk", "anime", "battle", "bikes", "pan", "shaky"])
    every = [(model, tried) for model in defaults.models() for tried in defaults.TRIED.get(model, ("",))]
    assert len(every) >= 6, "no clip is left out"
    for (model, tried), clip in zip(every, clips, strict=False):
        options = defaults.clip_options(clip, 384, Path("clips"))
        cfg = composed([f"model={model}", *options, *tried.split()])
        cfg.paths.run = "."
        video = resolve(cfg)["video"]
        assert video.get("size", video.get("width")) == 384
        assert video["frames"] == defaults.FRAMES


def test_the_cameras_move_as_they_say(script):
    cameras = script("camera_clips")
    pan, shaky = (list(cameras.CAMERAS[name]()) for name in ("pan", "shaky"))
    assert {round(after[0] - before[0], 6) for before, after in pairwise(pan)} == {6.7}
    steps = [abs(after[0] - before[0]) for before, after in pairwise(shaky)]
    assert 2 < max(steps) < 0.05 * cameras.WIDTH
    width, height = cameras.WIDTH, cameras.HEIGHT
    for x, y, turn in [*pan, *shaky]:
        # the window, turned about its centre, is within the picture
        reach = np.hypot(width, height) / 2 * np.sin(np.radians(abs(turn)))
        assert width / 2 + reach <= x <= 1280 - width / 2 - reach
        assert height / 2 + reach <= y <= 720 - height / 2 - reach
