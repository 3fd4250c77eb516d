"""A preview of a run: a few small frames in seconds, all other settings as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vst.runs.build import build

if TYPE_CHECKING:
    from vst.frames import Clip

FRAMES, LONGER, EVALUATIONS = 3, 256, 20
"""What a preview has at most: frames, pixels of their longer side, and `evaluations`."""


def previewed(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of the preview of a run; raises `InputError` where its clip cannot be read."""
    clip: Clip = build(settings["video"])
    info = clip.info
    factor = min(1.0, LONGER / max(info.height, info.width))
    smaller = {
        "frames": min(FRAMES, info.frames),
        "size": round(factor * max(info.height, info.width)),
        "height": max(1, round(factor * info.height)),
        "width": max(1, round(factor * info.width)),
    }
    video = {name: smaller.get(name, value) for name, value in settings["video"].items()}
    end, cuts, paintings = info.start + smaller["frames"], settings["cuts"], settings["keyframes"]
    if isinstance(paintings, dict):
        paintings = {number: path for number, path in paintings.items() if info.start <= int(number) < end}
    return {
        **settings,
        "video": video,
        "cuts": cuts and [cut for cut in cuts if cut < end],
        "keyframes": paintings,
        "style": _smaller(settings["style"], factor),
        "styles": {name: node and _smaller(node, factor) for name, node in settings["styles"].items()},
        "evaluations": min(EVALUATIONS, settings["evaluations"]),
    }


def _smaller(style: dict[str, Any], factor: float) -> dict[str, Any]:
    """A painting scaled as the frames are, where its size is given in pixels."""
    size = style.get("size")
    return style if size is None else {**style, "size": max(1, round(factor * size))}
