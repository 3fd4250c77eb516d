from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from vst.flow.estimators import FlowEstimator
from vst.flow.pair import FramePair
from vst.flow.store import FlowStore
from vst.frames import Frame
from vst.video.cuts import Outline, outline


class Past:
    """The content of the last `reach` frames of a pass, and the motion of the next frame from them.

    `flows` keeps the estimates of a run of several passes, which ask for the same ones again.
    """

    def __init__(
        self,
        reach: int,
        estimator: FlowEstimator,
        flows: FlowStore | None = None,
        frames: Iterable[Frame] = (),
    ):
        self._estimator, self._flows = estimator, flows
        self._frames: deque[tuple[Frame, Outline]] = deque(maxlen=reach)
        for frame in frames:
            self.append(frame)

    def append(self, frame: Frame) -> None:
        """Add a frame; the oldest is dropped."""
        self._frames.append((frame, outline(frame.content)))

    def pairs(self, frame: Frame) -> list[FramePair]:
        """The next frame with each of them, the nearest first.

        The first is included even across a cut, marked as of another shot; all others beyond a cut are left out.
        """
        found: list[FramePair] = []
        nearer, same_shot, seen = frame, True, outline(frame.content)
        for distance, (past, seen_before) in enumerate(reversed(self._frames), start=1):
            # a cut lies between two frames where the later one of the clip begins a shot
            same_shot = same_shot and not max(nearer, past, key=lambda side: side.index).cut
            if not same_shot and distance > 1:
                break
            estimator = self._flows.between(frame, past, self._estimator) if self._flows else self._estimator
            blanks = seen_before.blank_beside(seen), seen.blank_beside(seen_before)
            found.append(FramePair(past.content, frame.content, estimator, distance, same_shot, *blanks))
            nearer = past
        return found
