from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vst.optim import Losses, Solution, lbfgs, minimise
from vst.optim.descent import PATIENCE

Function = Callable[[Tensor], Tensor]


def rosenbrock(x: Tensor) -> Tensor:
    """A curved valley, (L, N) → (L,)."""
    return (10 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(1)


def quadratic(x: Tensor) -> Tensor:
    """Curvatures from 1 to 10⁴, in directions that are not the axes', (L, N) → (L,)."""
    size = x.shape[1]
    generator = torch.Generator().manual_seed(0)
    rotation = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=x.dtype))[0]
    return ((x - 1) @ rotation).square() @ torch.logspace(0, 4, size, dtype=x.dtype) / 2


def quartic(x: Tensor) -> Tensor:
    """Convex, with third derivatives, (L, N) → (L,)."""
    return ((x - 0.5) ** 4).sum(1) + (x**2).sum(1) * 0.05 + torch.logsumexp(3 * x, 1)


FUNCTIONS = {"rosenbrock": rosenbrock, "quadratic": quadratic, "quartic": quartic}


def points(lanes: int = 1, size: int = 6, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(lanes, size, generator=generator, dtype=torch.float64)


def by_torch(function: Function, start: Tensor, evaluations: int, history: int) -> tuple[Tensor, Tensor]:
    """The values and points that torch.optim.LBFGS comes by without a line search."""
    x = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [x],
        lr=1,
        max_iter=evaluations,
        max_eval=evaluations,
        history_size=history,
        tolerance_grad=-1,
        tolerance_change=-1,
    )
    values, visited = [], []

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = function(x)[0]
        value.backward()
        values.append(value.detach())
        visited.append(x.detach()[0].clone())
        return value

    optimizer.step(closure)
    return torch.stack(values), torch.stack(visited)


def visiting(function: Function) -> tuple[Function, list[Tensor]]:
    """The function, and the list of the points it is asked about."""
    visited: list[Tensor] = []

    def objective(x: Tensor) -> Tensor:
        visited.append(x.detach().clone())
        return function(x)

    return objective, visited


@pytest.mark.parametrize("history", [1, 2, 5, 10, 100])
@pytest.mark.parametrize(("name", "evaluations"), [("rosenbrock", 14), ("quadratic", 25), ("quartic", 12)])
def test_the_path_is_that_of_torch(name, evaluations, history):
    start, function = points(), FUNCTIONS[name]
    objective, visited = visiting(function)
    solution = minimise(objective, start, evaluations=evaluations, history=history)
    values, places = by_torch(function, start, evaluations, history)
    assert len(values) == evaluations
    torch.testing.assert_close(torch.cat(visited), places, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(solution.curves["total"][:, 0], values, rtol=1e-9, atol=1e-9)
    assert values[-1] < values[0]


def wells(x: Tensor) -> Tensor:
    """Two wells a coordinate, with negative curvature between them, (L, N) → (L,)."""
    scale = torch.linspace(0.3, 2, x.shape[1], dtype=x.dtype)
    return (scale * (x**2 - 1) ** 2 / 4).sum(1) + 0.1 * x.sum(1) + 0.2 * torch.sin(3 * x.sum(1))


def test_of_a_large_frame_fewer_steps_are_remembered(monkeypatch):
    start = points(lanes=2)
    two, ten = (minimise(quadratic, start, evaluations=25, history=history).point for history in (2, 10))
    monkeypatch.setattr(lbfgs, "MOST_REMEMBERED", 5 * start[0].nbytes)
    limited = minimise(quadratic, start, evaluations=25, history=10).point
    assert torch.equal(limited, two)
    assert not torch.equal(limited, ten)


@pytest.mark.parametrize("history", [3, 100])
def test_the_path_is_that_of_torch_where_curvature_is_negative(history):
    start = 0.3 * points(seed=2)
    values, places = by_torch(wells, start, 30, history)
    steps = places.diff(dim=0)
    gradients = torch.stack([torch.func.grad(lambda x: wells(x[None])[0])(place) for place in places])
    skipped = (steps * gradients.diff(dim=0)).sum(1) <= 1e-10
    assert skipped[4:].any()  # or the test would say nothing
    solution = minimise(wells, start, evaluations=30, history=history)
    torch.testing.assert_close(solution.curves["total"][:, 0], values, rtol=1e-9, atol=1e-9)


def test_the_first_step_is_no_longer_than_one_in_all():
    objective, visited = visiting(lambda x: 50 * (x**2).sum(1))
    minimise(objective, torch.tensor([[3.0, -1.0]]), evaluations=2)
    torch.testing.assert_close(visited[1], torch.tensor([[3 - 0.75, -1 + 0.25]]))
    objective, visited = visiting(lambda x: 0.05 * (x**2).sum(1))  # |g|₁ = 0.4: the gradient itself
    minimise(objective, torch.tensor([[3.0, -1.0]]), evaluations=2)
    torch.testing.assert_close(visited[1], torch.tensor([[3 - 0.3, -1 + 0.1]]))


def test_images_are_minimised_in_their_own_shape():
    wanted = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    shapes = set()

    def objective(x: Tensor) -> Tensor:
        shapes.add(tuple(x.shape))
        return (x - wanted).square().flatten(1).sum(1)

    solution = minimise(objective, torch.zeros(2, 3, 4, 5), evaluations=20)
    assert shapes == {(2, 3, 4, 5)}
    torch.testing.assert_close(solution.point, wanted, atol=1e-4, rtol=0)


SCALES = torch.tensor([1e-4, 1.0, 1e5], dtype=torch.float64)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_stacking_changes_no_lane(name):
    function, start = FUNCTIONS[name], points(3)
    together = minimise(lambda x: SCALES * function(x), start, evaluations=20, history=4)
    assert together.curves["total"].shape == (20, 3)
    for lane in range(3):
        one = slice(lane, lane + 1)
        alone = minimise(lambda x, one=one: SCALES[one] * function(x), start[one], evaluations=20, history=4)
        torch.testing.assert_close(
            together.curves["total"][:, one], alone.curves["total"], rtol=1e-8, atol=1e-12
        )
        torch.testing.assert_close(together.point[one], alone.point, rtol=1e-8, atol=1e-10)
        assert together.outcomes[lane] == alone.outcomes[0]


def test_a_lane_ends_where_it_hardly_improves():
    start, function = points(3), FUNCTIONS["quartic"]
    whole = minimise(function, start, evaluations=60)
    solution = minimise(function, start, evaluations=60, tolerance=0.01)
    assert (solution.evaluations < 60).all()
    assert len(solution.curves["total"]) == int(solution.evaluations.max())
    assert solution.outcomes == ("finished",) * 3
    for lane, count in enumerate(solution.evaluations.tolist()):
        curve = whole.curves["total"][:, lane]
        best = torch.cummin(curve, 0).values
        stops = [
            n
            for n in range(2 * PATIENCE, 60)
            if best[n - PATIENCE] - best[n] < 0.01 * best[n].abs()
            and curve[n - PATIENCE + 1 : n + 1].max() - best[n] < 0.05 * best[n].abs()
        ]
        assert count == stops[0] + 1
        torch.testing.assert_close(solution.curves["total"][:count, lane], curve[:count])
        assert solution.curves["total"][count:, lane].isnan().all()
        assert solution.losses["total"][lane] == best[count - 1]
        alone = minimise(function, start[lane : lane + 1], evaluations=60, tolerance=0.01)
        assert alone.evaluations[0] == count
        torch.testing.assert_close(alone.point[0], solution.point[lane])


def test_a_lane_that_restarts_is_given_time():
    """One value is not a number; the lane is back where it was, and has not improved for longer than it may."""
    visits = 0

    def objective(x: Tensor) -> Tensor:
        nonlocal visits
        visits += 1
        return quartic(x) if visits != 8 else quartic(x) * torch.nan

    solution = minimise(objective, points(), evaluations=60, tolerance=1e9)
    assert solution.evaluations[0] == 8 + 2 * PATIENCE + 1
    assert solution.outcomes == ("restarted",)


def test_a_lane_that_overshoots_is_given_time():
    """Ten values that no step improves, one of them far off, and then a way down."""
    values = [*[3.0] * 9, 1e6, 3.0, 3.0, 3.0, *(2.9 - 0.2 * n for n in range(7)), *[1.5] * 40]

    def objective(x: Tensor) -> Tensor:
        return values[len(seen)] + 0 * x.sum(1) if seen.append(x) is None else x

    seen: list[Tensor] = [torch.zeros(1)]
    solution = minimise(objective, torch.zeros(1, 3), evaluations=50, tolerance=0.01)
    assert 20 < solution.evaluations[0] < 50
    assert solution.losses["total"][0] == 1.5


@pytest.mark.parametrize("budget", [1, 2, 7])
def test_the_budget_is_spent_exactly(budget):
    objective, visited = visiting(rosenbrock)
    told: list[int] = []
    start = points(2)
    solution = minimise(objective, start, evaluations=budget, on_evaluation=told.append)
    assert len(visited) == budget
    assert told == list(range(1, budget + 1))
    assert solution.evaluations.tolist() == [budget, budget]
    assert solution.outcomes == ("finished", "finished")
    assert torch.equal(visited[0], start)
    assert solution.seconds > 0


def test_a_budget_is_not_negative():
    with pytest.raises(ValueError, match="a number from 0, not -1"):
        minimise(rosenbrock, points(), evaluations=-1)


def test_without_a_budget_the_start_is_kept_and_nothing_is_evaluated():
    objective, visited = visiting(rosenbrock)
    solution = minimise(objective, points(2), evaluations=0)
    assert not visited
    assert torch.equal(solution.point, points(2))
    assert (solution.evaluations.tolist(), solution.outcomes) == ([0, 0], ("finished", "finished"))
    assert not solution.curves
    assert solution.lane(1).evaluations.tolist() == [0]


def test_a_lane_without_a_budget_keeps_its_start_beside_one_that_has_some():
    start = points(2)
    solution = minimise(rosenbrock, start, evaluations=[0, 5])
    alone = minimise(rosenbrock, start[1:], evaluations=5)
    assert torch.equal(solution.point[0], start[0])
    assert torch.allclose(solution.point[1:], alone.point)
    assert solution.evaluations.tolist() == [0, 5]
    assert len(solution.lane(0).curves["total"]) == 0


def test_the_start_is_not_modified():
    start = points(2)
    minimise(rosenbrock, start, evaluations=5)
    assert torch.equal(start, points(2))
    assert not start.requires_grad
    solution = minimise(rosenbrock, start, evaluations=1)
    solution.point.add_(1)
    assert torch.equal(start, points(2))


def test_it_minimises_where_gradients_are_off():
    with torch.no_grad():
        solution = minimise(rosenbrock, points(), evaluations=25)
    assert solution.losses["total"] < 0.1 * rosenbrock(points())


@pytest.mark.parametrize("shape", [(), (1,), (2, 1), (3,)])
def test_an_objective_of_the_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"one value a lane, of shape \(2,\), not"):
        minimise(lambda x: x.sum() * torch.ones(shape), points(2), evaluations=3)


def test_terms_are_recorded_beside_the_total():
    objective, visited = visiting(rosenbrock)

    def with_terms(x: Tensor) -> Losses:
        return Losses(2 * objective(x), {"valley": objective(x), "first": x[:, 0]})

    solution = minimise(with_terms, points(2), evaluations=8)
    places = torch.stack(visited[::2])
    assert set(solution.curves) == set(solution.losses) == {"valley", "first", "total"}
    assert {curve.shape for curve in solution.curves.values()} == {(8, 2)}
    assert not any(curve.requires_grad for curve in solution.curves.values())
    torch.testing.assert_close(solution.curves["first"], places[..., 0])
    torch.testing.assert_close(
        solution.curves["valley"], torch.stack([rosenbrock(x) for x in places]), rtol=1e-12, atol=0
    )
    torch.testing.assert_close(solution.curves["total"], 2 * solution.curves["valley"])
    for lane in range(2):
        best = solution.curves["total"][:, lane].argmin()
        assert torch.equal(solution.point[lane], places[best, lane])
        for name, value in solution.losses.items():
            assert value[lane] == solution.curves[name][best, lane]


def test_the_best_iterate_is_returned_lane_by_lane():
    # a value that rises from the fourth evaluation on, in the second lane alone
    count = 0

    def rising(x: Tensor) -> Tensor:
        nonlocal count
        count += 1
        return quadratic(x) + torch.tensor([0.0, 1e6 if count > 3 else 0.0])

    objective, visited = visiting(rising)
    solution = minimise(objective, points(2), evaluations=12)
    best = solution.curves["total"].argmin(0)
    assert best[1] < 3 < best[0]
    for lane in range(2):
        assert torch.equal(solution.point[lane], visited[best[lane]][lane])
        assert solution.losses["total"][lane] == solution.curves["total"][best[lane], lane]
    assert solution.outcomes == ("finished", "finished")


def failing(kind: str, at: set[int], lane: int = 1) -> tuple[Function, list[Tensor]]:
    """A function that is not finite at some of its evaluations, counted from 1, in one lane."""
    count = 0

    def objective(x: Tensor) -> Tensor:
        nonlocal count
        count += 1
        poison = torch.zeros(x.shape[0], dtype=x.dtype)
        if count in at:
            poison[lane] = {"nan": torch.nan, "inf": torch.inf, "-inf": -torch.inf}.get(kind, torch.nan)
        if kind == "gradient":
            # one coordinate of the gradient alone, and a value that is in order
            x.register_hook(
                lambda gradient: torch.cat([gradient[:, :1] + poison[:, None], gradient[:, 1:]], 1)
            )
            return rosenbrock(x)
        return rosenbrock(x) + poison

    return visiting(objective)


KINDS = ["nan", "inf", "-inf", "gradient"]


def clean(lanes: int, evaluations: int) -> tuple[Solution, list[Tensor]]:
    objective, visited = failing("nan", set())
    return minimise(objective, points(lanes), evaluations=evaluations), visited


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", [2, 6])
def test_a_lane_that_fails_goes_back_and_starts_afresh(kind, at):
    undisturbed, _ = clean(3, 20)
    objective, visited = failing(kind, {at})
    solution = minimise(objective, points(3), evaluations=20)
    assert solution.outcomes == ("finished", "restarted", "finished")
    assert solution.evaluations.tolist() == [20, 20, 20]
    for lane in (0, 2):  # to the last bit
        assert torch.equal(solution.point[lane], undisturbed.point[lane])
        assert torch.equal(solution.curves["total"][:, lane], undisturbed.curves["total"][:, lane])
    curve = solution.curves["total"][:, 1]
    assert torch.equal(curve[: at - 1], undisturbed.curves["total"][: at - 1, 1])
    assert curve[at - 1].isfinite() == (kind == "gradient")
    best = visited[curve[: at - 1].argmin()][1]
    assert torch.equal(visited[at][1], best)
    # a tenth of a first step along the gradient there
    gradient = torch.func.grad(lambda x: rosenbrock(x[None])[0])(best)
    step = -gradient * min(1, 1 / gradient.abs().sum()) / 10
    torch.testing.assert_close(visited[at + 1][1] - best, step, rtol=1e-6, atol=1e-12)
    assert solution.losses["total"][1] == curve[curve.isfinite()].min()
    assert torch.isfinite(solution.point).all()
    assert solution.losses["total"][1] <= curve[: at - 1].min()


def test_a_restart_goes_on_as_a_fresh_run_from_there_would():
    # after the restart nothing is remembered: the path is that of torch from the next point on
    objective, visited = failing("nan", {5}, lane=0)
    minimise(objective, points(), evaluations=18)
    fresh, fresh_visited = visiting(lambda x: rosenbrock(x))
    start = visited[5]
    minimise(fresh, start, evaluations=2)
    first_step = visited[6] - start
    torch.testing.assert_close(first_step, (fresh_visited[1] - start) / 10, rtol=1e-6, atol=1e-14)
    # the next step is the secant's, from these two points alone
    gradient = torch.func.grad(lambda x: rosenbrock(x).sum())
    change = gradient(visited[6]) - gradient(start)
    rho = 1 / (first_step * change).sum()
    eye = torch.eye(6, dtype=torch.float64)
    left = eye - rho * first_step.T @ change
    scale = 1 / (rho * (change**2).sum())
    inverse = left @ (scale * eye) @ left.T + rho * first_step.T @ first_step
    torch.testing.assert_close(
        visited[7] - visited[6], -gradient(visited[6]) @ inverse, rtol=1e-8, atol=1e-12
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("again", [5, 9])
def test_a_lane_that_fails_again_is_abandoned(kind, again):
    undisturbed, _ = clean(3, 20)
    objective, visited = failing(kind, {4, again})
    told: list[int] = []
    solution = minimise(objective, points(3), evaluations=20, on_evaluation=told.append)
    assert solution.outcomes == ("finished", "abandoned", "finished")
    assert solution.evaluations.tolist() == [20, again, 20]
    assert told == list(range(1, 21))
    for lane in (0, 2):
        assert torch.equal(solution.point[lane], undisturbed.point[lane])
        assert torch.equal(solution.curves["total"][:, lane], undisturbed.curves["total"][:, lane])
    curve = solution.curves["total"][:, 1]
    assert curve[again:].isnan().all()
    believed = [row for row in range(again) if row + 1 not in (4, again)]
    best = min(believed, key=lambda row: curve[row].item())
    assert solution.losses["total"][1] == curve[best]
    assert torch.equal(solution.point[1], visited[best][1])


def test_an_abandoned_lane_takes_no_more_part():
    # better values come too late for a lane that has stopped
    count = 0

    def objective(x: Tensor) -> Tensor:
        nonlocal count
        count += 1
        late = torch.tensor([0.0, -1e3 if count > 6 else (torch.nan if count in (3, 4) else 0.0)])
        return rosenbrock(x) + late

    solution = minimise(objective, points(2), evaluations=12)
    assert solution.outcomes == ("finished", "abandoned")
    assert solution.losses["total"][1] > 0


def test_it_stops_early_where_every_lane_is_abandoned():
    objective, visited = failing("nan", {3, 6}, lane=0)
    told: list[int] = []
    solution = minimise(objective, points(), evaluations=50, on_evaluation=told.append)
    assert len(visited) == len(told) == 6
    assert solution.outcomes == ("abandoned",)
    assert solution.evaluations.tolist() == [6]
    assert solution.curves["total"].shape == (6, 1)
    assert solution.losses["total"] == solution.curves["total"][[0, 1, 3, 4]].min()


@pytest.mark.parametrize("kind", KINDS)
def test_a_lane_that_fails_from_the_first_keeps_its_start(kind):
    objective, visited = failing(kind, set(range(1, 100)))
    solution = minimise(objective, points(2), evaluations=10)
    assert solution.outcomes == ("finished", "abandoned")
    assert torch.equal(solution.point[1], points(2)[1])
    assert solution.evaluations.tolist() == [10, 2]
    alone, visited = failing(kind, set(range(1, 100)), lane=0)
    solution = minimise(alone, points(), evaluations=10)
    assert torch.equal(solution.point, points())
    assert len(visited) == 2


def test_a_failure_of_the_first_evaluation_alone_is_got_over():
    objective, _ = failing("nan", {1}, lane=0)
    solution = minimise(objective, points(), evaluations=30)
    assert solution.outcomes == ("restarted",)
    assert solution.losses["total"] < 0.5 * rosenbrock(points())


@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_at_the_last_evaluation_costs_nothing(kind):
    undisturbed, _ = clean(1, 9)
    objective, _ = failing(kind, {10}, lane=0)
    solution = minimise(objective, points(), evaluations=10)
    assert torch.equal(solution.point, undisturbed.point)
    assert torch.equal(solution.losses["total"], undisturbed.losses["total"])
    assert solution.outcomes == ("restarted",)  # that is, not all was well


def test_a_lane_at_its_minimum_stays_there():
    solution = minimise(quadratic, torch.ones(1, 6, dtype=torch.float64), evaluations=6)
    assert solution.outcomes == ("finished",)
    assert torch.equal(solution.curves["total"], torch.zeros(6, 1, dtype=torch.float64))
    assert torch.equal(solution.point, torch.ones(1, 6, dtype=torch.float64))
