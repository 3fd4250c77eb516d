"""Writes the clips that were painted, read again by the runs' configurations, since runs do not store them."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vst.commandline import say
from vst.compare.runs import Run
from vst.errors import ClipBroke, VstError
from vst.files import refuse_link, write_json
from vst.runs.data import read_text
from vst.runs.inputs import changed_inputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vst.frames import Clip

READERS = ("vst.video.reader.VideoReader", "vst.video.pictures.PictureSequence")
SCENES = tuple(f"vst.synthetic.scenes.{name}" for name in ("Anime", "Battle", "Talk"))
FETCH = "vst.assets.fetch"
"""All that a stored configuration may have called: it may be from elsewhere, and name any function."""

MOST_PIXELS, MOST_FRAMES = 2**25, 10_000
"""What a page shows: frames of 8K, and more of a drawn scene than anybody paints."""


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
        changed = bool(changed_inputs(run.inputs, {"video": node}))
        key = json.dumps([node, changed, _pictures(run, node)], sort_keys=True, default=str)
        if key not in numbers:
            numbers[key] = len(contents)
            other = Content(run.clip, None, 0, "its file has changed since it was painted")
            contents.append(other if changed else _write_content(run.clip, node, key, output))
        chosen.append(numbers[key])
    return contents, chosen


def _write_content(name: str, node: Any, key: str, output: Path) -> Content:
    if not _is_clip(node):
        return Content(name, None, 0, "the run's configuration does not say how to read it")
    if _is_too_large(node):
        return Content(name, None, 0, "it is too large to be shown")
    state = (key + _file_state(node)).encode(errors="surrogatepass")
    folder = output / "content" / hashlib.sha256(state).hexdigest()[:16]
    for place in (folder.parent, folder):
        refuse_link(place)
    count = _count_written(folder)
    if count is not None:
        return Content(name, folder, count)
    say(f"reading the clip {name} again, to show it beside its paintings", to=sys.stderr)
    from vst.runs.build import build, checked

    try:
        clip: Clip = build(checked(node, "video"))
        if clip.info.height * clip.info.width > MOST_PIXELS:
            return Content(name, None, 0, "it is too large to be shown")
        count, note = _write_frames(clip, folder)
    except (VstError, OSError, ValueError, TypeError, OverflowError, MemoryError) as error:
        return Content(name, None, 0, str(error).splitlines()[0] if str(error) else type(error).__name__)
    if note is None:
        write_json(_written(folder), {"frames": count})
    return Content(name, folder, count, note)


def _written(folder: Path) -> Path:
    """The file that says how many frames of a clip are in its folder; it is written last."""
    return folder / "content.json"


def _count_written(folder: Path) -> int | None:
    """How many frames of a clip were written earlier; None where they are to be written."""
    try:
        return int(json.loads(read_text(_written(folder)))["frames"])
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _write_frames(clip: Clip, folder: Path) -> tuple[int, str | None]:
    """Write a clip's frames, lossless, and its video; return their number, and a note if the clip breaks early."""
    from vst.video.store import save_png, to_uint8
    from vst.video.writer import write_video

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


def _is_clip(node: Any) -> bool:
    """Whether a node is a reader or a scene of this package with simple options."""
    if not isinstance(node, Mapping) or node.get("_target_") not in (*READERS, *SCENES):
        return False
    options = {key: value for key, value in node.items() if key != "_target_"}
    if isinstance(path := options.get("path"), Mapping) and {**path, "name": ""} == {
        "_target_": FETCH,
        "name": "",
    }:
        options["path"] = path.get("name")
    return not any(key.startswith("_") or isinstance(value, Mapping | list) for key, value in options.items())


def _is_too_large(node: Mapping[str, Any]) -> bool:
    """Whether a scene is, which is as large as its options say; a file's clip is as large as the file."""
    height, width, frames = (value if isinstance(value := node.get(key), int) else 0 for key in _SIZES)
    return node["_target_"] in SCENES and (height * width > MOST_PIXELS or frames > MOST_FRAMES)


_SIZES = ("height", "width", "frames")


def _pictures(run: Run, node: Any) -> str | None:
    """The hash of the folder of pictures that a run painted, which its name does not tell from another; else None."""
    path = node.get("path") if isinstance(node, dict) else None
    with suppress(OSError):  # such as under too long a name
        if isinstance(path, str) and Path(path).is_dir():
            return run.inputs.get("video.path")
    return None


def _file_state(node: Mapping[str, Any]) -> str:
    """The size and time of a clip's file, which differ if the file is replaced; empty where there is no such file."""
    path = node.get("path")
    with suppress(OSError):  # nor can there be, such as under too long a name
        if isinstance(path, str) and Path(path).is_file():
            state = Path(path).stat()
            return f"{state.st_size} {state.st_mtime_ns}"
    return ""
