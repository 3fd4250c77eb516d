from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture
def rivals(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("rivals")


def run(error: float, style: float, ghosting: float | None = 0.0) -> dict[str, float | None]:
    return {
        "warping_error": error,
        "style": style,
        "content": 2 * style,
        "repainted": 0.1,
        "strokes_kept": 1.0,
        "ghosting": ghosting,
        "ghosting_at_cut": 0.5,
        "newly_painted": None,
        "newly_legible": 0.9,
        "warping_floor": 0.5,
    }


FOUND = {
    "a": {
        "naive": {"": run(8.0, 10.0, 0.1)},
        "flow": {"eta=1": run(4.0, 10.4), "eta=3": run(3.0, 10.6), "eta=9": run(3.5, 10.5)},
        "ruder": {"eta=1": run(1.0, 12.0), "eta=3": run(0.9, 11.0)},
        "robust": {"eta=5": run(0.7, 9.0, 0.3), "eta=7": run(0.1, 20.0)},
    }
}


def test_the_best_options_of_a_model_are_within_the_limit_of_style(rivals):
    naive = FOUND["a"]["naive"][""]
    assert rivals.best(FOUND["a"]["flow"], naive) == ("eta=9", True)
    # none is: the one with the lowest style loss stands
    assert rivals.best(FOUND["a"]["ruder"], naive) == ("eta=3", False)


def test_robust_has_the_same_options_everywhere_and_is_compared_with_what_is_within_the_limit(rivals):
    lines = rivals.table(FOUND, "eta=5")
    assert "| a | naive | defaults | 16.00 | 1.00 | 1.00 | 0.100 | 1.00 | 0.10 | 0.50 | – | 0.90 |" in lines
    assert "| a | flow | eta=9 | 7.00 | 1.05 | 1.05 | 0.100 | 1.00 | 0.00 | 0.50 | – | 0.90 |" in lines
    assert "| a | ruder | eta=3 † | 1.80 | 1.10 | 1.10 | 0.100 | 1.00 | 0.00 | 0.50 | – | 0.90 |" in lines
    assert "| a | robust | eta=5 | 1.40 | 0.90 | 0.90 | 0.100 | 1.00 | 0.30 | 0.50 | – | 0.90 |" in lines
    # 0.7 / 3.5: ruder's 0.9 is of a clip that is not in the style
    assert rivals.ratios(FOUND, "eta=5")[-1] == "| a | flow eta=9 | 0.20 | 0.90 | 0.90 | +0.20 |"


def test_what_has_no_ghosting_has_no_difference(rivals):
    found = {"a": {**FOUND["a"], "naive": {"": run(8.0, 10.0, None)}}}
    assert rivals.ratios(found, "eta=5")[-1].endswith("| – |")
