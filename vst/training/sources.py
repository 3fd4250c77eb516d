"""From the names of what a network is trained on to its examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf

from vst.config import choices, conf_dir
from vst.errors import InputError
from vst.frames import Clip
from vst.pictures import PICTURES, pictures_in
from vst.runs.build import build, checked
from vst.training.examples import ClipExamples, Examples, PictureExamples
from vst.video.reader import VideoReader


def open_examples(names: Sequence[str], longer: int) -> list[Examples]:
    """The examples of clips and pictures whose longer side is scaled to `longer` pixels.

    Raises `InputError` for what cannot be read.
    """
    return [_open(name, longer, number) for number, name in enumerate(names)]


def _open(name: str, longer: int, number: int) -> Examples:
    path = Path(name)
    if not path.exists():
        return ClipExamples(_built_in(name, longer), number)
    if path.is_dir():
        return PictureExamples(pictures_in(path), longer, number)
    if path.suffix.lower() in PICTURES:
        return PictureExamples([path], longer, number)
    return ClipExamples(VideoReader(path, size=longer), number)


def _built_in(name: str, longer: int) -> Clip:
    """A choice of the group video, at another size."""
    known = [choice for choice in choices("video") if choice not in ("file", "pictures")]
    if name not in known:
        raise InputError(
            f"{name} is neither a file nor a video; the choices for data are: {', '.join(known)}"
        )
    node = OmegaConf.to_container(OmegaConf.load(conf_dir() / "video" / f"{name}.yaml"))
    assert isinstance(node, dict)
    if "size" in node:
        node["size"] = longer
    else:
        factor = longer / max(node["width"], node["height"])
        node |= {side: round(node[side] * factor) for side in ("width", "height")}
    return build(checked(node, "video"))
