from __future__ import annotations

import pytest

from vst.formatting import exponent, legible
from vst.metrics.catalogue import BY_KEY
from vst.metrics.clip import METRICS as MEASURED


def test_every_metric_that_a_run_measures_is_known():
    assert set(MEASURED) <= set(BY_KEY)


@pytest.mark.parametrize(
    ("key", "better", "worse"),
    [
        ("warping_error", 0.1, 0.2),
        ("residual_correlation", 0.5, 0.3),
        ("newly_painted", 1.1, 0.8),
        ("newly_painted", 0.95, 1.1),
        ("newly_legible", 0.9, 0.4),
        ("ghosting", -0.01, 0.05),
        ("style", 1e-4, 2e-4),
    ],
)
def test_which_of_two_values_is_better(key, better, worse):
    assert BY_KEY[key].distance(better) < BY_KEY[key].distance(worse)


def test_a_metric_that_does_not_judge_a_run_has_no_better_value():
    with pytest.raises(ValueError, match="total does not judge"):
        BY_KEY["total"].distance(1)
    assert BY_KEY["total"].direction == ""
    assert BY_KEY["newly_painted"].direction == "best at 1"


@pytest.mark.parametrize(
    ("values", "power"), [([], 0), ([0.0], 0), ([7.6e-3, 1e-5], -3), ([3e-5], -6), ([0.5], 0), ([30.0], 0)]
)
def test_the_power_of_ten_of_a_column(values, power):
    assert exponent(values) == power


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.18, "0.180"),
        (29.512, "29.5"),
        (1.23e-4, "1.23×10⁻⁴"),
        (-2e6, "-2.00×10⁶"),
        (12345, "12345"),
    ],
)
def test_numbers_are_legible(value, text):
    assert legible(value) == text
