from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.mark.parametrize(
    ("most", "errors", "best"),
    [
        # style allows up to 1e5, and the error falls with η
        (1e5, lambda eta: 1 / eta, 1e5),
        # the error has its least below the highest η allowed
        (1e6, lambda eta: abs(eta - 1e5), 1e5),
        # the first rung is too much already
        (1e3, lambda eta: 1 / eta, 1e3),
        # nothing is allowed: the least held of all
        (0, lambda eta: 1 / eta, 1e2),
    ],
)
def test_the_search_finds_the_least_error_that_the_style_allows(
    script: Callable[[str], ModuleType], most, errors, best
):
    def try_eta(eta: float) -> dict[str, float]:
        return {"style": 1.0 if eta <= most else 1.1, "warping_error": errors(eta)}

    assert script("best_eta").search(1e4, try_eta, naive_style=1.0) == best
