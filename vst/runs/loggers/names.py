"""How runs are named and grouped where several stand side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vst.formatting import format_setting

PROJECT = "vst"
"""The project, or experiment, in which runs are looked for unless another one is given."""


def run_group(video: str, style: str) -> str:
    """What comparable runs have in common: the clip and the painting."""
    return f"{video} · {style}"


def run_name(model: str, style: str, video: str, config: Mapping[str, Any]) -> str:
    """A run's name in legends: its model and its weights, which sweeps vary, then the clip and the painting.

    β is always in it, η where it is not 0, and α where it is not 1.
    """
    weights = {"η": ("eta", 0), "β": ("beta", None), "α": ("alpha", 1)}
    parts = [
        f"{symbol}={format_setting(float(config[key]))}"
        for symbol, (key, usual) in weights.items()
        if config[key] != usual
    ]
    return f"{' '.join([model, *parts])} · {run_group(video, style)}"
