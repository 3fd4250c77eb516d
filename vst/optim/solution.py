from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

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
    losses       at the best iterate: `total` and every term, (L,) each
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
