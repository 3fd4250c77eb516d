"""Writes the clips that were painted, read again by the runs' configurations, since runs do not store them."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vst.compare.runs import Run
from vst.errors import ClipBroke, VstError
from vst.files import atomic_write, refuse_link

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vst.frames import Clip

TRUSTED = ("vst.video.", "vst.synthetic.", "vst.assets.")
"""The modules that read or draw clips."""


@dataclass(frozen=True)
class Content:
    """A clip in the report's folder: `frames` pictures and a video in `folder`; `note` says what is missing."""

    name: str
    folder: Path | None
    frames: int
    note: str | None = None


def write_contents(runs: Sequence[Run], output: Path) -> tuple[list[Content], list[int]]:
    """Write each distinct clip of the runs once; return the clips, and for each run the index of its clip."""
    contents: list[Content] = []
    numbers: dict[str, int] = {}
    chosen: list[int] = []
    for run in runs:
        node = run.settings.get("video")
        key = json.dumps(node, sort_keys=True, default=str)
        if key not in numbers:
            numbers[key] = len(contents)
            contents.append(_write_content(run.clip, node, key, output))
        chosen.append(numbers[key])
    return contents, chosen


def _write_content(name: str, node: Any, key: str, output: Path) -> Content:
    if not (isinstance(node, Mapping) and "_target_" in node and _is_trusted(node)):
        return Content(name, None, 0, "the run's configuration does not say how to read it")
    folder = output / "content" / hashlib.sha256((key + _file_state(node)).encode()).hexdigest()[:16]
    record = folder / "content.json"
    if record.is_file():  # written last
        return Content(name, folder, int(json.loads(record.read_text(encoding="utf-8"))["frames"]))
    print(f"reading the clip {name} again, to show it beside its paintings", file=sys.stderr)
    from vst.runs.build import build

    try:
        clip: Clip = build(node)
        count, note = _write_frames(clip, folder)
    except (VstError, OSError, ValueError, TypeError) as error:
        return Content(name, None, 0, str(error).splitlines()[0] if str(error) else type(error).__name__)
    if note is None:
        with atomic_write(record) as aside:
            aside.write_text(json.dumps({"frames": count}), encoding="utf-8")
    return Content(name, folder, count, note)


def _write_frames(clip: Clip, folder: Path) -> tuple[int, str | None]:
    """Write a clip's frames, lossless, and its video; return their number, and a note if the clip breaks early."""
    from vst.video.store import save_png, to_uint8
    from vst.video.writer import write_video

    for place in (folder.parent, folder):
        refuse_link(place)
    folder.mkdir(parents=True, exist_ok=True)
    count, note = 0, None

    def pictures() -> Iterator[tuple[NDArray[np.uint8], int]]:
        nonlocal count, note
        try:
            for frame in clip.read():
                picture = to_uint8(frame.content)
                save_png(folder / f"{frame.index:06d}.png", picture)
                yield picture, frame.pts
                count += 1
        except ClipBroke as error:
            note = f"it breaks off at frame {error.source_frame}"

    write_video(folder / "content.mp4", pictures(), clip.info)
    return count, note


def _is_trusted(node: Any) -> bool:
    """Whether a node builds only clips of this package; a stored configuration could name any function."""
    if isinstance(node, Mapping):
        target = node.get("_target_")
        known = target is None or str(target).startswith(TRUSTED)
        return known and all(map(_is_trusted, node.values()))
    return not isinstance(node, list | tuple) or all(map(_is_trusted, node))


def _file_state(node: Mapping[str, Any]) -> str:
    """The size and time of a clip's file, which differ if the file is replaced; empty where there is no file."""
    path = node.get("path")
    if not isinstance(path, str) or not Path(path).is_file():
        return ""
    state = Path(path).stat()
    return f"{state.st_size} {state.st_mtime_ns}"
