"""What the painting and the metrics of a frame need of the content alone, computed before the frame is painted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from itertools import islice
from threading import Event
from typing import Any

import torch
from torch import Tensor

from vst.flow.estimators import FlowEstimator
from vst.flow.pair import FramePair
from vst.flow.store import FlowStore
from vst.frames import Frame
from vst.painting.anchor import AnchorMotion, AnchorPlace, AnchorTrack
from vst.painting.exemplars import Exemplars, OwnExemplars
from vst.painting.past import Past


@dataclass
class Prepared:
    """A frame, and what was computed of its content.

    `pairs` are the frame with each of those painted before it, the nearest first; `anchor` is where its shot's anchor
    is, if a loss asked for one; `also` has what others asked for, by name. `group` are the frames that are painted at
    the same time, this one among them.
    """

    frame: Frame
    pairs: Sequence[FramePair]
    anchor: AnchorMotion | None = None
    also: Mapping[str, Any] = field(default_factory=dict)
    group: Sequence[Prepared] = ()


class Preparation:
    """Prepares the frames of a run, one after the other, on the device on which they are painted.

    Of the motion between two frames it computes what the painting has asked of such a pair before: the distance, and
    whether a cut or a blank frame lies between. So a loss declares nothing, and asks for what it uses. `also` are
    functions of the next frame whose results come with it. In a run of several passes, `flows` keeps the estimates.
    `exemplars` says which frames become the anchor.
    """

    def __init__(
        self,
        estimator: FlowEstimator,
        reach: int,
        anchored: bool,
        flows: FlowStore | None = None,
        exemplars: Exemplars | None = None,
    ):
        self.also: dict[str, Callable[[Frame], Any]] = {}
        self.estimator, self._flows = estimator, flows
        self._reach, self.anchored = reach, anchored
        self.exemplars = exemplars or OwnExemplars()
        self._asked: dict[tuple[int, bool, bool], frozenset[str]] = {}
        self._learnt = Event()

    def frames(
        self,
        frames: Iterator[Frame],
        device: torch.device,
        past: Iterable[Frame] = (),
        place: AnchorPlace | None = None,
    ) -> Iterator[Prepared]:
        """Prepare frame by frame, after those of the `past`, the oldest first, and their anchor's `place`."""
        stream = stream_beside(device)
        before = Past(self._reach, self.estimator, self._flows, (frame.to(device) for frame in past))
        track = AnchorTrack(self.estimator, place) if self.anchored else None
        begun = False
        for frame in frames:
            with torch.cuda.stream(stream), torch.no_grad():
                frame = frame.to(device)
                pairs = before.pairs(frame)
                if pairs and begun:
                    # from the first pair on, it is known what is asked of one
                    self._learnt.wait()
                begun = begun or bool(pairs)
                prepared = self._prepare(frame, pairs, track)
                before.append(frame)
            hand_over(prepared, stream)
            yield prepared

    def groups(self, prepared: Iterator[Prepared], size: int) -> Iterator[Prepared]:
        """The prepared frames, each with its group of that size; the last group may be smaller."""
        while group := list(islice(prepared, size)):
            for item in group:
                item.group = group
            yield from group

    def learn(self, pairs: Iterable[FramePair]) -> None:
        """Prepare from now on what these pairs, of a frame that is about to be painted, were asked for."""
        for pair in pairs:
            self._asked[_kind(pair)] = self._asked.get(_kind(pair), frozenset()) | pair.known
            self._learnt.set()

    def release(self) -> None:
        """Let a thread go on that waits to learn: nothing more will be painted."""
        self._learnt.set()

    def _prepare(self, frame: Frame, pairs: Sequence[FramePair], track: AnchorTrack | None) -> Prepared:
        also = {name: function(frame) for name, function in self.also.items()}
        anchor = None
        if track is not None:
            anchor = track.next(frame.content, shown_in_shot(pairs), self.exemplars.begins(frame))
        for pair in pairs:
            for name in self._asked.get(_kind(pair), ()):
                getattr(pair, name)
        return Prepared(frame, pairs, anchor, also)


def shown_in_shot(pairs: Iterable[Any]) -> list[Any]:
    """Those pairs, or neighbours, whose other frame is of the same shot, and not blank."""
    return [pair for pair in pairs if pair.same_shot and not pair.blank]


def _kind(pair: FramePair) -> tuple[int, bool, bool]:
    return pair.distance, pair.same_shot, pair.blank


def stream_beside(device: torch.device) -> torch.cuda.Stream | None:
    """On a GPU, a stream other than the painting's: waiting for what it computes is not waiting for the painting."""
    return torch.cuda.Stream(device) if device.type == "cuda" else None


def hand_over(item: Any, stream: torch.cuda.Stream | None) -> None:
    """Wait for all tensors of an item, made in a `stream_beside` the painting's, and let the painting use them."""
    if stream is None:
        return
    stream.synchronize()
    painting = torch.cuda.default_stream(stream.device)
    for tensor in _tensors(item):
        if tensor.is_cuda:
            # otherwise their memory would be free for this stream as soon as the last reference is gone
            tensor.record_stream(painting)


def _tensors(item: Any) -> Iterator[Tensor]:
    if isinstance(item, Tensor):
        yield item
        return
    if isinstance(item, Mapping):
        parts: Iterable[Any] = item.values()
    elif isinstance(item, list | tuple):
        parts = item
    elif is_dataclass(item) or isinstance(item, FramePair):
        parts = vars(item).values()
    else:
        return
    for part in parts:
        yield from _tensors(part)
