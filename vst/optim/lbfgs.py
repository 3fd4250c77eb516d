from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from vst.bounds import Few, Share
from vst.optim.descent import Descent, Objective
from vst.optim.pace import pace_on
from vst.optim.replay import WARM_UPS, Replays
from vst.optim.solution import Solution

MOST_REMEMBERED = 2**30
"""Bytes of steps and changes of the gradient that are remembered of a lane: ten of each for a frame of 4 megapixels,
five for one of 3840×2160."""


def minimise(
    objective: Objective,
    start: Tensor,
    *,
    evaluations: int | Sequence[int],
    history: Few = 10,
    tolerance: Share = 0.0,
    graphs: bool = True,
    replays: Replays | None = None,
    on_evaluation: Callable[[int], None] | None = None,
) -> Solution:
    """Minimise `objective` by L-BFGS from `start`, (L, …), every lane for itself.

    The objective takes a tensor of the start's shape and gives a value a lane, (L,), alone or as `Losses`.
    Lanes must not depend on each other: the gradient of their sum then holds each lane's own gradient.
    `evaluations` is the budget, of all lanes or of each, the evaluation at the start included; `history` the number of
    steps that L-BFGS remembers, or as many as take `MOST_REMEMBERED`, if that is fewer. A lane without a budget keeps
    its start, and has no losses. A lane ends before its budget is spent where the last `PATIENCE` evaluations have
    improved its best value by less than `tolerance`, relative to it, and none of them was worse than it by `PATIENCE`
    times as much: L-BFGS without a line search may overshoot, and find its way again. 0 never ends a lane.
    `on_evaluation` is told the number of evaluations done, after each.

    The steps are those of `torch.optim.LBFGS` without a line search: the first is min(1, 1/|g|₁) along
    −gradient, later ones have length 1. The best iterate is kept and returned. Where a lane's value or
    gradient is not finite it goes back to its best iterate and starts afresh there with a tenth of the first
    step, once; if that happens again, the lane stops at its best iterate.

    On a GPU nothing is read back that the loop would have to wait for; and with `graphs`, where the objective's
    `replays` are given, an evaluation and its step are captured once and replayed, unless the budget is less than what
    a capture takes to warm up.
    """
    budgets = [evaluations] * len(start) if isinstance(evaluations, int) else list(evaluations)
    if min(budgets) < 0:
        raise ValueError(f"a budget of evaluations is a number from 0, not {min(budgets)}")
    began = time.perf_counter()
    most = max(budgets)
    history = min(history, max(1, MOST_REMEMBERED // (2 * start[0].nbytes)))

    def make(objective: Objective) -> Descent:
        return Descent(objective, start, most, history, tolerance)

    if graphs and most > WARM_UPS and replays is not None and replays.possible(start):
        descent, advance = replays.descent((most, history, tolerance), make, start)
    else:
        descent, advance = make(objective), None
    descent.begin(start, torch.tensor(budgets, device=start.device))
    pace = pace_on(start.device)
    for number in range(1, most + 1):
        if advance is not None:
            advance()
        else:
            descent.evaluate()
        if on_evaluation is not None:
            on_evaluation(number)
        if number == most or pace.all_ended(descent.running):
            break
        if advance is None:
            descent.move()
    solution = descent.solution()
    return replace(solution, seconds=time.perf_counter() - began)
