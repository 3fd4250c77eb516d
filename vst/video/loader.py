from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vst.frames import Clip, Frame
from vst.video.store import FrameStore


class FrameLoader:
    """The frames of one pass, from its frame number `position` on.

    Passes with an even index run forward, those with an odd one backward (Ruder et al. 2016, section 5).
    `kept` holds the frames that a backward pass needs, since a clip is read forward only: the first pass
    fills it. `times` collects the presentation time of every frame on the way.
    """

    def __init__(
        self, clip: Clip, pass_index: int, position: int, kept: FrameStore | None, times: dict[int, int]
    ):
        self.clip = clip
        self.pass_index = pass_index
        self.position = position
        self.kept = kept
        self.times = times

    def __len__(self) -> int:
        """How many frames are left in this pass."""
        return self.clip.info.frames - self.position

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in the order in which the pass paints them."""
        frames = self._backward() if self.pass_index % 2 else self.clip.read(first=self.position)
        for frame in frames:
            self.times[frame.index] = frame.pts
            if self.kept is not None and self.pass_index == 0:
                self.kept.save(frame.index, frame.content)
            yield replace(frame, pass_index=self.pass_index)

    def _backward(self) -> Iterator[Frame]:
        if self.kept is None:
            raise ValueError("a pass backward needs the frames that the first pass keeps")
        for index in reversed(range(len(self))):
            source_index = self.clip.info.start + index
            yield Frame(self.kept.load(index), index, source_index, self.times[index])
