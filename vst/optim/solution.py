from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor

Outcome = Literal["finished", "restarted", "abandoned"]


@dataclass(frozen=True)
class Losses:
    """The value of an objective: what is minimised, and the terms it is made of, for the record.

    `total` is (L,); `terms` are (L,) each, by name, before their weights.
    """

    total: Tensor
    terms: Mapping[str, Tensor]

    def lane(self, index: int) -> Losses:
        """The losses of one lane."""
        here = slice(index, index + 1)
        return Losses(self.total[here], {name: value[here] for name, value in self.terms.items()})


@dataclass(frozen=True)
class Solution:
    """What `minimise` found, lane by lane.

    point        the best iterate, of the start's shape
    losses       at the best iterate: `total` and every term, (L,) each; none where nothing was evaluated
    curves       at every evaluation: `total` and every term, (evaluations, L) each, on the CPU; not a number
                 where the lane had stopped before
    evaluations  of the objective, (L,) integers
    outcomes     a lane each: `finished` its evaluations; `restarted` because one value was not finite, from the
                 best iterate, and finished then; `abandoned` because it happened again, and the best kept
    seconds      of wall-clock time, for all lanes together
    """

    point: Tensor
    losses: dict[str, Tensor]
    curves: dict[str, Tensor]
    evaluations: Tensor
    outcomes: tuple[Outcome, ...]
    seconds: float

    def after(self, earlier: Solution) -> Solution:
        """This solution of one lane with the evaluations and the time of an earlier one, from which it went on."""
        worse = max(earlier.outcomes + self.outcomes, key=get_args(Outcome).index)
        return replace(
            self,
            curves={name: torch.cat([earlier.curves[name], self.curves[name]]) for name in self.curves},
            evaluations=earlier.evaluations + self.evaluations,
            outcomes=(worse,),
            seconds=earlier.seconds + self.seconds,
        )

    def lane(self, index: int) -> Solution:
        """What was found in one lane, as if alone, with its part of the time."""
        here, count = slice(index, index + 1), int(self.evaluations[index])
        return Solution(
            point=self.point[here],
            losses={name: value[here] for name, value in self.losses.items()},
            curves={name: curve[:count, here] for name, curve in self.curves.items()},
            evaluations=self.evaluations[here],
            outcomes=self.outcomes[here],
            seconds=self.seconds / len(self.outcomes),
        )


Minimise = Callable[..., Solution]
"""`minimise`, with its options given or as one lane of several runs."""
