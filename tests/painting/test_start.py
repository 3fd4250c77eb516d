from __future__ import annotations

from functools import partial
from typing import ClassVar

import pytest
import torch
from torch import Generator, Tensor

from vst.flow.neighbour import Neighbour
from vst.flow.warp import backward_warp
from vst.losses.target import AnchorView, Target
from vst.networks.transformation import TransformationNetwork
from vst.painting.start import (
    blended_start,
    comparison_of,
    content_start,
    filled_start,
    is_anchored,
    is_painting,
    network_start,
    noise_start,
    partly_unpainted,
    previous_start,
    synthesised_start,
    warped_start,
)

STARTS = [content_start, noise_start, previous_start, warped_start, filled_start]


def rand(seed: int) -> Tensor:
    return torch.rand(2, 3, 9, 11, generator=Generator().manual_seed(seed))


class BackwardOnly:
    """The motion from the frame to its neighbour; the other direction is not to be asked for."""

    name: ClassVar[str] = "backward"

    def __init__(self, current: Tensor):
        self.current, self.calls = current, 0

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        assert first is self.current
        self.calls += 1
        flow = torch.zeros(2, 2, 9, 11)
        flow[:, 0], flow[:, 1] = 2.0, -0.5
        return flow


def target(content: Tensor, flow: BackwardOnly) -> Target:
    return Target(content, {}, Neighbour(rand(1), rand(2), current_content=content, estimator=flow))


@pytest.mark.parametrize("start", [content_start, previous_start, warped_start])
def test_the_first_frame_starts_from_its_content(start):
    content = rand(0)
    assert torch.equal(start(Target(content, {}, None), Generator()), content)


def test_the_content_start_has_no_eye_for_the_neighbour():
    content = rand(0)
    assert torch.equal(content_start(target(content, BackwardOnly(content)), Generator()), content)


def test_the_previous_start_is_the_neighbours_painting():
    content = rand(0)
    flow = BackwardOnly(content)
    assert torch.equal(previous_start(target(content, flow), Generator()), rand(2))
    assert flow.calls == 0


def test_the_warped_start_fetches_the_neighbours_painting():
    content = rand(0)
    flow = BackwardOnly(content)
    near = target(content, flow)
    found = warped_start(near, Generator())
    torch.testing.assert_close(found, backward_warp(rand(2), flow(content, rand(1))))
    # by hand: this frame's pixel (4, 3) is the neighbour's at two to the right and half a row up
    expected = (rand(2)[:, :, 4, 5] + rand(2)[:, :, 3, 5]) / 2
    torch.testing.assert_close(found[:, :, 4, 3], expected)
    warped_start(near, Generator())
    assert flow.calls == 2  # one of them the test's own


def test_noise_is_uniform_and_repeats_itself_by_its_generator():
    content = torch.zeros(1, 3, 60, 80)
    near = Target(content, {}, None)
    noise = noise_start(near, Generator().manual_seed(3))
    assert noise.shape == content.shape
    assert torch.equal(noise, noise_start(near, Generator().manual_seed(3)))
    assert not torch.equal(noise, noise_start(near, Generator().manual_seed(4)))
    assert noise.min() >= 0
    assert noise.max() <= 1
    assert noise.mean().item() == pytest.approx(0.5, abs=0.02)
    assert noise.var().item() == pytest.approx(1 / 12, abs=0.005)


def test_noise_does_not_draw_from_the_global_generator():
    before = torch.get_rng_state()
    noise_start(Target(rand(0), {}, None), Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), before)


def test_noise_has_the_contents_type():
    content = rand(0).double()
    assert noise_start(Target(content, {}, None), Generator().manual_seed(0)).dtype == torch.float64


@pytest.mark.parametrize("start", STARTS)
def test_a_start_changes_nothing_it_is_given(start):
    content = rand(0)
    near = target(content, BackwardOnly(content))
    start(near, Generator().manual_seed(0))
    assert near.neighbour is not None
    assert torch.equal(content, rand(0))
    assert torch.equal(near.neighbour.stylized, rand(2))


@pytest.mark.parametrize("start", STARTS)
def test_a_later_pass_goes_on_from_the_painting_of_the_one_before(start):
    content = rand(0)
    before = target(content, BackwardOnly(content))
    later = Target(content, {}, before.neighbour, earlier=rand(7), pass_index=1)
    assert torch.equal(start(later, Generator()), rand(7))


class Still:
    name: ClassVar[str] = "still"

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.zeros_like(first[:, :2])


def test_the_blended_start_is_half_of_the_neighbour_where_it_is_trusted():
    content = rand(0)
    near = Neighbour(rand(1), rand(2), content, Still())
    near.trust = torch.zeros(2, 1, 9, 11)
    near.trust[..., :5] = 1
    assert torch.equal(blended_start(Target(content, {}, near), Generator()), content)
    later = Target(content, {}, near, earlier=rand(7), pass_index=1)
    blended = blended_start(later, Generator(), blend=0.5)
    torch.testing.assert_close(blended[..., :5], (rand(7)[..., :5] + rand(2)[..., :5]) / 2)
    assert torch.equal(blended[..., 5:], rand(7)[..., 5:])
    alone = Target(content, {}, None, earlier=rand(7), pass_index=1)
    assert torch.equal(blended_start(alone, Generator()), rand(7))


def test_the_filled_start_is_the_moved_painting_and_paints_what_is_new():
    content = rand(0)
    near = Neighbour(content, (0.5 * content + 0.2), content, Still())
    near.visibility = torch.ones(2, 1, 9, 11)
    near.confidence = torch.ones(2, 1, 9, 11)
    shown = filled_start(Target(content, {}, near, past=[near]), Generator())
    torch.testing.assert_close(shown, near.stylized)
    near = Neighbour(content, (0.5 * content + 0.2), content, Still())
    near.visibility, near.confidence = torch.ones(2, 1, 9, 11), torch.ones(2, 1, 9, 11)
    near.visibility[..., 6:] = 0
    near.stylized[..., 6:] = 5.0  # of no use
    filled = filled_start(Target(content, {}, near, past=[near]), Generator())
    assert (filled - (0.5 * content + 0.2)).abs().max() < 0.06


def test_the_filled_start_begins_a_shot_from_its_content():
    content = rand(0)
    near = Neighbour(rand(1), rand(2), content, Still(), same_shot=False)
    assert torch.equal(filled_start(Target(content, {}, near), Generator()), content)


def test_the_filled_start_is_the_content_where_nothing_is_known():
    content = rand(0)
    near = Neighbour(rand(1), rand(2), content, Still())
    near.visibility, near.confidence = torch.zeros(2, 1, 9, 11), torch.ones(2, 1, 9, 11)
    target = Target(content, {}, near, past=[near])
    assert torch.equal(filled_start(target, Generator()), content)
    assert partly_unpainted(filled_start, target), "and so it is painted coarse to fine"


def test_the_filled_start_keeps_what_the_motion_explains_and_fills_what_changes():
    content = torch.rand(1, 3, 24, 32, generator=Generator().manual_seed(0))
    before = content.clone()
    before[..., 10:16, 20:28] = 1 - before[..., 10:16, 20:28]  # of another shape, without a motion
    near = Neighbour(before, 0.5 * content + 0.2, content, Still())
    near.stylized[..., 10:16, 20:28] = 0.95
    filled = filled_start(Target(content, {}, near, past=[near]), Generator())
    assert torch.equal(filled[..., :18], near.stylized[..., :18])
    # known less than half, it comes nearer to the content in the painting's colours than to what was there
    middle = (..., slice(11, 15), slice(21, 27))
    away = [(filled - other)[middle].abs().mean() for other in (0.5 * content + 0.2, near.stylized)]
    assert away[0] < 0.5 * away[1]


def test_the_blended_start_mixes_by_blend():
    content = rand(0)
    near = Neighbour(rand(1), rand(2), content, Still())
    near.trust = torch.full((2, 1, 9, 11), 0.5)
    later = Target(content, {}, near, earlier=rand(7), pass_index=1)
    for share in (0.0, 0.3, 1.0):
        expected = share * 0.5 * rand(2) + (1 - share * 0.5) * rand(7)
        torch.testing.assert_close(blended_start(later, Generator(), blend=share), expected)


def test_which_starts_are_partly_unpainted():
    content = rand(0)
    near = Neighbour(content, rand(2), content, Still())
    near.visibility = torch.ones(2, 1, 9, 11)
    near.visibility[..., 10:] = 0
    shown = Target(content, {}, near, past=[near])
    assert partly_unpainted(filled_start, shown)
    assert not partly_unpainted(warped_start, shown)
    assert not partly_unpainted(filled_start, Target(content, {}, near))
    assert not partly_unpainted(filled_start, Target(content, {}, near, earlier=rand(7), past=[near]))
    whole = Neighbour(content, rand(2), content, Still())
    whole.visibility = torch.ones(2, 1, 9, 11)
    assert not partly_unpainted(filled_start, Target(content, {}, whole, past=[whole]))


def test_the_network_start_is_what_the_network_paints_of_the_content_alone():
    network = TransformationNetwork(2, 1)
    start = partial(network_start, network=network)
    content = torch.rand(2, 3, 20, 24)
    found = start(Target(content, {}, None), Generator())
    assert torch.equal(found, network(content))
    assert not found.requires_grad
    assert is_painting(start)
    assert comparison_of(start) == "nothing"
    earlier = torch.rand(2, 3, 20, 24)
    assert start(Target(content, {}, None, earlier), Generator()) is earlier


@pytest.mark.parametrize("start", [*STARTS, partial(blended_start, blend=0.3)])
def test_no_other_start_is_a_painting_whatever_was_painted_before(start):
    assert not is_painting(start)


def seen_from(content: Tensor, painting: Tensor, **more) -> Target:
    """A target whose anchor is the frame before, which stood still."""
    near = Neighbour(content, painting, content, Still())
    everywhere = torch.ones_like(content[:, :1])
    anchor = AnchorView(torch.zeros_like(content[:, :2]), everywhere, painting, content, painting)
    return Target(content, {}, near, past=[near], anchor=anchor, **more)


def test_the_synthesised_start_is_a_painting_that_is_given():
    content = rand(0)
    assert torch.equal(synthesised_start(seen_from(content, rand(1), given=rand(5)), Generator()), rand(5))


def test_the_synthesised_start_carries_the_anchor_on():
    content = torch.rand(1, 3, 24, 32, generator=Generator().manual_seed(0))
    target = seen_from(content, 1 - content)
    assert (synthesised_start(target, Generator()) - (1 - content)).abs().mean() < 0.02
    first, again = (synthesised_start(target, Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)


def test_without_an_anchor_the_synthesised_start_is_the_content_or_the_painting_of_the_pass_before():
    content = rand(0)
    near = Neighbour(rand(1), rand(2), content, Still())
    assert synthesised_start(Target(content, {}, near, past=[near]), Generator()) is content
    later = Target(content, {}, near, past=[near], earlier=rand(7), pass_index=1)
    assert torch.equal(synthesised_start(later, Generator()), rand(7))


def test_the_second_pass_fades_from_one_key_frame_to_the_next():
    content = torch.rand(1, 3, 24, 32, generator=Generator().manual_seed(0))
    before, after = torch.full_like(content, 0.2), torch.full_like(content, 0.6)
    target = seen_from(content, after, earlier=before, pass_index=1, between=0.25)
    torch.testing.assert_close(synthesised_start(target, Generator()), torch.full_like(content, 0.3))
    # before the first key frame, the first pass has left nothing to fade from
    alone = seen_from(content, after, earlier=before, pass_index=1)
    torch.testing.assert_close(synthesised_start(alone, Generator()), after)


def test_which_starts_ask_for_an_anchor():
    assert is_anchored(synthesised_start)
    assert is_anchored(partial(synthesised_start))
    assert not any(map(is_anchored, STARTS))
    assert comparison_of(synthesised_start) == "shot"
