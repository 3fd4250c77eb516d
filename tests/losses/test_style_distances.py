from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from vst.losses.style_distances import (
    cosine_distances,
    covariance_distance,
    histogram_loss,
    hypercolumns,
    moments,
    moments_loss,
    nearest_neighbour_loss,
    optimal_transport_loss,
    project,
    quantiles,
    relaxed_transport,
    sliced_wasserstein_loss,
)


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_moments_by_numpy():
    first, second = rand(2, 3, 4, 5), rand(1, 3, 6, 7, seed=1)
    found = moments_loss(moments(first), moments(second))
    for lane in range(2):
        one, other = (part.reshape(3, -1).numpy() for part in (first[lane], second[0]))
        expected = (one.mean(1) - other.mean(1)) ** 2 + (one.std(1) - other.std(1)) ** 2
        assert float(found[lane]) == pytest.approx(expected.mean(), rel=1e-5)


def test_a_plain_canvas_has_a_gradient_of_its_moments():
    plain = torch.full((1, 2, 3, 3), 0.5, requires_grad=True)
    moments_loss(moments(plain), moments(rand(1, 2, 3, 3).float())).sum().backward()
    assert plain.grad is not None
    assert plain.grad.isfinite().all()


def test_the_histogram_loss_gives_every_value_the_styles_of_its_rank():
    canvas, style = rand(2, 3, 4, 5), rand(1, 3, 5, 4, seed=1)
    variable = canvas.clone().requires_grad_()
    found = histogram_loss(variable, style.flatten(2).sort(2).values)
    (gradient,) = torch.autograd.grad(found.sum(), variable)
    for lane, channel in product(range(2), range(3)):
        values, wanted = (
            canvas[lane, channel].flatten().tolist(),
            sorted(style[0, channel].flatten().tolist()),
        )
        matched = np.array([wanted[sum(other < value for other in values)] for value in values])
        difference = np.array(values) - matched
        assert gradient[lane, channel].flatten().tolist() == pytest.approx(2 * difference / 60)
    assert found.shape == (2,)
    moved = histogram_loss(canvas + 0.25, canvas[:1].flatten(2).sort(2).values)
    assert float(moved[0]) == pytest.approx(0.25**2)


@pytest.mark.parametrize(("given", "count"), [(20, 20), (20, 7), (7, 20)])
def test_quantiles_are_interpolated(given: int, count: int):
    ordered = rand(1, 2, given).sort(2).values
    places = (np.arange(count) + 0.5) * given / count - 0.5
    for channel in range(2):
        expected = np.interp(places, np.arange(given), ordered[0, channel].numpy())
        assert quantiles(ordered, count)[0, channel].tolist() == pytest.approx(expected)


def test_the_sliced_loss_is_the_cheapest_way_to_move_each_projection():
    canvas, style = rand(2, 4, 3, 5), rand(1, 4, 5, 3, seed=1)
    directions = torch.nn.functional.normalize(rand(6, 4, seed=2) - 0.5, dim=1)
    found = sliced_wasserstein_loss(canvas, project(style, directions).sort(2).values, directions)
    for lane in range(2):
        costs = []
        for direction in directions.numpy():
            ours, theirs = (direction @ part.reshape(4, -1).numpy() for part in (canvas[lane], style[0]))
            pairs = (ours[:, None] - theirs[None]) ** 2
            costs.append(pairs[linear_sum_assignment(pairs)].mean())
        assert float(found[lane]) == pytest.approx(np.mean(costs))


def test_hypercolumns_have_all_layers_at_the_firsts_positions():
    fine, coarse = rand(2, 3, 8, 6), torch.full((2, 2, 4, 3), 0.25, dtype=torch.float64)
    found = hypercolumns([fine, coarse])
    assert found.shape == (2, 5, 48)
    torch.testing.assert_close(found[:, :3], fine.flatten(2))
    torch.testing.assert_close(found[:, 3:], torch.full((2, 2, 48), 0.25, dtype=torch.float64))


def test_the_nearest_neighbour_loss_by_loops():
    canvas, style = rand(2, 4, 9) - 0.5, rand(1, 4, 7, seed=1) - 0.5
    found = nearest_neighbour_loss(canvas, style)
    other = style[0].numpy() - style[0].numpy().mean(1, keepdims=True)
    for lane in range(2):
        own = canvas[lane].numpy() - canvas[lane].numpy().mean(1, keepdims=True)
        nearest = [min(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in other.T) for a in own.T]
        assert float(found[lane]) == pytest.approx(np.mean(nearest))


def test_neighbours_are_sought_part_by_part_alike(monkeypatch: pytest.MonkeyPatch):
    canvas, style = rand(1, 4, 50), rand(1, 4, 7, seed=1)
    whole = nearest_neighbour_loss(canvas, style)
    monkeypatch.setattr("vst.losses.style_distances.MOST_PAIRS", 7 * 8)
    torch.testing.assert_close(nearest_neighbour_loss(canvas, style), whole)


def test_the_relaxed_transport_by_loops_is_at_most_the_true_one():
    costs = rand(2, 6, 6)
    for lane, found in enumerate(relaxed_transport(costs).tolist()):
        matrix = costs[lane].numpy()
        rows = np.mean([min(row) for row in matrix])
        columns = np.mean([min(column) for column in matrix.T])
        assert found == pytest.approx(max(rows, columns))
        assert found <= matrix[linear_sum_assignment(matrix)].mean()
    assert relaxed_transport(rand(1, 5, 9)).shape == (1,)


def test_covariances_by_numpy():
    first, second = rand(2, 3, 8), rand(1, 3, 11, seed=1)
    other = second[0].numpy()
    for lane, found in enumerate(covariance_distance(first, second).tolist()):
        own = first[lane].numpy()
        means = np.abs(own.mean(1) - other.mean(1)).mean()
        covariances = np.abs(np.cov(own, bias=True) - np.cov(other, bias=True)).mean()
        assert found == pytest.approx(means + covariances)


def test_the_transport_loss_is_its_three_parts():
    columns, style, colours, palette = (
        rand(2, 4, 6),
        rand(1, 4, 5, seed=1),
        rand(2, 3, 6),
        rand(1, 3, 5, seed=2),
    )
    found = optimal_transport_loss(columns, style, colours, palette)
    distances = (colours[..., None] - palette[..., None, :]).square().sum(1).sqrt()
    parts = [
        relaxed_transport(cosine_distances(columns, style)),
        covariance_distance(columns, style),
        relaxed_transport(distances),
    ]
    torch.testing.assert_close(found, sum(parts))


@pytest.mark.parametrize("seed", range(3))
def test_gradients(seed: int):
    style = rand(1, 3, 4, 3, seed=seed)
    directions = torch.nn.functional.normalize(rand(3, 3, seed=seed + 1) - 0.5, dim=1)
    projected = project(style, directions).sort(2).values
    columns, palette = style.flatten(2), rand(1, 3, 12, seed=seed + 2)

    def losses(canvas: Tensor) -> Tensor:
        flat = canvas.flatten(2)
        return torch.stack(
            [
                moments_loss(moments(canvas), moments(style)),
                histogram_loss(canvas, columns.sort(2).values),
                sliced_wasserstein_loss(canvas, projected, directions),
                nearest_neighbour_loss(flat, columns),
                optimal_transport_loss(flat, columns, flat.square(), palette),
            ]
        )

    assert torch.autograd.gradcheck(losses, rand(2, 3, 4, 3, seed=seed + 3).requires_grad_())


def test_a_canvas_that_is_the_style_has_no_loss():
    style = rand(1, 3, 4, 3)
    flat = style.flatten(2)
    assert float(moments_loss(moments(style), moments(style))) == 0
    assert float(histogram_loss(style, flat.sort(2).values)) == 0
    assert float(nearest_neighbour_loss(flat, flat)) == pytest.approx(0, abs=1e-12)
    assert float(optimal_transport_loss(flat, flat, flat, flat)) == pytest.approx(0, abs=1e-7)
