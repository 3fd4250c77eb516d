from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from vst.flow.neighbour import Neighbour
from vst.losses.functional import gram_matrix, region_gram_matrix
from vst.losses.revealed import LEAST, REACH, RevealedStyle, surroundings
from vst.losses.target import Target

LAYERS = ("conv1_1", "conv2_1")


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def activations(image: Tensor) -> dict[str, Tensor]:
    """Two layers of an image, one of half its size."""
    wide = torch.cat([image, image.square()], 1)
    return {"conv1_1": wide, "conv2_1": torch.nn.functional.avg_pool2d(wide.sqrt(), 2)}


class Still:
    name = "still"

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.zeros_like(first[:, :2])


def neighbour(new: slice) -> Neighbour:
    """Everything is followed but some columns."""
    content = rand(1, 3, 12, 24)
    near = Neighbour(content, rand(1, 3, 12, 24, seed=2), content, Still())
    near.followed = torch.ones(1, 1, 12, 24)
    near.followed[..., new] = 0
    return near


def target(near: Neighbour | None) -> Target:
    content = rand(1, 3, 12, 24)
    past = [near] if near is not None else []
    return Target(content, activations(content), near, past=past, look=activations)


@pytest.mark.parametrize("normalisation", ["chw", "hw", "none"])
def test_the_gram_matrix_of_a_region_is_its_formula(normalisation):
    features, weights = rand(2, 4, 5, 6), rand(2, 1, 5, 6, seed=1)
    found = region_gram_matrix(features, weights, normalisation)
    for lane in range(2):
        total = np.zeros((4, 4))
        for y, x in np.ndindex(5, 6):
            vector = features[lane, :, y, x].double().numpy()
            total += float(weights[lane, 0, y, x]) * np.outer(vector, vector)
        amount = float(weights[lane].sum())
        divisor = {"chw": 4 * amount, "hw": amount, "none": 1}[normalisation]
        np.testing.assert_allclose(found[lane].numpy(), total / divisor, rtol=1e-5)
    whole = region_gram_matrix(features, torch.ones(2, 1, 5, 6), normalisation)
    torch.testing.assert_close(whole, gram_matrix(features, normalisation))


def test_the_gradient_of_a_regions_gram_matrix():
    features = rand(1, 3, 4, 5).double().requires_grad_()
    weights = (rand(1, 1, 4, 5, seed=1) > 0.5).double()
    assert torch.autograd.gradcheck(lambda features: region_gram_matrix(features, weights), (features,))


def test_the_term_is_the_style_loss_of_the_region_against_what_surrounds_it():
    near, term = neighbour(slice(20, 24)), RevealedStyle(1.0, LAYERS)
    term.begin_frame(target(near))
    canvas = rand(1, 3, 12, 24, seed=9)
    around = surroundings(near)
    expected = 0.0
    for layer, scale in zip(LAYERS, (1, 2), strict=True):
        region, there = (torch.nn.functional.avg_pool2d(part, scale) for part in (1 - near.followed, around))
        found = region_gram_matrix(activations(canvas)[layer], region)
        wanted = region_gram_matrix(activations(near.kept)[layer], there)
        expected += float((found - wanted).square().mean()) / 2
    assert term(canvas, activations(canvas)).item() == pytest.approx(4 / 24 * expected, rel=1e-5)


def test_its_gradient_is_that_of_the_region_alone():
    term = RevealedStyle(1.0, LAYERS)
    term.begin_frame(target(neighbour(slice(20, 24))))
    canvas = rand(1, 3, 12, 24, seed=9).double().requires_grad_()
    (gradient,) = torch.autograd.grad(term(canvas, activations(canvas)).sum(), canvas)
    assert (gradient[..., 20:] != 0).all()
    assert (gradient[..., :20] == 0).all()
    step = 1e-4 * torch.randn(canvas.shape, generator=torch.Generator().manual_seed(3), dtype=torch.double)
    values = [term(canvas + sign * step, activations(canvas + sign * step)) for sign in (1, -1)]
    torch.testing.assert_close(values[0] - values[1], 2 * (gradient * step).sum()[None], rtol=1e-3, atol=0)


def test_the_surroundings_are_near_and_followed():
    near = neighbour(slice(20, 24))
    around = surroundings(near)
    reach = round(24 / REACH)
    assert (around[..., 20:] == 0).all()
    assert (around[..., 20 - reach : 20] > 0).all()
    assert (around[..., : 20 - reach] == 0).all()


def test_it_is_zero_where_nothing_came_into_view_or_nothing_was_painted():
    canvas = rand(1, 3, 12, 24, seed=9).requires_grad_()
    little = neighbour(slice(0, 0))
    little.followed = torch.full((1, 1, 12, 24), 1 - 0.9 * LEAST)
    for near in (None, neighbour(slice(0, 0)), neighbour(slice(0, 24)), little):
        term = RevealedStyle(1.0, LAYERS)
        term.begin_frame(target(neighbour(slice(20, 24))))
        term.begin_frame(target(near))
        value = term(canvas, activations(canvas))
        assert value.tolist() == [0]
