from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from hydra.core.global_hydra import GlobalHydra

from vst.composing import composed
from vst.runs.settings import resolve
from vst.search.space import read


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
    ratios = {10.0: {"a": (1.0, 1.0, 1.0)}, 30.0: {"a": (0.25, 1.02, 1.0)}, 90.0: {"a": (0.5, 1.2, 1.1)}}
    text = defaults.section("flow", "eta", 10.0, ratios)
    assert "| η | warping error | style | content | a |" in text
    assert "| 10 | 1 | 1.000 | 1.000 | 1.00 / 1.00 / 1.00 † |" in text
    assert "| **30** | **0.25** | **1.020** | **1.000** | **0.250 / 1.02 / 1.00 †** |" in text
    assert "| 90 | 0.5 | 1.200 | 1.100 | 0.500 / 1.20 / 1.10 |" in text
    assert "The choice of eta: 30 instead of 10." in text


def test_every_model_is_searched_with_its_default_among_what_is_tried(defaults, monkeypatch):
    for model in defaults.models(None):
        option, values, default = defaults.searched(model)
        assert option == ("beta" if model == "naive" else "eta")
        assert default in values
        assert values == sorted(values)
    monkeypatch.setattr(defaults, "TRIED", {})
    assert defaults.searched("flow")[1] == [3e3, 1e4, 3e4, 9e4, 3e5]


@pytest.mark.parametrize("clip", ["talk", "carphone", "anime", "battle"])
def test_its_clips_compose(defaults, clip):
    space = read([*defaults.CLIPS[clip], "model=flow", "eta=1,2"])
    cfg = composed(space.overrides({"eta": "1"}))
    cfg.paths.run = "."
    assert resolve(cfg)["model"] == "flow"
