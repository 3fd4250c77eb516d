from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vst.flow.confidence import content_confidence
from vst.flow.pair import CONTENT_TOLERANCE
from vst.losses.functional import (
    Gate,
    closing_gate,
    content_loss,
    enhanced_coherence,
    flow_coherence,
    gram_matrix,
    masked_coherence,
    mean_squared_error,
    mse_coherence,
    paper_gate,
    range_loss,
    style_loss,
)


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mse_by_loops(first: np.ndarray, second: np.ndarray) -> float:
    total = 0.0
    for index in np.ndindex(first.shape):
        total += (float(first[index]) - float(second[index])) ** 2
    return total / first.size


def gram_by_loops(activations: np.ndarray) -> np.ndarray:
    """Sums over the positions of (C, H, W), not normalised."""
    channels, height, width = activations.shape
    gram = np.zeros((channels, channels))
    for a, b, y, x in np.ndindex(channels, channels, height, width):
        gram[a, b] += activations[a, y, x] * activations[b, y, x]
    return gram


def enhanced_by_loops(
    stylized: np.ndarray, previous: np.ndarray, content: np.ndarray, before: np.ndarray
) -> float:
    gate = math.tanh(math.exp(-mse_by_loops(content, before)))
    return gate * mse_by_loops(stylized, previous) + mse_by_loops(stylized - previous, content - before)


@pytest.mark.parametrize("loss", [mean_squared_error, content_loss, mse_coherence, flow_coherence])
def test_squared_differences_by_loops(loss):
    first, second = rand(3, 3, 4, 5), rand(3, 3, 4, 5, seed=1)
    expected = [mse_by_loops(first[lane].numpy(), second[lane].numpy()) for lane in range(3)]
    value = loss(first, second)
    assert value.shape == (3,)
    np.testing.assert_allclose(value.numpy(), expected, rtol=1e-12)


def test_mean_squared_error_by_hand():
    first, second = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[1.0, 5.0], [-1.0, 1.0]])
    assert mean_squared_error(first, second).tolist() == [4.5, 1.0]


def test_gram_matrix_by_hand():
    # two channels of one row: (1, 2) and (3, -1)
    activations = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])
    assert gram_matrix(activations, "none").tolist() == [[[5.0, 1.0], [1.0, 10.0]]]
    assert gram_matrix(activations, "hw").tolist() == [[[2.5, 0.5], [0.5, 5.0]]]
    assert gram_matrix(activations, "chw").tolist() == [[[1.25, 0.25], [0.25, 2.5]]]
    assert torch.equal(gram_matrix(activations), gram_matrix(activations, "chw"))


@pytest.mark.parametrize(("normalisation", "divisor"), [("none", 1), ("hw", 4 * 3), ("chw", 5 * 4 * 3)])
def test_gram_matrix_by_loops(normalisation, divisor):
    activations = rand(2, 5, 4, 3) - 0.5
    gram = gram_matrix(activations, normalisation)
    for lane in range(2):
        np.testing.assert_allclose(
            gram[lane].numpy(), gram_by_loops(activations[lane].numpy()) / divisor, rtol=1e-12
        )


def test_gram_matrix_does_not_mind_the_layout():
    activations = rand(2, 5, 4, 3)
    torch.testing.assert_close(
        gram_matrix(activations.contiguous(memory_format=torch.channels_last)), gram_matrix(activations)
    )


def test_gram_matrix_refuses_an_unknown_normalisation():
    unknown: Any = "c"
    with pytest.raises(KeyError):
        gram_matrix(rand(1, 2, 3, 3), unknown)


@given(seed=st.integers(0, 10**6), tiles=st.integers(1, 4))
@settings(deadline=None, max_examples=20)
def test_a_gram_matrix_forgets_where_things_are(seed, tiles):
    activations = rand(1, 4, 3, 5, seed=seed)
    order = torch.randperm(15, generator=torch.Generator().manual_seed(seed))
    shuffled = activations.flatten(2)[..., order].unflatten(2, (3, 5))
    torch.testing.assert_close(gram_matrix(shuffled), gram_matrix(activations))
    # and, normalised, how large the image is
    torch.testing.assert_close(gram_matrix(activations.repeat(1, 1, 1, tiles)), gram_matrix(activations))


def test_style_loss_by_loops():
    layers = [(3, 4, 5), (6, 2, 3)]
    canvas = [rand(2, *shape, seed=seed) for seed, shape in enumerate(layers)]
    painting = [rand(1, shape[0], 7, 6, seed=9 + seed) for seed, shape in enumerate(layers)]
    value = style_loss([gram_matrix(a) for a in canvas], [gram_matrix(a) for a in painting])
    assert value.shape == (2,)
    for lane in range(2):
        expected = 0.0
        for ours, theirs in zip(canvas, painting, strict=True):
            ours_gram = gram_by_loops(ours[lane].numpy()) / ours[lane].numel()
            theirs_gram = gram_by_loops(theirs[0].numpy()) / theirs[0].numel()
            expected += mse_by_loops(ours_gram, theirs_gram) / 2
        assert value[lane].item() == pytest.approx(expected, rel=1e-12)


def test_style_loss_of_five_layers_by_hand():
    grams = [torch.full((1, 2, 2), float(number)) for number in range(1, 6)]
    targets = [torch.zeros(1, 2, 2)] * 5
    assert style_loss(grams, targets).tolist() == [(1 + 4 + 9 + 16 + 25) / 5]


def test_style_loss_refuses_targets_of_other_layers():
    with pytest.raises(ValueError, match="2 Gram matrices cannot be compared with 1 targets"):
        style_loss([torch.zeros(1, 2, 2)] * 2, [torch.zeros(1, 2, 2)])


def test_range_loss_by_hand():
    image = torch.tensor([[-0.5, 0.0, 0.3, 1.0, 1.2, 2.0], [0.1] * 6]).view(2, 3, 1, 2)
    torch.testing.assert_close(range_loss(image), torch.tensor([(0.25 + 0.04 + 1) / 6, 0]))


@pytest.mark.parametrize(("divergence", "value"), [(0.0, 0.7616), (1.0, 0.3521), (0.1, 0.7186)])
def test_the_papers_gate(divergence, value):
    assert paper_gate(torch.tensor([divergence])).item() == pytest.approx(value, abs=5e-5)


@given(x=st.floats(0, 1), y=st.floats(0, 1))
def test_gates_fall_and_stay_within_one(x, y):
    least, most = sorted((x, y))
    for gate in (paper_gate, closing_gate):
        low, high = gate(torch.tensor([most, least], dtype=torch.float64)).tolist()
        assert 0 <= low <= high <= 1


def test_the_closing_gate_does_what_it_says():
    for scale in (0.01, 0.05):
        at = torch.tensor([0.0, scale, 2 * scale, 1.0], dtype=torch.float64)
        one, half, closed, far = closing_gate(at, scale).tolist()
        assert one == 1
        assert half == pytest.approx(1 / math.e)
        assert 0.018 < closed < 0.02
        assert far < 1e-100
    assert closing_gate(torch.tensor(0.02)) == closing_gate(torch.tensor(0.02), 0.01)


def test_enhanced_coherence_by_loops():
    images = tuple(rand(2, 3, 3, 4, seed=seed) for seed in range(4))
    stylized, previous, content, before = images
    value = enhanced_coherence(stylized, previous, content, before)
    expected = [enhanced_by_loops(*(image[lane].numpy() for image in images)) for lane in range(2)]
    np.testing.assert_allclose(value.numpy(), expected, rtol=1e-12)


def test_enhanced_coherence_by_hand():
    # content goes from 0 to 1, the painting from 0.5 to 0.75: f(1) · 1/16 + (1/4 - 1)²
    stylized, previous, content, before = (torch.full((1, 3, 2, 2), to) for to in (0.75, 0.5, 1.0, 0.0))
    expected = math.tanh(math.exp(-1)) / 16 + 9 / 16
    assert enhanced_coherence(stylized, previous, content, before).item() == pytest.approx(expected)


def test_the_gate_of_enhanced_coherence_sees_the_content_alone():
    stylized, previous, content, before = (rand(2, 3, 3, 4, seed=seed) for seed in range(4))
    asked = []

    def closed(divergence: Tensor) -> Tensor:
        asked.append(divergence)
        return torch.zeros_like(divergence)

    value = enhanced_coherence(stylized, previous, content, before, gate=closed)
    assert len(asked) == 1
    torch.testing.assert_close(asked[0], mean_squared_error(content, before))
    torch.testing.assert_close(value, mean_squared_error(stylized - previous, content - before))


@pytest.mark.parametrize("gate", [paper_gate, closing_gate])
def test_enhanced_coherence_lags_behind_the_content(gate):
    # zero gradient: f·(V'[i] - V'[i-1]) + (V'[i] - V'[i-1] - ΔV) = 0
    previous, content, change = (rand(2, 3, 4, 4, seed=seed) for seed in range(3))
    before = content - 0.1 * change
    factor = 1 + gate(mean_squared_error(content, before))[:, None, None, None]
    best = (previous + (content - before) / factor).requires_grad_()
    loss = enhanced_coherence(best, previous, content, before, gate)
    (gradient,) = torch.autograd.grad(loss.sum(), best)
    assert gradient.abs().max() < 1e-15
    for seed in range(5):
        step = 1e-3 * (rand(2, 3, 4, 4, seed=10 + seed) - 0.5)
        assert (enhanced_coherence(best + step, previous, content, before, gate) > loss).all()


def test_the_papers_lag_is_more_than_four_tenths():
    factor = 1 / (1 + paper_gate(torch.tensor(0.001)).item())
    assert factor == pytest.approx(0.57, abs=0.005)


def grams_loss(canvas: Tensor) -> Tensor:
    targets = [gram_matrix(rand(1, 3, 4, 5, seed=5)), gram_matrix(rand(1, 3, 2, 2, seed=6), "hw")]
    return style_loss([gram_matrix(canvas), gram_matrix(canvas, "hw")], targets)


def of_three(canvas: Tensor, lanes: int | slice, size: float, gate: Gate) -> Tensor:
    previous, content, before = (size * rand(3, 3, 4, 5, seed=seed)[lanes] for seed in (1, 2, 3))
    return enhanced_coherence(canvas, previous, content, before, gate)


LOSSES: dict[str, Callable[[Tensor, int | slice], Tensor]] = {
    "content": lambda canvas, lanes: content_loss(canvas, rand(3, 3, 4, 5, seed=1)[lanes]),
    "style": lambda canvas, lanes: grams_loss(canvas),
    "range": lambda canvas, lanes: range_loss(3 * canvas - 1),
    "mse": lambda canvas, lanes: mse_coherence(canvas, rand(3, 3, 4, 5, seed=1)[lanes]),
    "flow": lambda canvas, lanes: flow_coherence(canvas, rand(3, 3, 4, 5, seed=1)[lanes]),
    "enhanced": lambda canvas, lanes: of_three(canvas, lanes, 1.0, paper_gate),
    "closing": lambda canvas, lanes: of_three(canvas, lanes, 0.1, closing_gate),
    "masked": lambda canvas, lanes: masked_coherence(
        canvas, rand(3, 3, 4, 5, seed=1)[lanes], rand(3, 1, 4, 5, seed=2)[lanes]
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_the_values(name):
    canvas = rand(3, 3, 4, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: LOSSES[name](x, slice(None)), (canvas,))


def test_the_gradient_of_a_gram_matrix_in_bf16_is_close_to_that_in_float32():
    exact = rand(2, 8, 12, 16).float().requires_grad_()
    rounded = exact.detach().bfloat16().requires_grad_()
    target = gram_matrix(rand(1, 8, 5, 5, seed=1).float())
    for canvas in (exact, rounded):
        style_loss([gram_matrix(canvas)], [target]).sum().backward()
    assert rounded.grad is not None
    assert exact.grad is not None
    assert rounded.grad.dtype == torch.bfloat16
    error = (rounded.grad.float() - exact.grad).norm() / exact.grad.norm()
    assert error < 0.02


@pytest.mark.parametrize("name", LOSSES)
def test_lanes_are_independent(name):
    canvas = rand(3, 3, 4, 5).requires_grad_()
    together = LOSSES[name](canvas, slice(None))
    assert together.shape == (3,)
    (gradient,) = torch.autograd.grad(together.sum(), canvas)
    for lane in range(3):
        alone = canvas[lane : lane + 1].detach().requires_grad_()
        value = LOSSES[name](alone, slice(lane, lane + 1))
        (own,) = torch.autograd.grad(value.sum(), alone)
        torch.testing.assert_close(value[0], together[lane], rtol=1e-12, atol=0)
        torch.testing.assert_close(own[0], gradient[lane], rtol=1e-12, atol=1e-18)


def test_masked_coherence_counts_trusted_pixels():
    stylized, prediction, trust = (torch.rand(2, 3, 5, 7), torch.rand(2, 3, 5, 7), torch.rand(2, 1, 5, 7))
    expected = [
        np.mean(trust[n].numpy() * (stylized[n].numpy() - prediction[n].numpy()) ** 2) for n in range(2)
    ]
    np.testing.assert_allclose(masked_coherence(stylized, prediction, trust), expected, rtol=1e-5)


def test_the_gradient_of_masked_coherence_is_proportional_to_trust():
    x = torch.rand(2, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    prediction, trust = torch.rand(2, 3, 4, 4).double(), torch.rand(2, 1, 4, 4).double()
    (gradient,) = torch.autograd.grad(masked_coherence(x, prediction, trust).sum(), x)
    torch.testing.assert_close(gradient, (2 * trust * (x - prediction) / 48).detach())
    assert torch.autograd.gradcheck(lambda y: masked_coherence(y, prediction, trust), x)


def test_content_confidence_is_low_where_motion_does_not_explain_the_content():
    content, moved = torch.full((2, 3, 9, 9), 0.5), torch.full((2, 3, 9, 9), 0.5)
    moved[0, :, 4, 4] = 0.95
    moved[1] += 0.3  # the light has changed everywhere
    found = content_confidence(content, moved, tolerance=0.05)
    # 0.45 over nine pixels is 0.05, all of d₀
    assert found[0, 0, 4, 4].item() == pytest.approx(1 / 2, rel=1e-4)
    assert found[0, 0, 0, 0] == 1
    assert found[1].flatten().tolist() == pytest.approx([2 ** -((0.3 / 0.95) ** 2)] * 81, rel=1e-4)


def test_something_else_in_the_place_is_not_held_at_all():
    """What the strongest of the usual weights, 1e6, leaves of it is less than a tenth of the paper's."""
    content, moved = torch.full((1, 3, 9, 9), 0.4), torch.full((1, 3, 9, 9), 0.4)
    moved[..., :3] = 0.2
    assert 1e6 * content_confidence(content, moved, CONTENT_TOLERANCE)[0, 0, 4, 0] < 1


def test_content_confidence_by_loops():
    content, moved = rand(2, 3, 5, 6), rand(2, 3, 5, 6, seed=1)
    found = content_confidence(content, moved, tolerance=0.04).numpy()
    for lane in range(2):
        apart = np.abs(content[lane].numpy() - moved[lane].numpy()).mean(0)
        near = np.array(
            [[apart[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].mean() for x in range(6)] for y in range(5)]
        )
        middle = np.sort(near, axis=None)[14]  # of an even number of values torch takes the lower middle
        np.testing.assert_allclose(found[lane, 0], 2 ** -((near / (0.04 + 3 * middle)) ** 2), rtol=1e-9)
