"""Formats numbers and settings for people to read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def legible(value: float) -> str:
    """Three significant digits, with a power of ten where many zeros would be needed otherwise."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        decimals = 2 - math.floor(math.log10(abs(value)))
        return f"{value:.{max(0, decimals)}f}"
    digits, _, power = f"{value:.2e}".partition("e")
    return f"{digits}×10{str(int(power)).translate(SUPERSCRIPTS)}"


def exponent(values: Iterable[float]) -> int:
    """The common power of ten of values, a multiple of 3 and at most 0, that gives them few leading zeros."""
    largest = max((abs(value) for value in values), default=0.0)
    if largest == 0 or largest >= 0.1:
        return 0
    return max(-300, 3 * math.floor(math.log10(largest) / 3))  # whose power of ten is not yet 0


def format_setting(value: Any) -> str:
    """A setting's value in few characters."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    if isinstance(value, list):
        return ", ".join(map(format_setting, value)) or "none"
    return str(value)
