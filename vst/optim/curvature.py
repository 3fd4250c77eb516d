from __future__ import annotations

import torch
from torch import Tensor
from torch.linalg import solve_triangular


class Curvature:
    """What L-BFGS knows of the curvature, lane by lane: its last `size` pairs of a step and a change of gradient.

    With S and Y, (N, m), the steps and the changes in the order in which they were made, R the upper triangle of SᵀY,
    D its diagonal and γ = sᵀy / yᵀy of the newest pair, the inverse Hessian is approximated by

        H = γI + S R⁻ᵀ (D + γ YᵀY) R⁻¹ Sᵀ − γ S R⁻ᵀ Yᵀ − γ Y R⁻¹ Sᵀ

    Source: Byrd, Nocedal & Schnabel, "Representations of quasi-Newton matrices and their use in limited memory
    methods" (1994), theorem 2.2. It is the H of the two-loop recursion (Nocedal & Wright 2006, algorithm 7.4), by two
    products with the tall [S Y] and a small triangular system instead of 4m products that wait for each other.

    Every lane has a ring of its own, because a pair that one lane cannot use must not push out one that it can.
    """

    def __init__(self, size: int, like: Tensor):
        lanes, length = like.shape
        self.size = size
        self._pairs = like.new_zeros(lanes, 2 * size, length)
        """The steps' rows and then the changes', each in its place of the ring."""
        # float64, because R is as badly conditioned as the objective
        self._scale = torch.ones(lanes, dtype=torch.float64, device=like.device)
        self._steps_changes = self._scale.new_zeros(lanes, size, size)
        self._changes_changes = torch.zeros_like(self._steps_changes)
        self._learnt = torch.zeros(lanes, dtype=torch.int64, device=like.device)
        self._count = torch.zeros_like(self._learnt)
        self._lanes = torch.arange(lanes, device=like.device)
        self._places = torch.arange(size, device=like.device)

    def reset(self) -> None:
        """Know nothing, as at first: all tensors stay where they are."""
        for tensor in (self._pairs, self._steps_changes, self._changes_changes, self._learnt, self._count):
            tensor.zero_()
        self._scale.fill_(1)

    def forget(self, lanes: Tensor) -> None:
        """Forget everything of the `lanes`, (L,) boolean."""
        self._count.copy_(torch.where(lanes, 0, self._count))
        self._scale.copy_(torch.where(lanes, 1, self._scale))

    def direction(self, gradient: Tensor, step: Tensor, change: Tensor) -> Tensor:
        """−H·gradient, (L, N), once the newest pair, (L, N) each, is taken in.

        Lanes in which that pair shows no positive curvature keep what they know.
        """
        curvature = _dot(step, change)
        # the same threshold as torch.optim.LBFGS, so that both walk the same path
        usable = curvature > 1e-10
        place = self._learnt % self.size
        self._store(place, step, usable)
        self._store(place + self.size, change, usable)
        vectors = torch.stack([gradient, step, change], dim=1)
        along, of_step, of_change = (vectors @ self._pairs.mT).double().unbind(1)
        self._enter(self._steps_changes, place, usable, of_change[:, : self.size], of_step[:, self.size :])
        self._enter(self._changes_changes, place, usable, *[of_change[:, self.size :]] * 2)
        newest = curvature.double() / _dot(change, change).double()
        self._scale.copy_(torch.where(usable, newest, self._scale))
        self._learnt.add_(usable)
        self._count.add_(usable).clamp_(max=self.size)
        of_steps, of_changes = self._solve(along)
        weights = torch.cat([of_steps, of_changes], dim=1).to(gradient.dtype)
        scaled = gradient * self._scale.to(gradient.dtype)[:, None]
        return -torch.baddbmm(scaled[:, None], weights[:, None], self._pairs)[:, 0]

    def _store(self, row: Tensor, vector: Tensor, usable: Tensor) -> None:
        kept = torch.where(usable[:, None], vector, self._pairs[self._lanes, row])
        self._pairs[self._lanes, row] = kept

    def _enter(self, products: Tensor, place: Tensor, usable: Tensor, column: Tensor, row: Tensor) -> None:
        """Put the newest pair's products with all others, (L, m), where that pair stands in products (L, m, m)."""
        here = (self._places == place[:, None]) & usable[:, None]
        products.copy_(torch.where(here[:, None, :], column[:, :, None], products))
        products.copy_(torch.where(here[:, :, None], row[:, None, :], products))

    def _solve(self, along: Tensor) -> tuple[Tensor, Tensor]:
        """The weights of steps and changes in H·gradient, (L, m) each, by its products with them, (L, 2m)."""
        oldest_first = (self._learnt[:, None] + self._places) % self.size
        known = self._places >= self.size - self._count[:, None]
        both = known[:, :, None] & known[:, None, :]
        gradient_steps, gradient_changes = (
            torch.where(known, part.gather(1, oldest_first), 0)[:, :, None]
            for part in along.split(self.size, dim=1)
        )
        steps_changes, changes_changes = (
            torch.where(both, _reordered(products, oldest_first), 0)
            for products in (self._steps_changes, self._changes_changes)
        )
        diagonal = steps_changes.diagonal(dim1=1, dim2=2)[:, :, None]
        # a place that holds nothing is a row and a column of the identity
        triangle = steps_changes.triu() + torch.diag_embed((~known).to(steps_changes.dtype))
        scale = self._scale[:, None, None]
        solved = solve_triangular(triangle, gradient_steps, upper=True)
        right = diagonal * solved + scale * (changes_changes @ solved - gradient_changes)
        of_steps = solve_triangular(triangle.mT, right, upper=False)
        of_changes = -scale * solved
        return _in_places(of_steps, oldest_first), _in_places(of_changes, oldest_first)


def _in_places(values: Tensor, order: Tensor) -> Tensor:
    """Values (L, m, 1) that stand in an order (L, m), back in their places: (L, m)."""
    return torch.zeros_like(values[:, :, 0]).scatter(1, order, values[:, :, 0])


def _reordered(products: Tensor, order: Tensor) -> Tensor:
    """Rows and columns of products (L, m, m) in the order (L, m)."""
    rows = products.gather(1, order[:, :, None].expand_as(products))
    return rows.gather(2, order[:, None, :].expand_as(products))


def _dot(first: Tensor, second: Tensor) -> Tensor:
    """Inner products of vectors (L, N), lane by lane: (L,)."""
    return (first * second).sum(1)
