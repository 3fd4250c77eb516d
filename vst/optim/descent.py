from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vst.optim.curvature import Curvature
from vst.optim.solution import Losses, Outcome, Solution

Objective = Callable[[Tensor], Losses | Tensor]

PATIENCE = 5
"""Evaluations over which a lane has to improve by the tolerance."""


class Descent:
    """L-BFGS over lanes, an evaluation and a step at a time.

    All that one evaluation hands to the next is in tensors that stay where they are, and nothing is read back from the
    device: an evaluation and its step can be captured once and replayed, for one start after the other. `capacity` is
    the largest budget, in evaluations. What the algorithm is, `vst.optim.lbfgs.minimise` says.
    """

    def __init__(self, objective: Objective, start: Tensor, capacity: int, history: int, tolerance: float):
        self._objective, self._shape = objective, start.shape
        self.capacity, self._tolerance = capacity, tolerance
        point = torch.empty_like(start, memory_format=torch.contiguous_format).flatten(1)
        totals = point.new_empty(len(point))
        counts = torch.empty_like(totals, dtype=torch.int64)
        flags = torch.empty_like(totals, dtype=torch.bool)
        self._point, self._best_point, self._gradient, self._previous, self._step = (
            torch.empty_like(point) for _ in range(5)
        )
        self._best_total = torch.empty_like(totals)
        self._best_row, self._counts, self._restarts, self._since_restart, self._budgets = (
            torch.empty_like(counts) for _ in range(5)
        )
        self.running, self._fresh, self._finite, self._failed = (torch.empty_like(flags) for _ in range(4))
        self._number = counts.new_zeros(1)
        # the newest last
        self._recent_best = totals.new_empty(PATIENCE + 1, len(point))
        self._recent = totals.new_empty(PATIENCE, len(point))
        self._curves: dict[str, Tensor] = {}
        self._curvature = Curvature(history, point)

    def begin(self, start: Tensor, budgets: Tensor) -> None:
        """Begin at a start, (L, …), with a budget of evaluations a lane, (L,)."""
        self._point.copy_(start.detach().flatten(1))
        self._best_point.copy_(self._point)
        self._best_total.fill_(torch.inf)
        for tensor in (self._best_row, self._counts, self._restarts, self._since_restart, self._number):
            tensor.zero_()
        for tensor in (self._gradient, self._previous, self._step):
            tensor.zero_()
        self._budgets.copy_(budgets)
        self.running.copy_(self._budgets > 0)
        for flags, value in ((self._fresh, True), (self._finite, True), (self._failed, False)):
            flags.fill_(value)
        self._recent_best.fill_(torch.inf)
        self._recent.fill_(torch.inf)
        for curve in self._curves.values():
            curve.fill_(torch.nan)
        self._curvature.reset()

    def evaluate(self) -> None:
        """Evaluate the objective and its gradient, and decide which lanes go on."""
        losses, gradient = self._losses_and_gradient()
        total = losses.total.detach()
        finite = torch.isfinite(total) & torch.isfinite(gradient).all(1)
        self._record(losses)
        self._counts.add_(self.running)
        better = self.running & finite & (total < self._best_total)
        self._best_total.copy_(torch.where(better, total, self._best_total))
        self._best_point.copy_(torch.where(better[:, None], self._point, self._best_point))
        self._best_row.copy_(torch.where(better, self._number, self._best_row))
        self._failed.copy_(self.running & ~finite)
        self._restarts.add_(self._failed)
        self._number.add_(1)
        goes_on = self._improves(total) & (self._restarts < 2) & (self._number < self._budgets)
        self.running.logical_and_(goes_on)
        self._finite.copy_(finite)
        self._gradient.copy_(torch.where(finite[:, None], gradient, 0))

    def move(self) -> None:
        """Take the step to the next point."""
        usable = (self._finite & ~self._fresh)[:, None]
        self._curvature.forget(self._failed)
        direction = self._curvature.direction(
            self._gradient,
            torch.where(usable, self._step, 0),
            torch.where(usable, self._gradient - self._previous, 0),
        )
        length = torch.where(self._fresh, _first_length(self._gradient, self._restarts), 1)
        moving = (self._finite & self.running)[:, None]
        self._step.copy_(torch.where(moving, direction * length[:, None], 0))
        self._point.copy_(torch.where(moving, self._point + self._step, self._best_point))
        self._previous.copy_(self._gradient)
        # a lane that went back evaluates its best iterate again next, and takes a first step from there
        self._fresh.copy_(self._failed)

    def solution(self) -> Solution:
        """What was found, once all lanes have ended; `seconds` is left to the caller."""
        counts, best_row = self._counts.cpu(), self._best_row.cpu()
        rows = int(counts.max())
        curves = {name: curve[:rows].cpu() for name, curve in self._curves.items()}
        return Solution(
            point=self._best_point.view(self._shape).clone(),
            losses={name: curve.gather(0, best_row[None])[0] for name, curve in curves.items()},
            curves=curves,
            evaluations=counts,
            outcomes=tuple(_outcome(int(count)) for count in self._restarts.cpu()),
            seconds=0.0,
        )

    def _losses_and_gradient(self) -> tuple[Losses, Tensor]:
        """The objective's value at the point and its gradient there, (L, N)."""
        variable = self._point.detach().requires_grad_()
        lanes = len(variable)
        with torch.enable_grad():
            value = self._objective(variable.view(self._shape))
            losses = value if isinstance(value, Losses) else Losses(value, {})
            if losses.total.shape != (lanes,):
                raise ValueError(
                    f"an objective gives one value a lane, of shape ({lanes},), not {tuple(losses.total.shape)}"
                )
            (gradient,) = torch.autograd.grad(losses.total.sum(), variable)
        return losses, gradient

    def _record(self, losses: Losses) -> None:
        for name, value in {**losses.terms, "total": losses.total}.items():
            if name not in self._curves:
                self._curves[name] = value.detach().new_full((self.capacity, len(value)), torch.nan)
            row = torch.where(self.running, value.detach(), torch.nan)
            self._curves[name].index_copy_(0, self._number, row[None])

    def _improves(self, total: Tensor) -> Tensor:
        """Whether each lane still improves, or may, (L,) boolean; at its start and after a restart it is given time."""
        best = self._best_total
        self._recent_best.copy_(torch.cat([self._recent_best[1:], best[None]]))
        seen = torch.where(torch.isfinite(total), total, torch.inf)
        self._recent.copy_(torch.cat([self._recent[1:], seen[None]]))
        self._since_restart.copy_(torch.where(self._failed, 0, self._since_restart + 1))
        if self._tolerance <= 0:
            return torch.ones_like(self.running)
        enough = self._tolerance * best.abs()
        improves = self._recent_best[0] - best >= enough
        searches = self._recent.amax(0) - best >= PATIENCE * enough
        return improves | searches | (self._since_restart <= 2 * PATIENCE)


def _first_length(gradient: Tensor, restarts: Tensor) -> Tensor:
    """The length of a first step: min(1, 1/|g|₁), a tenth of it after a restart, (L,)."""
    norm = gradient.abs().sum(1).clamp(min=torch.finfo(gradient.dtype).tiny)
    return (1 / norm).clamp(max=1) * torch.where(restarts > 0, 0.1, 1.0)


def _outcome(restarts: int) -> Outcome:
    return ("finished", "restarted", "abandoned")[min(restarts, 2)]
