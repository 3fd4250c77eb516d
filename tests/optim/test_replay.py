"""Replayed, descents are those of a fresh `minimise`. What captures here only counts; on a GPU it is a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from vst.optim import Solution, minimise
from vst.optim.replay import MOST_GRAPHS, Replays


class Valley(nn.Module):
    """A function with per-frame tensors in all the places where a loss may keep them."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(4))
        self.targets: list[Tensor] = []
        self.extra: tuple[Tensor, Tensor] | None = None
        self.power = 2
        self._made: Tensor | None = None

    def begin(self, seed: int, extra: bool = False, power: int = 2) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.targets = [torch.randn(4, generator=draw) for _ in range(2)]
        self.scale = 1 + torch.rand(4, generator=draw)
        self.extra = (torch.rand(4, generator=draw), torch.rand(4, generator=draw)) if extra else None
        self.power = power

    def forward(self, x: Tensor) -> Tensor:
        if self._made is None:
            self._made = torch.arange(1.0, 5.0)
        apart = (x - self.targets[0]).abs().pow(self.power) * self.scale * self._made
        value = apart.sum(1) + (x - self.targets[1]).square().sum(1).square() / 10
        return value if self.extra is None else value + (self.extra[0] * (x - self.extra[1]).square()).sum(1)


class Counting:
    """Captures nothing, and advances as it would be replayed."""

    def __init__(self) -> None:
        self.captures = 0

    def __call__(self, advance: Callable[[], None]) -> Callable[[], None]:
        self.captures += 1
        for _ in range(2):
            advance()
        return advance


@pytest.fixture
def counting() -> Counting:
    return Counting()


def same(one: Solution, other: Solution) -> None:
    torch.testing.assert_close(one.point, other.point, rtol=0, atol=0)
    assert one.evaluations.tolist() == other.evaluations.tolist()
    for name in one.curves:
        torch.testing.assert_close(one.curves[name], other.curves[name], rtol=0, atol=0, equal_nan=True)


def test_one_capture_serves_all_frames_of_a_kind(counting: Counting) -> None:
    valley = Valley()
    replays = Replays(valley, [valley], counting)
    for seed in range(4):
        valley.begin(seed)
        start = torch.randn(2, 4, generator=torch.Generator().manual_seed(10 + seed))
        found = minimise(valley, start, evaluations=12, replays=replays)
        same(found, minimise(valley, start, evaluations=12))
    assert counting.captures == 1


@pytest.mark.parametrize("change", ["structure", "number", "shape", "budget"])
def test_what_differs_in_anything_else_is_captured_anew(counting: Counting, change: str) -> None:
    valley = Valley()
    replays = Replays(valley, [valley], counting)
    for number in range(2):
        changed = bool(number)
        valley.begin(
            number, extra=changed and change == "structure", power=3 if changed and change == "number" else 2
        )
        start = torch.zeros(1 + (changed and change == "shape"), 4)
        evaluations = 9 if changed and change == "budget" else 8
        found = minimise(valley, start, evaluations=evaluations, replays=replays)
        same(found, minimise(valley, start, evaluations=evaluations))
    assert counting.captures == 2


def test_a_frames_own_tensors_are_never_written_to(counting: Counting) -> None:
    valley = Valley()
    replays = Replays(valley, [valley], counting)
    valley.begin(0)
    first = [*valley.targets, valley.scale]
    before = [tensor.clone() for tensor in first]
    minimise(valley, torch.zeros(1, 4), evaluations=5, replays=replays)
    assert all(one is other for one, other in zip([*valley.targets, valley.scale], first, strict=True))
    valley.begin(1)
    minimise(valley, torch.zeros(1, 4), evaluations=5, replays=replays)
    for tensor, kept in zip(first, before, strict=True):
        assert torch.equal(tensor, kept)


def test_few_captures_are_kept(counting: Counting) -> None:
    valley = Valley()
    replays = Replays(valley, [valley], counting)
    valley.begin(0)
    for lanes in (*range(1, MOST_GRAPHS + 2), 1):
        minimise(valley, torch.zeros(lanes, 4), evaluations=3, replays=replays)
    assert counting.captures == MOST_GRAPHS + 2, "the first is gone when it is asked for again"


def test_without_graphs_nothing_is_captured(counting: Counting) -> None:
    valley = Valley()
    valley.begin(0)
    minimise(
        valley, torch.zeros(1, 4), evaluations=3, graphs=False, replays=Replays(valley, [valley], counting)
    )
    assert counting.captures == 0


@pytest.mark.parametrize("evaluations", [1, 2, 3])
def test_a_budget_too_small_to_warm_up_is_spent_without_a_capture(
    counting: Counting, evaluations: int
) -> None:
    valley = Valley()
    valley.begin(0)
    start = torch.zeros(1, 4)
    found = minimise(valley, start, evaluations=evaluations, replays=Replays(valley, [valley], counting))
    same(found, minimise(valley, start, evaluations=evaluations))
    assert counting.captures == (evaluations > 2)


def test_each_lane_has_a_budget_of_its_own() -> None:
    valley = Valley()
    valley.begin(3)
    start = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    together = minimise(valley, start, evaluations=[4, 9, 6])
    assert together.evaluations.tolist() == [4, 9, 6]
    for lane, budget in enumerate((4, 9, 6)):
        alone = minimise(valley, start[lane : lane + 1], evaluations=budget)
        torch.testing.assert_close(together.point[lane], alone.point[0])
