from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from vst.flow.neighbour import Neighbour
from vst.losses.functional import gram_matrix, region_gram_matrix
from vst.losses.revealed import LEAST, REACH, RevealedStyle, surroundings
from vst.losses.target import Regions, Target

LAYERS = ("conv1_1", "conv2_1")


CANVAS, NEW = (1, 3, 12, 24), slice(20, 24)


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def activations(image: Tensor) -> dict[str, Tensor]:
    """Two layers of an image, one of half its size."""
    wide = torch.cat([image, image.square()], 1)
    return {"conv1_1": wide, "conv2_1": torch.nn.functional.avg_pool2d(wide.sqrt(), 2)}


STYLE = rand(1, 3, 20, 30, seed=5)


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
    content = rand(1, 3, 12, 24) if near is None else near.current_content
    past = [near] if near is not None else []
    return Target(content, activations(content), near, past=past, look=activations)


def begun(near: Neighbour | None, style: Tensor = STYLE) -> RevealedStyle:
    """The term of a frame."""
    term = RevealedStyle(1.0, LAYERS)
    term.begin_run(style, activations(style))
    term.begin_frame(target(near))
    return term


def gram(image: Tensor, region: Tensor, layer: str) -> Tensor:
    scale = {"conv1_1": 1, "conv2_1": 2}[layer]
    return region_gram_matrix(activations(image)[layer], torch.nn.functional.avg_pool2d(region, scale))


def expected(canvas: Tensor, near: Neighbour, wanted: Callable[[str], Tensor]) -> float:
    """The term where its targets are those."""
    region = 1 - near.followed
    losses = [(gram(canvas, region, layer) - wanted(layer)).square().mean() for layer in LAYERS]
    return float(region.mean() * sum(losses) / len(losses))


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


def test_in_the_colours_around_it_the_term_asks_for_the_strokes_around_it():
    near = neighbour(NEW)
    near.current_content = torch.full(CANVAS, 0.4)
    canvas, around = rand(*CANVAS, seed=9), surroundings(near)
    value = begun(near)(canvas, activations(canvas)).item()
    assert value == pytest.approx(
        expected(canvas, near, lambda layer: gram(near.kept, around, layer)), rel=1e-4
    )


def test_in_other_colours_it_asks_for_the_painting_where_it_has_what_they_become():
    """The frame is painted as its content, so that what is new becomes pale, and the painting is pale on its right."""
    near = neighbour(NEW)
    near.current_content = (0.1 + 0.02 * rand(*CANVAS)).index_fill(3, torch.arange(20, 24), 0.9)
    near.kept = near.current_content.index_fill(3, torch.arange(20, 24), 0.1)
    near.kept[..., :2] = near.current_content[..., :2] = 0.9
    canvas, pale = rand(*CANVAS, seed=9), torch.zeros(1, 1, 20, 30)
    pale[..., 16:] = 1
    style = 0.2 + 0.7 * pale.expand(-1, 3, -1, -1) + 0.01 * rand(1, 3, 20, 30, seed=4)
    value = begun(near, style)(canvas, activations(canvas)).item()
    assert value == pytest.approx(expected(canvas, near, lambda layer: gram(style, pale, layer)), rel=0.03)
    everything = expected(canvas, near, lambda layer: gram(style, torch.ones_like(pale), layer))
    beside = expected(canvas, near, lambda layer: gram(near.kept, surroundings(near), layer))
    for other in (everything, beside):
        assert abs(other / value - 1) > 0.2


def test_where_no_painting_has_such_colours_it_asks_for_all_of_it():
    near = neighbour(NEW)
    near.current_content = torch.full(CANVAS, 0.1).index_fill(3, torch.arange(20, 24), 0.9)
    near.kept = torch.full(CANVAS, 0.1)
    canvas, style = rand(*CANVAS, seed=9), 0.5 + 0.01 * rand(1, 3, 20, 30, seed=4)
    value = begun(near, style)(canvas, activations(canvas)).item()
    everywhere = torch.ones(1, 1, 20, 30)
    assert value == pytest.approx(
        expected(canvas, near, lambda layer: gram(style, everywhere, layer)), rel=1e-4
    )


def test_each_painting_has_its_part_of_what_is_new():
    near, canvas = neighbour(slice(0, 24, 2)), rand(*CANVAS, seed=9)
    left = torch.zeros(1, 1, 12, 24)
    left[..., :12] = 1
    for number, region in enumerate((left, 1 - left)):
        term = RevealedStyle(1.0, LAYERS)
        term.image = number
        term.begin_run(STYLE, activations(STYLE))
        term.begin_frame(replace(target(near), regions=Regions([left, 1 - left], torch.ones_like(left))))
        painted = canvas.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(term(painted, activations(painted)).sum(), painted)
        assert (gradient * (1 - region) == 0).all()
        assert (gradient * region != 0).any()


def test_its_gradient_is_that_of_the_region_alone():
    term = begun(neighbour(NEW))
    canvas = rand(*CANVAS, seed=9).double().requires_grad_()
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
        term = begun(neighbour(NEW))
        term.begin_frame(target(near))
        value = term(canvas, activations(canvas))
        assert value.tolist() == [0]
