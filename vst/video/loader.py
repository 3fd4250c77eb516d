from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import torch

from vst.frames import Clip, Frame
from vst.video.cuts import HISTORY, CutDetector, mark_cuts
from vst.video.store import FrameStore, opaque_parts


class FrameLoader:
    """The frames of one pass, from its frame number `position` on, with the cuts between them.

    Passes with an even index run forward, those with an odd one backward (Ruder et al. 2016, section 5).
    `kept` stores the frames for later passes, because a clip is read forward only: the first pass fills it.
    `times` and `cuts` are, for later passes, the presentation time of every frame, and the indices of those that
    begin a shot. `known_cuts`, frame numbers of the source, replace the detection.
    """

    def __init__(
        self,
        clip: Clip,
        pass_index: int = 0,
        position: int = 0,
        kept: FrameStore | None = None,
        times: Mapping[int, int] | None = None,
        cuts: Collection[int] = (),
        known_cuts: Sequence[int] | None = None,
    ):
        self.clip = clip
        self.pass_index = pass_index
        self.position = position
        self.kept = kept
        self.times = {} if times is None else times
        self.cuts = cuts
        self.known_cuts = known_cuts

    def __len__(self) -> int:
        """How many frames are left in this pass."""
        return self.clip.info.frames - self.position

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in the order in which the pass paints them."""
        for frame in self._again() if self.pass_index else self._read():
            yield replace(frame, pass_index=self.pass_index)

    def _read(self) -> Iterator[Frame]:
        # whether a shot begins at a resumed run's first frame depends on the frames just before it
        frames = self.clip.read(first=max(0, self.position - HISTORY))
        for frame, cut in mark_cuts(frames, CutDetector(), self.known_cuts):
            if frame.index < self.position:
                continue
            # the first frame of a stretch is no cut: nothing is before it
            cut = cut and frame.index > 0
            if self.kept is not None:
                opacity = () if frame.opacity is None else (frame.opacity,)
                self.kept.save(frame.index, torch.cat([frame.content, *opacity], dim=1))
            yield replace(frame, cut=cut)

    def _again(self) -> Iterator[Frame]:
        """The frames that the first pass has read."""
        if self.kept is None:
            raise ValueError("a later pass needs the frames that the first pass keeps")
        for position in range(self.position, self.clip.info.frames):
            index = self.clip.info.frames - 1 - position if self.pass_index % 2 else position
            source_index = self.clip.info.start + index
            content, opacity = opaque_parts(self.kept.load(index))
            cut = index in self.cuts
            yield Frame(content, index, source_index, self.times[index], cut=cut, opacity=opacity)
