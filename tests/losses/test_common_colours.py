"""Which colours two regions have in common."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vst.losses.common_colours import common_colours


def rows(*colours: tuple[float, float, float], width: int = 5) -> Tensor:
    """An image (1, 3, n, width) of rows of plain colours."""
    return torch.tensor(colours).T[None, :, :, None].expand(-1, -1, -1, width).contiguous()


DARK, PALE, RED = (0.1, 0.1, 0.1), (0.9, 0.9, 0.9), (0.9, 0.1, 0.1)


def everywhere(image: Tensor) -> Tensor:
    return torch.ones_like(image[:, :1])


def test_a_colour_counts_by_its_share_of_either_region():
    first, second = rows(DARK, DARK, DARK, PALE), rows(DARK, PALE, RED, RED, width=3)
    found, alike = common_colours(first, everywhere(first), second, everywhere(second))
    # shares: dark 3/4 and 1/4, pale 1/4 and 1/4, red 0 and 1/2
    torch.testing.assert_close(found[0, 0, :, 0], torch.tensor([1 / 3, 1 / 3, 1 / 3, 1.0]))
    torch.testing.assert_close(alike[0, 0, :, 0], torch.tensor([1.0, 1.0, 0.0, 0.0]))
    assert found.mean().item() == pytest.approx(0.5)
    assert alike.mean().item() == pytest.approx(0.5)


def test_only_what_is_in_the_regions_counts():
    first, second = rows(DARK, PALE), rows(PALE, RED)
    inside = torch.tensor([0.0, 1.0]).view(1, 1, 2, 1).expand(-1, -1, -1, 5)
    within = torch.tensor([0.5, 0.5]).view(1, 1, 2, 1).expand(-1, -1, -1, 5)
    found, alike = common_colours(first, inside, second, within)
    assert found[0, 0, 1, 0].item() == pytest.approx(0.5)
    assert alike[0, 0, :, 0].tolist() == [1, 0]


def test_both_means_are_the_intersection_of_the_histograms():
    generator = torch.Generator().manual_seed(0)
    colours = torch.tensor([[0.1, 0.1, 0.1], [0.5, 0.5, 0.5], [0.9, 0.9, 0.9], [0.9, 0.1, 0.5]])
    picks = [torch.randint(0, 4, (2, 8, 9), generator=generator) for _ in range(2)]
    first, second = (colours[pick].permute(0, 3, 1, 2) for pick in picks)
    weights = [torch.rand(2, 1, 8, 9, generator=generator) for _ in range(2)]
    found, alike = common_colours(first, weights[0], second, weights[1])
    for lane in range(2):
        shares = [
            [float(weight[lane, 0][pick[lane] == colour].sum() / weight[lane].sum()) for colour in range(4)]
            for weight, pick in zip(weights, picks, strict=True)
        ]
        common = sum(map(min, *shares))
        for mask, weight in ((found, weights[0]), (alike, weights[1])):
            assert float((mask[lane] * weight[lane]).sum() / weight[lane].sum()) == pytest.approx(
                common, abs=1e-5
            )


def test_a_little_lighter_is_the_same_colour_and_much_lighter_is_not():
    base = rows((0.5, 0.5, 0.5))
    masks = [common_colours(base, everywhere(base), base + by, everywhere(base))[0] for by in (0, 0.02, 0.3)]
    same, near, far = (mask.mean().item() for mask in masks)
    assert same == pytest.approx(1)
    assert near > 0.6
    assert far == 0


def test_an_empty_region_has_nothing_in_common():
    image = rows(DARK, PALE)
    found, alike = common_colours(image, everywhere(image), image, torch.zeros_like(image[:, :1]))
    assert found.sum() == 0
    assert torch.isfinite(alike).all()
