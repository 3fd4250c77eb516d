from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from torch import Tensor

from vst.errors import InputError
from vst.flow.neighbour import Neighbour
from vst.flow.warp import backward_warp, forward_splat
from vst.losses.coherence import (
    Coherence,
    EnhancedCoherence,
    FlowCoherence,
    MseCoherence,
    RobustCoherence,
    RuderCoherence,
)
from vst.losses.content import ContentLoss
from vst.losses.functional import (
    closing_gate,
    content_loss,
    enhanced_coherence,
    flow_coherence,
    gram_matrix,
    mse_coherence,
    range_loss,
    style_loss,
)
from vst.losses.range import RangeLoss
from vst.losses.style import StyleLoss
from vst.losses.target import AnchorView, Regions, Target

LAYERS = ("conv1_1", "conv4_2")
COHERENCES = [
    MseCoherence,
    EnhancedCoherence,
    FlowCoherence,
    partial(FlowCoherence, warp="backward"),
]
ROBUST = partial(RobustCoherence, anchor_weight=0.25)


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def image(seed: int) -> Tensor:
    return rand(2, 3, 12, 16, seed=seed)


class CountingFlow:
    """A flow that says which way it was asked: to the right if the first image is given first, else down."""

    name: ClassVar[str] = "counting"

    def __init__(self, first: Tensor):
        self.first = first
        self.calls: list[tuple[Tensor, Tensor]] = []

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        self.calls.append((first, second))
        flow = torch.zeros(first.shape[0], 2, *first.shape[-2:])
        flow[:, 0 if first is self.first else 1] = 1.5
        return flow


def activations(seed: int) -> dict[str, Tensor]:
    return {"conv1_1": rand(2, 4, 6, 8, seed=seed), "conv4_2": rand(2, 5, 3, 4, seed=seed + 1)}


def target_of(seed: int, flow: CountingFlow | None = None, neighbour: bool = True) -> Target:
    content, before, painted = image(seed), image(seed + 1), image(seed + 2)
    estimator = flow or CountingFlow(before)
    estimator.first = before
    near = Neighbour(before, painted, current_content=content, estimator=estimator) if neighbour else None
    return Target(content, activations(seed), near)


def test_content_loss_is_that_of_its_layer():
    term = ContentLoss(1.0, ["conv4_2"])
    assert term.layers == ("conv4_2",)
    target, canvas = target_of(0), activations(50)
    term.begin_frame(target)
    expected = content_loss(canvas["conv4_2"], target.activations["conv4_2"])
    torch.testing.assert_close(term(image(9), canvas), expected, rtol=0, atol=0)


def test_content_loss_of_several_layers_is_their_mean():
    term = ContentLoss(1.0, LAYERS)
    target, canvas = target_of(0), activations(50)
    term.begin_frame(target)
    first, second = (content_loss(canvas[layer], target.activations[layer]) for layer in LAYERS)
    torch.testing.assert_close(term(image(9), canvas), (first + second) / 2)


def test_range_loss_depends_on_the_canvas_alone():
    term = RangeLoss(1.0)
    term.begin_frame(target_of(0))
    canvas = 3 * image(9) - 1
    torch.testing.assert_close(term(canvas, {}), range_loss(canvas), rtol=0, atol=0)


@pytest.mark.parametrize("normalisation", ["chw", "hw", "none"])
def test_style_loss_keeps_its_targets_for_the_run(normalisation):
    term = StyleLoss(1.0, LAYERS, normalisation)
    painting = {layer: value[:1, ..., :3] for layer, value in activations(20).items()}
    canvas = activations(50)
    term.begin_run(image(20), painting)
    grams = [[gram_matrix(of[layer], normalisation) for layer in LAYERS] for of in (canvas, painting)]
    for seed in (0, 10):
        term.begin_frame(target_of(seed))
        torch.testing.assert_close(term(image(9), canvas), style_loss(*grams))


def test_style_loss_of_a_region_is_that_of_the_region_alone_weighted_by_its_share():
    style, canvas = activations(0), activations(50)
    left = torch.zeros(1, 1, 24, 32)
    left[..., :16] = 1
    term = StyleLoss(1.0, ("conv3_1", "conv4_2"))
    term.image = 1
    style["conv3_1"], canvas["conv3_1"] = (
        style.pop("conv1_1"),
        canvas.pop("conv1_1"),
    )  # positions of 4 and 8 pixels
    term.begin_run(image(7), style)
    regions = Regions([1 - left, left], torch.ones_like(left))
    term.begin_frame(replace(target_of(3), regions=regions))
    parts = {layer: values[..., : values.shape[-1] // 2] for layer, values in canvas.items()}
    grams = [gram_matrix(parts[layer]) for layer in term.layers]
    expected = 0.5 * style_loss(grams, [gram_matrix(style[layer]) for layer in term.layers])
    torch.testing.assert_close(term(image(9), canvas), expected)
    term.begin_frame(target_of(3))
    whole = style_loss(
        [gram_matrix(canvas[layer]) for layer in term.layers],
        [gram_matrix(style[layer]) for layer in term.layers],
    )
    torch.testing.assert_close(term(image(9), canvas), whole)


def test_style_loss_of_an_empty_region_is_zero_and_has_no_gradient():
    canvas = {layer: values.requires_grad_() for layer, values in activations(50).items()}
    term = StyleLoss(1.0, ("conv1_1",))
    term.begin_run(image(7), activations(0))
    nothing = torch.zeros(1, 1, 6, 8)
    term.begin_frame(replace(target_of(3), regions=Regions([nothing], nothing)))
    found = term(image(9), canvas)
    assert found.tolist() == [0, 0]
    found.sum().backward()
    assert canvas["conv1_1"].grad is not None
    assert not canvas["conv1_1"].grad.any()


def test_style_loss_divides_by_chw_unless_told():
    default, chw = StyleLoss(1.0, LAYERS), StyleLoss(1.0, LAYERS, "chw")
    for term in (default, chw):
        term.begin_run(image(20), activations(20))
    assert torch.equal(default(image(9), activations(50)), chw(image(9), activations(50)))


@pytest.mark.parametrize("gate", [None, partial(closing_gate, scale=0.1)])
def test_coherences_are_the_pure_functions(gate):
    target, canvas = target_of(0), image(9)
    neighbour = target.neighbour
    assert neighbour is not None
    images = (canvas, neighbour.stylized, target.content, neighbour.content)
    options = {"gate": gate} if gate else {}
    for term, expected in (
        (MseCoherence(1.0), mse_coherence(canvas, neighbour.stylized)),
        (EnhancedCoherence(1.0, **options), enhanced_coherence(*images, **options)),
    ):
        term.begin_frame(target)
        torch.testing.assert_close(term(canvas, {}), expected, rtol=0, atol=0)


def test_forward_and_backward_flow_go_their_own_ways():
    target, canvas = target_of(0), image(9)
    neighbour = target.neighbour
    assert neighbour is not None
    right, down = torch.zeros(2, 2, 12, 16), torch.zeros(2, 2, 12, 16)
    right[:, 0], down[:, 1] = 1.5, 1.5
    # the flow from the neighbour to this frame goes right, the one back from this frame goes down
    for term, prediction in (
        (FlowCoherence(1.0), forward_splat(neighbour.stylized, right)),
        (FlowCoherence(1.0, "forward"), forward_splat(neighbour.stylized, right)),
        (FlowCoherence(1.0, "backward"), backward_warp(neighbour.stylized, down)),
    ):
        term.begin_frame(target)
        torch.testing.assert_close(term(canvas, {}), flow_coherence(canvas, prediction), rtol=0, atol=0)


def test_flow_coherence_is_zero_where_the_painting_moved_along():
    before, content = rand(1, 3, 10, 10, seed=1), rand(1, 3, 10, 10, seed=2)

    class ToTheRight:
        name: ClassVar[str] = "to the right"

        def __call__(self, first: Tensor, second: Tensor) -> Tensor:
            flow = torch.zeros(1, 2, 10, 10)
            flow[:, 0] = 2.0 if first is before else -2.0
            return flow

    painted = rand(1, 3, 10, 10, seed=3)
    moved = painted.roll(2, dims=3)
    moved[..., :2] = painted[..., :1]  # what comes in at the left is continued from the border
    for term in (FlowCoherence(1.0, "forward"), FlowCoherence(1.0, "backward")):
        term.begin_frame(Target(content, {}, Neighbour(before, painted, content, ToTheRight())))
        assert term(moved, {}).item() < 1e-12


@pytest.mark.parametrize("make", COHERENCES)
def test_the_first_frame_has_no_coherence(make):
    term: Coherence = make(1.0)
    term.begin_frame(target_of(0, neighbour=False))
    canvas = image(9).requires_grad_()
    value = term(canvas, {})
    assert value.tolist() == [0.0, 0.0]
    assert value.dtype == canvas.dtype
    # as one of several terms
    (gradient,) = torch.autograd.grad((value + canvas.flatten(1).sum(1)).sum(), canvas)
    assert torch.equal(gradient, torch.ones_like(canvas))


@pytest.mark.parametrize("make", COHERENCES)
def test_a_first_frame_after_another_pass_has_no_coherence_either(make):
    term: Coherence = make(1.0)
    term.begin_frame(target_of(0))
    assert (term(image(9), {}) > 0).all()
    term.begin_frame(target_of(5, neighbour=False))
    assert term(image(9), {}).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("make", [partial(ContentLoss, layers=LAYERS), *COHERENCES])
def test_targets_of_a_new_frame_replace_the_old(make):
    term, fresh = make(1.0), make(1.0)
    term.begin_frame(target_of(0))
    old = term(image(9), activations(50))
    term.begin_frame(target_of(5))
    fresh.begin_frame(target_of(5))
    new = term(image(9), activations(50))
    assert torch.equal(new, fresh(image(9), activations(50)))
    assert not torch.equal(new, old)


def test_flow_is_estimated_once_per_pair():
    flow = CountingFlow(image(0))
    target = target_of(0, flow)
    terms = [FlowCoherence(1.0), FlowCoherence(1.0)]
    for term in terms:
        term.begin_frame(target)
        for _ in range(4):
            term(image(9), {})
    assert len(flow.calls) == 1
    neighbour = target.neighbour
    assert neighbour is not None
    assert flow.calls[0][0] is neighbour.content
    assert flow.calls[0][1] is target.content
    backward = FlowCoherence(1.0, "backward")
    backward.begin_frame(target)
    backward(image(9), {})
    assert neighbour.backward_flow is neighbour.backward_flow
    assert len(flow.calls) == 2
    assert flow.calls[1][0] is target.content
    assert flow.calls[1][1] is neighbour.content


def test_models_without_motion_ask_for_no_flow():
    flow = CountingFlow(image(0))
    target = target_of(0, flow)
    style = StyleLoss(1.0, LAYERS)
    style.begin_run(image(20), activations(20))
    for term in (ContentLoss(1.0, LAYERS), style, MseCoherence(1.0), EnhancedCoherence(1.0)):
        term.begin_frame(target)
        term(image(9), activations(50))
    assert flow.calls == []


@pytest.mark.parametrize("make", COHERENCES)
def test_coherences_look_at_no_layer_and_keep_no_gradient_in_their_targets(make):
    term: Coherence = make(7.0)
    assert term.layers == ()
    assert term.weight == 7.0
    term.begin_frame(target_of(0))
    canvas = image(9).requires_grad_()
    (gradient,) = torch.autograd.grad(term(canvas, {}).sum(), canvas)
    assert gradient.abs().sum() > 0


class Still:
    """Nothing moves."""

    name: ClassVar[str] = "still"

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.zeros_like(first[:, :2])


class Shown(Neighbour):
    """A neighbour in a still shot, trusted where it is told."""

    def __init__(self, seed: int, content: Tensor, trust: Tensor, distance: int = 1, same_shot: bool = True):
        super().__init__(content, image(seed), content, Still(), distance, same_shot)
        self.trust = self.visibility = trust


def test_ruders_short_term_is_the_masked_difference_from_the_moved_painting():
    content, canvas = image(0), image(9)
    near = Neighbour(image(1), image(2), content, CountingFlow(image(1)))
    term = RuderCoherence(1.0, [1])
    term.begin_frame(Target(content, {}, near, past=[near]))
    difference = near.trust.numpy() * (canvas - backward_warp(near.stylized, near.backward_flow)).numpy() ** 2
    assert term(canvas, {}).tolist() == pytest.approx(difference.reshape(2, -1).mean(1).tolist(), rel=1e-5)


def test_ruders_long_term_compares_each_pixel_with_the_nearest_frame_that_shows_it():
    content = image(0)
    left, right = torch.zeros(2, 1, 12, 16), torch.zeros(2, 1, 12, 16)
    left[..., :8], right[..., 4:] = 1, 1
    near, far = Shown(1, content, left), Shown(2, content, right, distance=4)
    expected = torch.cat([near.stylized[..., :8], far.stylized[..., 8:]], dim=3)
    term = RuderCoherence(1.0, [1, 2, 4])
    term.begin_frame(Target(content, {}, near, past=[near, far]))
    assert term.reach == 4
    assert term(expected, {}).abs().max() < 1e-12
    assert (term(near.stylized, {}) > 1e-3).all()


def test_ruders_term_may_begin_in_a_later_pass():
    content = image(0)
    near = Shown(1, content, torch.ones(2, 1, 12, 16))
    term = RuderCoherence(1.0, [1], first_pass=1)
    for pass_index, applies in ((0, False), (1, True)):
        term.begin_frame(Target(content, {}, near, past=[near], pass_index=pass_index))
        assert (term(image(9), {}) > 0).all() == applies


@pytest.mark.parametrize("distances", [[2], [0, 1], [1, -1]])
def test_ruders_distances_include_1_and_nothing_smaller(distances):
    with pytest.raises(InputError, match="distances"):
        RuderCoherence(1.0, distances)


@pytest.mark.parametrize("anchored", [False, True])
def test_robust_coherence_is_its_formula(anchored):
    content, canvas = image(0), image(9)
    shown, anchor_shown = rand(2, 1, 12, 16, seed=5), (rand(2, 1, 12, 16, seed=6) > 0.5).float()
    near = Shown(1, content, shown)
    anchor = (
        AnchorView(torch.zeros(2, 2, 12, 16), anchor_shown, image(3), image(4), image(5))
        if anchored
        else None
    )
    term = ROBUST(1.0)
    term.begin_frame(Target(content, {}, near, past=[near], anchor=anchor))
    a = 0.25 * anchor_shown.numpy() if anchored else np.zeros((2, 1, 12, 16))
    c = shown.numpy()
    weight = (1 - a) * c + a  # nothing moves or changes, so that both confidences are 1
    prediction = ((1 - a) * c * near.stylized.numpy() + a * image(3).numpy()) / np.maximum(weight, 1e-12)
    expected = (weight * (canvas.numpy() - prediction) ** 2).reshape(2, -1).mean(1)
    assert term(canvas, {}).tolist() == pytest.approx(expected.tolist(), rel=1e-4)


def test_robust_coherence_is_weaker_where_the_motion_does_not_explain_the_content():
    content = torch.full((1, 3, 12, 16), 0.5)
    other = content.clone()
    other[..., 10:] = 0.9
    near = Neighbour(other, image(1)[:1], content, Still())
    term = ROBUST(1.0)
    term.begin_frame(Target(content, {}, near, past=[near]))
    canvas = (near.stylized + 0.1).requires_grad_()
    (gradient,) = torch.autograd.grad(term(canvas, {}).sum(), canvas)
    assert gradient[..., 12:].abs().max() < 0.1 * gradient[..., :4].abs().min()


def test_robust_coherence_is_zero_across_a_cut():
    content = image(0)
    other_shot = Shown(1, content, torch.ones(2, 1, 12, 16), same_shot=False)
    for neighbour in (None, other_shot):
        term = ROBUST(1.0)
        term.begin_frame(Target(content, {}, neighbour))
        assert term(image(9), {}).tolist() == [0, 0]


class Drift:
    """All moves by a pixel and a half to the right, lane 1 half as far."""

    name: ClassVar[str] = "drift"

    def __init__(self, current: Tensor):
        self.current = current

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        flow = torch.zeros(2, 2, *first.shape[-2:])
        flow[0, 0], flow[1, 0] = 1.5, 0.75
        return -flow if first is self.current else flow


def test_robust_coherence_of_frames_that_move_is_its_formula_too():
    content, before, canvas = image(0), image(1), image(9)
    near = Neighbour(before, image(2), content, Drift(content))
    anchor = AnchorView(
        torch.zeros(2, 2, 12, 16), (rand(2, 1, 12, 16, seed=6) > 0.5).float(), *(image(i) for i in (3, 4, 5))
    )
    term = ROBUST(1.0)
    term.begin_frame(Target(content, {}, near, past=[near], anchor=anchor))
    rows, columns = np.mgrid[:12, :16]
    for lane, step in enumerate((1.5, 0.75)):
        left = [rows * 1.0, np.maximum(columns - step, 0)]
        moved = [map_coordinates(c, left, order=1, mode="nearest") for c in before[lane].numpy()]
        apart = np.abs(content[lane].numpy() - np.stack(moved)).mean(0)
        held = np.pad(np.ones((12, 16)), 1)
        total = np.pad(apart, 1)
        windows = [(dy, dx) for dy in range(3) for dx in range(3)]
        count, total = (sum(a[dy : dy + 12, dx : dx + 16] for dy, dx in windows) for a in (held, total))
        apart = total / count
        explained = 2 ** -((apart / (0.04 + 3 * np.sort(apart, axis=None)[95])) ** 2)
        # how far a pixel and what comes there lie from the border: what lay within 8 pixels of it is painted anew
        own, came = (np.minimum.reduce([x, rows, 15 - x, 11 - rows]) for x in (columns, columns - step))
        border = np.clip(2 * (np.clip(came, 0, 8) + 1) / (np.minimum(own, 8) + 1) - 1, 0, 1)
        c, a = border * near.visibility[lane, 0].numpy(), 0.25 * anchor.visibility[lane, 0].numpy()
        weight = (1 - a) * c + a
        held = (1 - a) * c * near.kept[lane].numpy() + a * anchor.moved[lane].numpy()
        mixed = held / np.maximum(weight, 1e-12)
        expected = (weight * explained * (canvas[lane].numpy() - mixed) ** 2).mean()
        assert term(canvas, {})[lane].item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("make", [ROBUST, RuderCoherence])
def test_the_first_frame_of_a_later_pass_has_no_coherence_either(make):
    content = image(0)
    near = Shown(1, content, torch.ones(2, 1, 12, 16))
    term = make(1.0)
    term.begin_frame(Target(content, {}, near, past=[near]))
    assert (term(image(9), {}) > 0).all()
    term.begin_frame(Target(content, {}, None, pass_index=1))
    canvas = image(9).requires_grad_()
    value = term(canvas, {})
    assert value.tolist() == [0, 0]
    (gradient,) = torch.autograd.grad((value + canvas.flatten(1).sum(1)).sum(), canvas)
    assert torch.equal(gradient, torch.ones_like(canvas))


def test_ruder_ignores_cuts_and_robust_does_not():
    content = image(0)
    other_shot = Shown(1, content, torch.ones(2, 1, 12, 16), same_shot=False)
    term = RuderCoherence(1.0)
    term.begin_frame(Target(content, {}, other_shot))
    expected = ((image(9) - image(1)).numpy() ** 2).reshape(2, -1).mean(1)
    assert term(image(9), {}).tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def test_ruders_term_uses_the_given_distances_alone():
    content, nowhere, everywhere = image(0), torch.zeros(2, 1, 12, 16), torch.ones(2, 1, 12, 16)
    past = [Shown(1, content, nowhere)]
    past += [Shown(n, content, everywhere, distance=n) for n in (2, 3, 4)]
    for distances, held in (([1], None), ([1, 3], 3), ([4, 1], 4), ([1, 2, 4], 2), ([1, 7], None)):
        term = RuderCoherence(1.0, distances)
        term.begin_frame(Target(content, {}, past[0], past=past))
        wanted = past[held - 1].stylized if held else image(9)
        assert term(wanted, {}).abs().max() < 1e-12
        if held:
            assert (term(image(9), {}) > 1e-3).all()
