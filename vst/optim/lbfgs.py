from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from vst.optim.solution import Losses, Outcome, Solution

Objective = Callable[[Tensor], Losses | Tensor]


class _Memory:
    """What L-BFGS knows of the curvature, lane by lane: the last `size` pairs of a step and the change of
    gradient along it, and the scale of its first guess at the inverse Hessian.

    Every lane has a ring of its own, (size, L, N), because a pair that one lane cannot use must not push out
    one that it can. 1/(step·change) is 0 where a place holds nothing.
    """

    def __init__(self, size: int, like: Tensor):
        lanes, length = like.shape
        self._steps = like.new_zeros(size, lanes, length)
        self._changes = like.new_zeros(size, lanes, length)
        self._inverses = like.new_zeros(size, lanes)
        self._scale = like.new_ones(lanes)
        self._learnt = torch.zeros(lanes, dtype=torch.int64, device=like.device)
        self._lanes = torch.arange(lanes, device=like.device)

    def learn(self, step: Tensor, change: Tensor) -> None:
        """Take in one step, (L, N), in the lanes in which it shows positive curvature."""
        curvature = _dot(step, change)
        # the same threshold as torch.optim.LBFGS, so that both walk the same path
        usable = curvature > 1e-10
        place = self._learnt % len(self._steps), self._lanes
        self._steps[place] = torch.where(usable[:, None], step, self._steps[place])
        self._changes[place] = torch.where(usable[:, None], change, self._changes[place])
        self._inverses[place] = torch.where(usable, 1 / curvature, self._inverses[place])
        self._scale = torch.where(usable, curvature / _dot(change, change), self._scale)
        self._learnt = self._learnt + usable

    def forget(self, lanes: Tensor) -> None:
        """Forget everything of the `lanes`, (L,) boolean."""
        self._inverses = torch.where(lanes, 0, self._inverses)
        self._scale = torch.where(lanes, 1, self._scale)

    def direction(self, gradient: Tensor) -> Tensor:
        """−H·gradient by the two-loop recursion (Nocedal & Wright 2006, algorithm 7.4), (L, N)."""
        size = len(self._steps)
        newest_first = [((self._learnt - 1 - age) % size, self._lanes) for age in range(size)]
        direction = -gradient
        weights = []
        for place in newest_first:
            weight = self._inverses[place] * _dot(self._steps[place], direction)
            direction = direction - weight[:, None] * self._changes[place]
            weights.append(weight)
        direction = direction * self._scale[:, None]
        for place, weight in zip(reversed(newest_first), reversed(weights), strict=True):
            correction = weight - self._inverses[place] * _dot(self._changes[place], direction)
            direction = direction + correction[:, None] * self._steps[place]
        return direction


def minimise(
    objective: Objective,
    start: Tensor,
    *,
    evaluations: int,
    history: int = 10,
    on_evaluation: Callable[[int], None] | None = None,
) -> Solution:
    """Minimise `objective` by L-BFGS from `start`, (L, …), every lane for itself.

    The objective takes a tensor of the start's shape and gives a value a lane, (L,), alone or as `Losses`.
    Lanes must not depend on each other: the gradient of their sum then holds each lane's own gradient.
    `evaluations` is the budget, the evaluation at the start included; `history` the number of steps that
    L-BFGS remembers. `on_evaluation` is told the number of evaluations done, after each.

    The steps are those of `torch.optim.LBFGS` without a line search: the first is min(1, 1/|g|₁) along
    −gradient, later ones have length 1. The best iterate is kept and returned. Where a lane's value or
    gradient is not finite it goes back to its best iterate and starts afresh there with a tenth of the first
    step, once; if that happens again, the lane stops at its best iterate. Nothing is read back from the
    device before the end, so that a GPU never waits for the loop. It is one function of over 50 lines because
    every evaluation continues from a dozen values of the one before.
    """
    if evaluations < 1:
        raise ValueError(f"a minimisation takes at least one evaluation, not {evaluations}")
    began = time.perf_counter()
    lanes = start.shape[0]
    point = start.detach().flatten(1).clone()
    memory = _Memory(history, point)
    best_point, best_total = point.clone(), torch.full_like(point[:, 0], torch.inf)
    restarts = torch.zeros(lanes, dtype=torch.int64, device=point.device)
    counts, best_row = torch.zeros_like(restarts), torch.zeros_like(restarts)
    fresh = torch.ones_like(restarts, dtype=torch.bool)
    previous_gradient = step = torch.zeros_like(point)
    records: list[dict[str, Tensor]] = []

    for number in range(1, evaluations + 1):
        running = restarts < 2
        losses, gradient = _evaluate(objective, point, start.shape)
        total = losses.total.detach()
        finite = torch.isfinite(total) & torch.isfinite(gradient).all(1)
        records.append(_record(losses, running))
        counts = counts + running
        better = running & finite & (total < best_total)
        best_total = torch.where(better, total, best_total)
        best_point = torch.where(better[:, None], point, best_point)
        best_row = torch.where(better, number - 1, best_row)
        if on_evaluation is not None:
            on_evaluation(number)
        failed = running & ~finite
        restarts = restarts + failed
        if number == evaluations:
            break

        gradient = torch.where(finite[:, None], gradient, 0)
        usable = finite & ~fresh
        memory.learn(
            torch.where(usable[:, None], step, 0),
            torch.where(usable[:, None], gradient - previous_gradient, 0),
        )
        memory.forget(failed)
        direction = memory.direction(gradient)
        length = torch.where(fresh, _first_length(gradient, restarts), 1)
        moving = finite & (restarts < 2)
        step = torch.where(moving[:, None], direction * length[:, None], 0)
        point = torch.where(moving[:, None], point + step, best_point)
        previous_gradient = gradient
        # a lane that went back evaluates its best iterate again next, and takes a first step from there
        fresh = failed
        if point.device.type == "cpu" and not (restarts < 2).any():
            break

    curves = {name: torch.stack([record[name] for record in records]).cpu() for name in records[0]}
    return Solution(
        point=best_point.view(start.shape),
        losses={name: curve.gather(0, best_row.cpu()[None])[0] for name, curve in curves.items()},
        curves=curves,
        evaluations=counts.cpu(),
        outcomes=tuple(_outcome(int(count)) for count in restarts),
        seconds=time.perf_counter() - began,
    )


def _evaluate(objective: Objective, point: Tensor, shape: torch.Size) -> tuple[Losses, Tensor]:
    """The objective's value at `point` and its gradient there, (L, N)."""
    variable = point.detach().requires_grad_()
    with torch.enable_grad():
        value = objective(variable.view(shape))
        losses = value if isinstance(value, Losses) else Losses(value, {})
        if losses.total.shape != point.shape[:1]:
            raise ValueError(
                f"an objective gives one value a lane, of shape ({point.shape[0]},), not {tuple(losses.total.shape)}"
            )
        (gradient,) = torch.autograd.grad(losses.total.sum(), variable)
    return losses, gradient


def _record(losses: Losses, running: Tensor) -> dict[str, Tensor]:
    values = {**losses.terms, "total": losses.total}
    return {name: torch.where(running, value.detach(), torch.nan) for name, value in values.items()}


def _first_length(gradient: Tensor, restarts: Tensor) -> Tensor:
    """The length of a first step: min(1, 1/|g|₁), a tenth of it after a restart, (L,)."""
    norm = gradient.abs().sum(1).clamp(min=torch.finfo(gradient.dtype).tiny)
    return (1 / norm).clamp(max=1) * torch.where(restarts > 0, 0.1, 1.0)


def _outcome(restarts: int) -> Outcome:
    return ("finished", "restarted", "abandoned")[min(restarts, 2)]


def _dot(first: Tensor, second: Tensor) -> Tensor:
    """Inner products of vectors (L, N), lane by lane: (L,)."""
    return (first * second).sum(1)
