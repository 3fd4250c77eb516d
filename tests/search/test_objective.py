from __future__ import annotations

import pytest

from vst.errors import VstError
from vst.search.objective import Best, best, objectives


def test_objectives_come_from_the_summary_in_one_order():
    summary = {"frames": 8, "content": 30.0, "style": 2e-4, "total": 50.0, "warping_error": 1e-3}
    assert objectives(summary) == (1e-3, 2e-4, 30.0)


@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_run_without_one_of_them_says_which(value):
    with pytest.raises(VstError, match="no warping_error"):
        objectives({"content": 30.0, "style": 2e-4, "warping_error": value})
    with pytest.raises(VstError, match="no warping_error"):
        objectives({"content": 30.0, "style": 2e-4})


REFERENCE = (8.0, 100.0, 10.0)
"""Style may be up to 105, content up to 11."""


@pytest.mark.parametrize(
    ("trials", "chosen"),
    [
        # the lowest warping error wins, whatever the losses, as long as they are within
        ({0: (3.0, 90.0, 9.0), 1: (2.0, 104.0, 10.9)}, Best(1, True)),
        # one loss too much, be it style or content, is enough to be out
        ({0: (3.0, 90.0, 9.0), 1: (1.0, 106.0, 9.0), 2: (1.0, 90.0, 11.1)}, Best(0, True)),
        # none is within: style 10 % beyond 105 against content 20 % beyond 11, so the first
        ({0: (1.0, 115.5, 10.0), 1: (0.5, 100.0, 13.2)}, Best(0, False)),
        # beyond in both, by the worse of the two: 10 and 30 % against 20 and 20 %
        ({0: (1.0, 115.5, 14.3), 1: (2.0, 126.0, 13.2)}, Best(1, False)),
        # as good in all that matters first: the lower style
        ({0: (2.0, 99.0, 10.0), 1: (2.0, 98.0, 10.5)}, Best(1, True)),
    ],
)
def test_the_best_is_steady_and_still_painted(trials, chosen):
    assert best(trials, REFERENCE) == chosen
