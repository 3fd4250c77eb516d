from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from vst.optim.curvature import Curvature
from vst.optim.solution import Losses, Outcome, Solution

Objective = Callable[[Tensor], Losses | Tensor]

PATIENCE = 5
"""Evaluations over which a lane has to improve by the tolerance."""


def minimise(
    objective: Objective,
    start: Tensor,
    *,
    evaluations: int,
    history: int = 10,
    tolerance: float = 0.0,
    on_evaluation: Callable[[int], None] | None = None,
) -> Solution:
    """Minimise `objective` by L-BFGS from `start`, (L, …), every lane for itself.

    The objective takes a tensor of the start's shape and gives a value a lane, (L,), alone or as `Losses`.
    Lanes must not depend on each other: the gradient of their sum then holds each lane's own gradient.
    `evaluations` is the budget, the evaluation at the start included; `history` the number of steps that
    L-BFGS remembers. A lane ends before its budget is spent where the last `PATIENCE` evaluations have improved its
    best value by less than `tolerance`, relative to it, and none of them was worse than it by `PATIENCE` times as
    much: L-BFGS without a line search may overshoot, and find its way again. 0 never ends a lane. `on_evaluation` is
    told the number of evaluations done, after each.

    The steps are those of `torch.optim.LBFGS` without a line search: the first is min(1, 1/|g|₁) along
    −gradient, later ones have length 1. The best iterate is kept and returned. Where a lane's value or
    gradient is not finite it goes back to its best iterate and starts afresh there with a tenth of the first
    step, once; if that happens again, the lane stops at its best iterate. Nothing is read back from the
    device that the loop would have to wait for. It is one function of over 50 lines because
    every evaluation continues from a dozen values of the one before.
    """
    if evaluations < 1:
        raise ValueError(f"a minimisation takes at least one evaluation, not {evaluations}")
    began = time.perf_counter()
    lanes = start.shape[0]
    point = start.detach().flatten(1).clone()
    curvature = Curvature(history, point)
    progress = _Progress(tolerance, point)
    best_point, best_total = point.clone(), torch.full_like(point[:, 0], torch.inf)
    restarts = torch.zeros(lanes, dtype=torch.int64, device=point.device)
    counts, best_row = torch.zeros_like(restarts), torch.zeros_like(restarts)
    fresh = torch.ones_like(restarts, dtype=torch.bool)
    running = fresh
    previous_gradient = step = torch.zeros_like(point)
    records: list[dict[str, Tensor]] = []

    for number in range(1, evaluations + 1):
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
        running = running & (restarts < 2) & progress.goes_on(total, best_total, failed)
        if number == evaluations or progress.all_ended(running):
            break

        gradient = torch.where(finite[:, None], gradient, 0)
        usable = (finite & ~fresh)[:, None]
        curvature.forget(failed)
        direction = curvature.direction(
            gradient,
            torch.where(usable, step, 0),
            torch.where(usable, gradient - previous_gradient, 0),
        )
        length = torch.where(fresh, _first_length(gradient, restarts), 1)
        moving = (finite & running)[:, None]
        step = torch.where(moving, direction * length[:, None], 0)
        point = torch.where(moving, point + step, best_point)
        previous_gradient = gradient
        # a lane that went back evaluates its best iterate again next, and takes a first step from there
        fresh = failed

    counts, best_row = counts.cpu(), best_row.cpu()
    rows = records[: int(counts.max())]
    curves = {name: torch.stack([record[name] for record in rows]).cpu() for name in rows[0]}
    return Solution(
        point=best_point.view(start.shape),
        losses={name: curve.gather(0, best_row[None])[0] for name, curve in curves.items()},
        curves=curves,
        evaluations=counts,
        outcomes=tuple(_outcome(int(count)) for count in restarts),
        seconds=time.perf_counter() - began,
    )


class _Progress:
    """Which lanes still improve, and whether any does."""

    def __init__(self, tolerance: float, like: Tensor):
        self._tolerance = tolerance
        self._best: deque[Tensor] = deque(maxlen=PATIENCE + 1)
        self._totals: deque[Tensor] = deque(maxlen=PATIENCE)
        self._since_restart = torch.zeros(like.shape[0], dtype=torch.int64, device=like.device)
        self._flags: deque[tuple[Tensor, torch.cuda.Event]] = deque()

    def goes_on(self, total: Tensor, best_total: Tensor, failed: Tensor) -> Tensor:
        """Whether each lane still improves, or may, (L,) boolean; at its start and after a restart it is given time."""
        self._best.append(best_total)
        self._totals.append(torch.where(torch.isfinite(total), total, torch.inf))
        self._since_restart = torch.where(failed, 0, self._since_restart + 1)
        if self._tolerance <= 0 or len(self._best) <= PATIENCE:
            return torch.ones_like(failed)
        enough = self._tolerance * best_total.abs()
        improves = self._best[0] - best_total >= enough
        searches = torch.stack(list(self._totals)).amax(0) - best_total >= PATIENCE * enough
        return improves | searches | (self._since_restart <= 2 * PATIENCE)

    def all_ended(self, running: Tensor) -> bool:
        """Whether no lane runs any more; on a GPU as of the newest evaluation that it is known of without waiting.

        Evaluations after a lane has ended change nothing in it, so that this decides nothing but when the loop ends.
        """
        if running.device.type != "cuda":
            return not bool(running.any())
        flag = torch.empty((), dtype=torch.bool, pin_memory=True)
        flag.copy_(running.any(), non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        self._flags.append((flag, event))
        ended = False
        while self._flags and self._flags[0][1].query():
            ended = not bool(self._flags.popleft()[0])
        return ended


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
