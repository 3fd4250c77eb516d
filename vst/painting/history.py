from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vst.flow.neighbour import Neighbour
from vst.flow.pair import FramePair
from vst.frames import Frame
from vst.painting.stylized import Painted
from vst.video.store import FrameStore


class History:
    """The last `reach` frames painted in this pass, in memory and on disk.

    On disk they are unrounded float32, so that a resumed run continues from the same values. A frame that has left
    memory stays there until `discard_left`, because a checkpoint may still refer to it.
    """

    def __init__(self, directory: Path, reach: int):
        self.reach = reach
        self._painted: deque[Painted] = deque(maxlen=reach)
        self._contents, self._paintings = FrameStore(directory / "content"), FrameStore(directory / "painted")
        self._left: list[int] = []

    def __iter__(self) -> Iterator[Painted]:
        """The frames, the one painted last first."""
        return reversed(self._painted)

    def append(self, painted: Painted) -> None:
        """Add a frame; the oldest is dropped."""
        index = painted.frame.index
        self._contents.save(index, painted.frame.content)
        self._paintings.save(index, painted.image)
        if len(self._painted) == self.reach:
            self._left.append(self._painted[0].frame.index)
        self._painted.append(painted)

    def discard_left(self) -> None:
        """Delete from disk what has left memory, once a checkpoint of all frames that were appended is written."""
        for index in self._left:
            self._contents.discard(index)
            self._paintings.discard(index)
        self._left.clear()

    def clear(self) -> None:
        """Drop all frames: a new pass begins."""
        self._painted.clear()
        self._left.clear()

    def neighbours(self, pairs: Sequence[FramePair]) -> list[Neighbour]:
        """The pairs of the next frame with these frames, the nearest first, with their paintings."""
        return [
            Neighbour.of(pair, past.image.to(pair.content)) for pair, past in zip(pairs, self, strict=False)
        ]

    def state_dict(self) -> list[dict[str, Any]]:
        """What a resumed run needs to find the frames on disk, the oldest first."""
        names = ("index", "source_index", "pts", "pass_index", "cut")
        return [{name: getattr(past.frame, name) for name in names} for past in self._painted]

    def load_state_dict(self, state: list[dict[str, Any]]) -> None:
        """Restore the frames that `state_dict` named."""
        self.clear()
        for fields in state:
            content, image = self._contents.load(fields["index"]), self._paintings.load(fields["index"])
            self._painted.append(Painted(Frame(content, **fields), image))
