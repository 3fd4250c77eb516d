from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vst.flow.estimators import FlowEstimator
from vst.flow.neighbour import Neighbour
from vst.frames import Frame
from vst.painting.stylized import Painted
from vst.video.cuts import is_blank
from vst.video.store import FrameStore


class History:
    """The last `reach` frames painted in this pass, in memory and on disk.

    On disk they are unrounded float32, so that a resumed run continues from the same values. A frame is deleted
    from disk one frame after it leaves memory, because a checkpoint may still refer to it.
    """

    def __init__(self, directory: Path, reach: int):
        self.reach = reach
        self._painted: deque[Painted] = deque(maxlen=reach)
        self._blank: deque[bool] = deque(maxlen=reach)
        self._contents, self._paintings = FrameStore(directory / "content"), FrameStore(directory / "painted")
        self._leaving: int | None = None

    def __iter__(self) -> Iterator[Painted]:
        """The frames, the one painted last first."""
        return reversed(self._painted)

    def append(self, painted: Painted) -> None:
        """Add a frame; the oldest is dropped."""
        index = painted.frame.index
        self._contents.save(index, painted.frame.content)
        self._paintings.save(index, painted.image)
        if self._leaving is not None:
            self._contents.discard(self._leaving)
            self._paintings.discard(self._leaving)
        full = len(self._painted) == self.reach
        self._leaving = self._painted[0].frame.index if full else None
        self._remember(painted)

    def clear(self) -> None:
        """Drop all frames: a new pass begins."""
        self._painted.clear()
        self._blank.clear()
        self._leaving = None

    def neighbours(self, frame: Frame, estimator: FlowEstimator) -> list[Neighbour]:
        """All of them as neighbours of the next frame, the nearest first.

        The first is included even across a cut, marked as of another shot; all others beyond a cut are left out.
        """
        found: list[Neighbour] = []
        nearer, same_shot = frame, True
        for distance, (past, blank) in enumerate(zip(self, reversed(self._blank), strict=True), start=1):
            # a cut lies between two frames where the later one of the clip begins a shot
            same_shot = same_shot and not max(nearer, past.frame, key=lambda side: side.index).cut
            if not same_shot and distance > 1:
                break
            content, image = past.frame.content.to(frame.content), past.image.to(frame.content)
            found.append(Neighbour(content, image, frame.content, estimator, distance, same_shot, blank))
            nearer = past.frame
        return found

    def state_dict(self) -> list[dict[str, Any]]:
        """What a resumed run needs to find the frames on disk, the oldest first."""
        names = ("index", "source_index", "pts", "pass_index", "cut")
        return [{name: getattr(past.frame, name) for name in names} for past in self._painted]

    def load_state_dict(self, state: list[dict[str, Any]]) -> None:
        """Restore the frames that `state_dict` named."""
        self.clear()
        for fields in state:
            content, image = self._contents.load(fields["index"]), self._paintings.load(fields["index"])
            self._remember(Painted(Frame(content, **fields), image))

    def _remember(self, painted: Painted) -> None:
        self._painted.append(painted)
        self._blank.append(is_blank(painted.frame.content))
