from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from vst.flow.pair import FramePair
from vst.flow.store import FlowStore
from vst.frames import Frame
from vst.painting.preparation import Preparation, Prepared
from vst.video.ahead import Ahead

CPU = torch.device("cpu")


class Counting:
    """Motion by the difference of two frames' means; counts what it is asked for, by those means."""

    name = "counting"

    def __init__(self) -> None:
        self.asked: Counter[tuple[float, float]] = Counter()

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        ends = round(first.mean().item(), 3), round(second.mean().item(), 3)
        self.asked[ends] += 1
        return torch.full_like(first[:, :2], ends[1] - ends[0])


def frames(count: int, cut: int | None = None, backward: bool = False) -> list[Frame]:
    found = []
    for index in range(count):
        # a picture with edges, so that it is not blank, that is told apart by its mean
        content = torch.rand(1, 3, 16, 20, generator=torch.Generator().manual_seed(0)) * 0.5 + index / 100
        found.append(Frame(content, index, index, index, int(backward), cut=index == cut))
    return found[::-1] if backward else found


def ask(pair: FramePair) -> None:
    assert pair.trust.shape == (1, 1, 16, 20)


def paint(preparation: Preparation, prepared: Iterator[Prepared]) -> list[tuple[int, frozenset[str]]]:
    """Ask the nearest pair of each frame for its mask, as a painting would, and tell what was known before."""
    found = []
    for item in prepared:
        if item.pairs:
            found.append((item.frame.index, item.pairs[0].known))
            ask(item.pairs[0])
        preparation.learn(item.pairs)
    return found


def test_what_one_frame_asks_for_is_prepared_for_the_next() -> None:
    preparation = Preparation(estimator := Counting(), reach=2, anchored=False)
    known = paint(preparation, preparation.frames(iter(frames(5)), CPU))
    masks = frozenset({"backward_flow", "forward_flow", "trust"})
    assert known == [(1, frozenset()), *((index, masks) for index in (2, 3, 4))]
    assert set(estimator.asked.values()) == {1}, "nothing is estimated twice"
    assert len(estimator.asked) == 2 * 4, "and no further pair, which nobody asked for"


def test_a_pair_across_a_cut_is_asked_for_by_itself() -> None:
    preparation = Preparation(Counting(), reach=1, anchored=False)
    known = dict(paint(preparation, preparation.frames(iter(frames(6, cut=3)), CPU)))
    assert known[3] == frozenset()
    assert known[2] == known[4] == {"backward_flow", "forward_flow", "trust"}


def test_ahead_in_a_thread_the_same_is_estimated() -> None:
    alone, ahead = Counting(), Counting()
    for estimator in (alone, ahead):
        preparation = Preparation(estimator, reach=2, anchored=True)
        prepared = preparation.frames(iter(frames(6, cut=4)), CPU)
        paint(preparation, prepared if estimator is alone else Ahead(prepared, depth=2))
    assert alone.asked == ahead.asked


def test_an_anchored_run_has_its_flows_from_the_first_pair_on() -> None:
    preparation = Preparation(Counting(), reach=1, anchored=True)
    known = dict(paint(preparation, preparation.frames(iter(frames(3)), CPU)))
    assert known[1] == {"backward_flow", "forward_flow"}


def test_later_passes_estimate_nothing_again(tmp_path: Path) -> None:
    preparation = Preparation(estimator := Counting(), 1, anchored=False, flows=FlowStore(tmp_path))
    paint(preparation, preparation.frames(iter(frames(4)), CPU))
    first = estimator.asked.copy()
    pairs = [item.pairs for item in preparation.frames(iter(frames(4, backward=True)), CPU)]
    assert estimator.asked == first
    # painted backward, the flow back to the frame painted before is the forward flow of the first pass
    near = pairs[1][0]
    assert near.backward_flow.mean().item() == Counting()(frames(4)[2].content, frames(4)[3].content).mean()


def test_a_thread_that_waits_to_learn_is_released() -> None:
    preparation = Preparation(Counting(), reach=1, anchored=False)
    ahead = Ahead(preparation.frames(iter(frames(5)), CPU), depth=2)
    next(ahead)
    preparation.release()
    ahead.close()
    assert not ahead._thread.is_alive()


def test_what_others_asked_for_comes_with_the_frame() -> None:
    preparation = Preparation(Counting(), reach=1, anchored=False)
    preparation.also["mean"] = lambda frame: frame.content.mean().item()
    found = [item.also["mean"] for item in preparation.frames(iter(frames(1)), CPU)]
    assert found == [frames(1)[0].content.mean().item()]
