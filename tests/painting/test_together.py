from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vst.losses.loss import Loss
from vst.losses.target import Target
from vst.optim import Solution, minimise
from vst.painting.canvas import PixelCanvas
from vst.painting.objective import FrameObjective
from vst.painting.together import Together, _Request


class Pull(Loss):
    """Toward a picture, in pixels and in the one layer that the network below has."""

    def __init__(self, seed: int, size: int):
        super().__init__(1.0, ["only"])
        self.picture = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed))

    def begin_frame(self, target: Target) -> None:
        """Nothing to prepare."""

    def forward(self, canvas: Tensor, activations: Mapping[str, Tensor]) -> Tensor:
        apart = (canvas - self.picture).square() * (1 + torch.arange(canvas.shape[-1]))
        return apart.flatten(1).sum(1) + activations["only"].square().flatten(1).sum(1)


class Network:
    """One linear layer, which counts how often it is passed, and by how many lanes."""

    weights = SimpleNamespace(sha256="0", name="one")
    precision, before_relu, pool, replicate = "float32", True, staticmethod(F.max_pool2d), True

    def __init__(self) -> None:
        self.lanes: list[int] = []

    def __call__(self, images: Tensor, layers: list[str], summed: object = ()) -> dict[str, Tensor]:
        self.lanes.append(len(images))
        return {"only": images.diff(dim=-1)}


NETWORK = Network()


def objective(seed: int, size: int = 8) -> FrameObjective:
    found = FrameObjective(NETWORK, {"pull": Pull(seed, size)}, PixelCanvas())  # ty: ignore[invalid-argument-type]
    found.start = torch.zeros(1, 3, size, size)
    return found


def frames(
    as_lane: Callable[[Any], Any], seed: int, count: int = 2, size: int = 8, evaluations: int = 7
) -> list[Solution]:
    """A run of some frames."""
    in_a_lane = as_lane(partial(minimise, history=5))
    found = []
    for number in range(count):
        one = objective(10 * seed + number, size)
        found.append(in_a_lane(one, one.start, evaluations=[evaluations + number]))
    return found


def alone(minimise: Any) -> Any:
    return minimise


def test_each_lane_is_optimised_as_if_alone_and_all_pass_the_network_at_once() -> None:
    NETWORK.lanes.clear()
    found = Together[list[Solution]](3).paint(partial(frames, seed=seed) for seed in range(3))
    assert NETWORK.lanes == [3] * (7 + 8)
    for seed, solutions in enumerate(found):
        assert solutions is not None
        for solution, expected in zip(solutions, frames(alone, seed), strict=True):
            torch.testing.assert_close(solution.point, expected.point, rtol=1e-4, atol=1e-5)
            assert solution.curves.keys() == expected.curves.keys() == {"pull", "total"}
            assert solution.curves["total"].shape == expected.curves["total"].shape
            assert solution.evaluations.tolist() == expected.evaluations.tolist()


def test_runs_of_other_lengths_sizes_and_budgets_go_on_beside_each_other() -> None:
    jobs = [
        partial(frames, seed=0, count=3),
        partial(frames, seed=1, count=1, evaluations=4),
        partial(frames, seed=2, size=6),
    ]
    found = Together[list[Solution]](3).paint(jobs)
    assert [len(solutions or ()) for solutions in found] == [3, 1, 2]
    for seed, (solutions, job) in enumerate(zip(found, jobs, strict=True)):
        expected = job(alone)
        assert solutions is not None
        for one, other in zip(solutions, expected, strict=True):
            torch.testing.assert_close(one.point, other.point, rtol=1e-4, atol=1e-5, msg=f"run {seed}")


def test_runs_whose_convolutions_have_other_borders_are_no_lanes_of_one_network() -> None:
    class Zeros(Network):
        replicate = False

    def request(network: Network) -> _Request:
        one = objective(0)
        one.backbone = network  # ty: ignore[invalid-assignment]
        return _Request(minimise, one, one.start, 3, None, None)

    assert request(Network()).kind == request(Network()).kind != request(Zeros()).kind


def test_a_run_without_evaluations_holds_up_no_other() -> None:
    def job(evaluations: int) -> Callable[..., list[Solution]]:
        return lambda as_lane: frames(as_lane, 1, count=1, evaluations=evaluations)

    found = Together(2).paint([job(0), job(7)])
    assert [int(run[0].evaluations[0]) for run in found if run] == [0, 7]


def test_no_more_than_the_lanes_are_painted_at_once_and_the_others_follow() -> None:
    active, most, lock = 0, 0, threading.Lock()

    def job(as_lane: Callable[[Any], Any], seed: int) -> int:
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
        frames(as_lane, seed, count=1)
        with lock:
            active -= 1
        return seed

    assert Together[int](2).paint(partial(job, seed=seed) for seed in range(5)) == [0, 1, 2, 3, 4]
    assert most == 2


def test_a_job_that_fails_does_not_hold_up_the_others() -> None:
    def fails(as_lane: Callable[[Any], Any]) -> str:
        return "failed before its first frame"

    found = Together[Any](2).paint([fails, partial(frames, seed=1)])
    assert found[0] == "failed before its first frame"
    assert len(found[1]) == 2


def test_an_error_of_the_optimisation_reaches_every_lane_in_it() -> None:
    def caught(as_lane: Callable[[Any], Any], seed: int) -> str:
        one = objective(seed)
        one.losses["pull"].picture = torch.rand(1, 3, 5, 5)  # ty: ignore[invalid-assignment]
        with pytest.raises(RuntimeError) as raised:
            as_lane(minimise)(one, one.start, evaluations=[3])
        return str(raised.value)

    found = Together[str](2).paint(partial(caught, seed=seed) for seed in range(2))
    assert all(text and "must match" in text for text in found)


def test_what_ends_the_painting_ends_every_run_in_its_own_loop() -> None:
    class Ended(BaseException):
        pass

    seen: list[int] = []

    def job(as_lane: Callable[[Any], Any], seed: int) -> None:
        def tell(number: int) -> None:
            if seed == 1:
                raise Ended

        one = objective(seed)
        try:
            as_lane(minimise)(one, one.start, evaluations=[5], on_evaluation=tell)
        except Ended:
            seen.append(seed)

    with pytest.raises(Ended):
        Together[None](2).paint(partial(job, seed=seed) for seed in range(4))
    assert sorted(seen) == [0, 1], "the others were not begun"
