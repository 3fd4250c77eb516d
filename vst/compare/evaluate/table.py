"""Formats the figures of an evaluation as a text table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vst.commandline import printable


def table(figures: dict[str, Any]) -> str:
    """The summaries side by side, one metric per row, with what was compared above and notes below."""
    systems = figures["systems"]
    width, height = figures["size"]
    cuts = f", cuts at {', '.join(map(str, figures['cuts']))}" if figures["cuts"] else ""
    first = figures["start"]
    lines = [
        f"{printable(figures['content'])}: frames {first} to {first + figures['frames'] - 1}, {width}x{height} "
        f"pixels{cuts}; motion: {figures['motion']}",
        "",
    ]
    names = [printable(name) for name in _short([system["stylized"] for system in systems])]
    widths = [max(12, len(name)) for name in names]
    metrics = list(systems[0]["summary"])
    left = max(map(len, metrics))
    lines.append("  ".join([" " * left, *(f"{name:>{w}}" for name, w in zip(names, widths, strict=True))]))
    for metric in metrics:
        cells = [_cell(system["summary"][metric]) for system in systems]
        lines.append(
            "  ".join([f"{metric:{left}}", *(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))])
        )
    notes = [f"{printable(system['stylized'])}: {system['note']}" for system in systems if system["note"]]
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _short(paths: Sequence[str]) -> list[str]:
    """The last parts of paths, as many as are needed to distinguish them."""
    parts = [Path(path).parts for path in paths]
    for count in range(1, max(map(len, parts))):
        names = ["/".join(part[-count:]) for part in parts]
        if len(set(names)) == len(set(paths)):
            return names
    return list(paths)


def _cell(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"
