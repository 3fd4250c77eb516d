from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from vst.flow.neighbour import Neighbour
from vst.losses.target import AnchorView, Regions, Target
from vst.painting.mixture import Ingredient, Mixture, Recipe
from vst.painting.scales import (
    COARSEST,
    LEAST,
    NARROWEST,
    STRONGEST,
    Stage,
    cost,
    enlarged,
    fine_detail,
    resized,
    scaled,
    shares,
    sizes,
    strength,
)
from vst.painting.style_images import StyleImages


@pytest.mark.parametrize(
    ("height", "width", "found"),
    [
        (96, 128, [(96, 128)]),
        (150, 199, [(150, 199)]),
        (144, 256, [(72, 128), (144, 256)]),
        (240, 426, [(72, 128), (132, 234), (240, 426)]),
        (1080, 1920, [(72, 128), (142, 252), (279, 496), (549, 976), (1080, 1920)]),
    ],
)
def test_sizes_go_from_about_128_pixels_up(height: int, width: int, found: list[tuple[int, int]]) -> None:
    got = sizes(height, width, None)
    assert got[-1] == (height, width)
    for one, other in zip(got, found, strict=True):
        assert one == pytest.approx(other, abs=2)


@given(
    height=st.integers(1, 2200), width=st.integers(1, 4000), scales=st.one_of(st.none(), st.integers(1, 8))
)
def test_sizes_grow_by_at_most_two_to_the_frames_own(height: int, width: int, scales: int | None) -> None:
    found = sizes(height, width, scales)
    assert found[-1] == (height, width)
    assert scales is None or len(found) <= scales
    if len(found) > 1:
        assert max(found[0]) >= COARSEST - 1
        assert min(found[0]) >= NARROWEST - 1
    for smaller, larger in pairwise(found):
        assert smaller != larger
        for before, after in zip(smaller, larger, strict=True):
            assert before <= after <= 2 * before + 2, "rounded to whole pixels"
    if scales is None and max(height, width) < LEAST:
        assert len(found) == 1


@given(budget=st.integers(1, 400), width=st.integers(200, 2000))
def test_the_cost_of_all_sizes_is_the_budget(budget: int, width: int) -> None:
    found = sizes(width * 9 // 16, width, None)
    each = shares(budget, found)
    assert all(number >= 1 for number in each)
    spent = cost([Stage(size, number) for size, number in zip(found, each, strict=True)])
    if budget >= 10:
        assert spent == pytest.approx(budget, abs=1)


def test_the_cost_counts_areas() -> None:
    assert cost([Stage((10, 20), 8), Stage((20, 40), 3)]) == 3 + 8 / 4


def test_a_motion_is_the_same_at_every_size() -> None:
    """A ramp that moves 6 pixels to the right moves 3 at half the size, and the warp brings it back there."""
    ramp = torch.linspace(0, 1, 80).expand(1, 3, 40, 80)
    flow = torch.zeros(1, 2, 40, 80)
    flow[:, 0] = -6

    class Known:
        name = "known"

        def __call__(self, first: Tensor, second: Tensor) -> Tensor:
            return flow if first is current else -flow

    current = ramp - 6 / 79
    near = Neighbour(ramp, ramp * 0.5, current, Known())
    anchor = AnchorView(flow, torch.ones(1, 1, 40, 80), ramp, ramp, ramp * 0.5)
    target = Target(current, {}, near, past=[near], anchor=anchor, neighbours=[near])
    small = scaled(target, (20, 40), lambda content: {})
    assert small.neighbour is not None
    assert small.neighbour is small.past[0] is small.neighbours[0]
    torch.testing.assert_close(small.neighbour.backward_flow[:, 0], torch.full((1, 20, 40), -3.0))
    torch.testing.assert_close(small.neighbour.forward_flow[:, 0], torch.full((1, 20, 40), 3.0))
    expected = 0.5 * resized(ramp - 6 / 79, (20, 40))
    inner = (..., slice(4, -4), slice(6, -6))
    torch.testing.assert_close(small.neighbour.moved[inner], expected[inner], atol=2e-3, rtol=0)
    assert small.anchor is not None
    torch.testing.assert_close(small.anchor.flow[:, 0], torch.full((1, 20, 40), -3.0))
    torch.testing.assert_close(small.anchor.painting[inner], 0.5 * small.anchor.content[inner])
    assert near.known == {"backward_flow", "forward_flow"}, "what is asked there is prepared at full size"


def by_pillow(image: np.ndarray, height: int, width: int) -> np.ndarray:
    channels = [
        Image.fromarray(channel, "F").resize((width, height), Image.Resampling.BICUBIC) for channel in image
    ]
    return np.stack([np.asarray(channel) for channel in channels])


def test_an_enlarged_painting_has_the_contents_detail_as_strong_as_the_styles() -> None:
    painting, content = torch.rand(2, 3, 12, 16), torch.rand(2, 3, 21, 28)
    found = enlarged(painting, content, torch.tensor(0.1))
    for lane in range(2):
        full = content[lane].numpy()
        detail = full - by_pillow(by_pillow(full, 12, 16), 21, 28)
        expected = by_pillow(painting[lane].numpy(), 21, 28) + detail * 0.1 / np.sqrt((detail**2).mean())
        assert found[lane].numpy() == pytest.approx(expected, abs=2e-4)


def test_with_an_amount_of_nothing_the_detail_stays_the_contents_own() -> None:
    painting, content = torch.rand(2, 3, 12, 16), torch.rand(2, 3, 21, 28)
    own = resized(painting, (21, 28)) + fine_detail(content, (12, 16))
    torch.testing.assert_close(enlarged(painting, content, torch.tensor(0.1), 0), own)
    whole, half = (enlarged(painting, content, torch.tensor(0.1), amount) for amount in (1, 0.5))
    torch.testing.assert_close(half, (own + whole) / 2)


def test_what_is_not_painted_keeps_the_contents_own_detail() -> None:
    images = [torch.rand(1, 3, 96, 128), torch.rand(1, 3, 96, 128)]
    mixture = Mixture([Ingredient(image) for image in images])
    left = torch.zeros(1, 1, 96, 128)
    left[..., :64] = 1
    styles = StyleImages(mixture, torch.device("cpu"))

    def asked(shares: list[float], regions: list[Tensor] | None) -> tuple[Tensor, Tensor]:
        whole = None if regions is None else Regions(regions, sum(regions, torch.zeros_like(left)))
        return styles.detail((48, 64), (96, 128), (96, 128), Recipe(0, shares, 0.5), whole)

    own = [strength(fine_detail(image, (48, 64))) for image in images]
    detail, amount = asked([0.25, 0.75], None)
    torch.testing.assert_close(detail, 0.25 * own[0] + 0.75 * own[1])
    assert amount.item() == 0.5
    assert asked([0.0, 0.0], None)[1].item() == 0
    detail, amount = asked([1.0, 0.0], [left, 1 - left])
    assert amount[..., :64].eq(0.5).all()
    assert amount[..., 64:].eq(0).all()
    torch.testing.assert_close(detail[..., :64], own[0].expand(1, 1, 96, 64))


def test_regions_are_scaled_with_the_frame() -> None:
    left = torch.zeros(1, 1, 40, 80)
    left[..., :40] = 1
    target = Target(torch.rand(1, 3, 40, 80), {}, None, regions=Regions([left], left))
    small = scaled(target, (20, 40), lambda content: {}).regions
    assert small is not None
    assert small.of[0].shape == small.whole.shape == (1, 1, 20, 40)
    assert small.whole[..., :17].eq(1).all()
    assert small.whole[..., 23:].eq(0).all()


def test_a_small_copy_of_the_content_is_enlarged_to_the_content() -> None:
    content = torch.rand(1, 3, 21, 28)
    own = strength(fine_detail(content, (12, 16)))
    torch.testing.assert_close(enlarged(resized(content, (12, 16)), content, own), content)


def test_faint_detail_is_not_made_a_noise_of() -> None:
    painting, content = torch.rand(1, 3, 12, 16), 0.5 + 0.01 * torch.rand(1, 3, 21, 28)
    found = enlarged(painting, content, torch.tensor(10.0))
    detail = fine_detail(content, (12, 16))
    torch.testing.assert_close(found, resized(painting, (21, 28)) + STRONGEST * detail)
    plain = enlarged(painting, torch.full((1, 3, 21, 28), 0.5), torch.tensor(0.1))
    torch.testing.assert_close(plain, resized(painting, (21, 28)), atol=1e-4, rtol=0)
