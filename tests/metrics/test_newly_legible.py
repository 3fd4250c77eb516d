from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vst.metrics.motion import Motion
from vst.metrics.newly_legible import BLOCK, CHANGED, came_into_view, newly_legible
from vst.synthetic.paintings import facets, ink, swirls
from vst.synthetic.scenes import Anime, Battle

Array = NDArray[np.float64]
SIZES = [(72, 128), (144, 256), (288, 512)]


@pytest.fixture
def known(strokes) -> tuple[Tensor, Tensor, Tensor]:
    """Return a painting that shows its content among strokes, the content, and a region at the right."""
    content = strokes(1, 96, 128, seed=1)
    stylized = 0.5 * content.flip(1) + 0.5 * strokes(1, 96, 128, seed=2)
    region = torch.zeros(1, 1, 96, 128)
    region[..., 96:] = 1
    return stylized, content, region


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("draw", [swirls, facets, ink])
@pytest.mark.parametrize("name", ["strip", "figure"])
def test_what_is_painted_but_not_shown_is_found(size, draw, name, painted, regions):
    content, region = Battle(*size, 4).frame(1), regions(*size)[name]
    whole = painted(content, draw, shown=0.6)

    def measured(inside: Tensor) -> float:
        return newly_legible(torch.where(region > 0, inside, whole), content, region).item()

    assert 0.85 < measured(whole) < 1.2
    assert 0.85 < measured(content) < 1.7
    others = painted(content.flip(-1), draw, shown=0.6), painted(Anime(*size, 4).frame(1), draw, shown=0.6)
    for other in (*others, painted(content, draw, shown=0)):
        assert abs(measured(other)) < 0.35
        mixtures = [measured(torch.lerp(other, whole, part)) for part in (0.25, 0.5, 0.75, 1)]
        assert mixtures == sorted(mixtures)
        assert 0.25 < mixtures[1] / mixtures[3] < 0.8


def test_a_figure_that_came_in_is_found_in_the_strokes_of_what_it_covers(strokes):
    wall = 0.3 + 0.2 * F.avg_pool2d(strokes(1, 96, 192, seed=1), 9, stride=1, padding=4)
    content, region = wall.clone(), torch.zeros(1, 1, 96, 192)
    content[..., 40:, 128:], region[..., 40:, 128:] = 0.8, 1
    overlaid = [0.7 * shown + 0.3 * strokes(1, 96, 192, seed=2) for shown in (content, wall)]
    right, left_standing = (newly_legible(stylized, content, region).item() for stylized in overlaid)
    assert right == pytest.approx(1, abs=0.2)
    assert abs(left_standing) < 0.35


def test_it_is_the_formula():
    generator = torch.Generator().manual_seed(0)
    content, noise = torch.rand(2, 1, 3, 24, 32, generator=generator)
    stylized = 0.7 * content.flip(1) + 0.3 * noise
    region = torch.zeros(1, 1, 24, 32)
    region[..., 6:22, 14:] = 1
    images = [image[0].double().permute(1, 2, 0).numpy() for image in (stylized, content, region)]
    halves = [image.reshape(12, 2, 16, 2, -1).mean((1, 3)) for image in images]
    shares = [shares_by_hand(*sized) for sized in (images, halves)]
    expected = math.sqrt(sum(found for found, _ in shares) / sum(wanted for _, wanted in shares))
    assert newly_legible(stylized, content, region).item() == pytest.approx(expected, rel=1e-6)


def shares_by_hand(stylized: Array, content: Array, region: Array) -> tuple[float, float]:
    """s and s̄, one difference after another."""
    height, width = stylized.shape[:2]
    rows = []
    for y, x, (down, across) in product(range(height - 1), range(width - 1), ((0, 1), (1, 0))):
        there = y + down, x + across
        square = y // BLOCK, x // BLOCK
        within = bool(max(region[y, x, 0], region[there][0]) >= 0.5)
        rows.append((within, square, content[there] - content[y, x], stylized[there] - stylized[y, x]))
    shown, painted = (np.array([row[part] for row in rows]) for part in (2, 3))
    within = np.array([row[0] for row in rows])
    read = painted @ np.linalg.lstsq(painted[~within], shown[~within])[0]
    as_rest = np.linalg.lstsq(shown[~within], read[~within])[0]
    strokes = ((read - shown @ as_rest)[~within] ** 2).sum() * within.sum() / (~within).sum()
    contrast = ((shown @ as_rest)[within] ** 2).sum()
    explained = 0.0
    for square in {row[1] for row in rows}:
        here = np.array([row[1] == square for row in rows])
        colours = np.linalg.lstsq(shown[within & ~here], read[within & ~here])[0]
        explained += ((shown @ colours) * read)[within & here].sum()
    return explained / (read[within] ** 2).sum(), contrast / (contrast + strokes)


def test_other_colours_change_nothing(known):
    stylized, content, region = known
    matrix = torch.tensor([[0.2, -0.6, 0.1], [0.5, 0.3, -0.3], [-0.1, 0.4, 0.7]])
    expected = newly_legible(stylized, content, region)
    assert 0.8 < expected.item() < 1.2
    for colours in (matrix, -torch.eye(3)):
        mapped = torch.einsum("ij,ljhw->lihw", colours, stylized) + 0.6
        torch.testing.assert_close(newly_legible(mapped, content, region), expected, rtol=1e-4, atol=0)


def test_a_region_may_have_colours_of_its_own(known):
    stylized, content, region = known
    darkened = torch.where(region > 0, 1 - stylized, stylized)
    # at the outline, where the two meet, contrast is lost
    assert newly_legible(darkened, content, region).item() == pytest.approx(1, abs=0.2)


def test_grey_pictures_are_measured(known):
    stylized, content, region = known
    grey = [image.mean(1, keepdim=True).expand_as(image) for image in (content, stylized)]
    assert newly_legible(grey[0], grey[0], region).item() == pytest.approx(1, abs=1e-6)
    assert newly_legible(grey[1], grey[0], region).item() == pytest.approx(1, abs=0.2)


def test_the_content_itself_is_legible(known):
    _, content, region = known
    assert newly_legible(content, content, region).item() == pytest.approx(1, abs=1e-3)


def test_narrow_parts_do_not_count_for_the_region_nor_for_the_rest(known, strokes):
    stylized, content, region = known
    lines = torch.zeros_like(region)
    lines[..., 10:90:8, :90] = lines[..., 11:90:8, :90] = 1
    spoilt = torch.where(lines > 0, strokes(1, 96, 128, seed=3), stylized)
    assert newly_legible(spoilt, content, lines).isnan().all()
    expected = newly_legible(stylized, content, region)
    both = newly_legible(spoilt, content, torch.maximum(region, lines))
    torch.testing.assert_close(both, expected, rtol=0.05, atol=0)
    assert newly_legible(spoilt, content, region) > 1.1 * expected


def test_where_it_is_undefined(known, strokes):
    stylized, content, region = known
    few, all_but_few = torch.zeros_like(region), torch.ones_like(region)
    few[..., :6, :6], all_but_few[..., :6, :6] = 1, 0
    for nothing in (few, all_but_few, torch.zeros_like(region), torch.ones_like(region)):
        assert newly_legible(stylized, content, nothing).isnan().all()
    without_contours = torch.where(content.new_ones(128).cumsum(0) > 80, 0.5, content)
    assert newly_legible(without_contours + 0.1 * stylized, without_contours, region).isnan().all()
    plain = torch.full_like(content, 0.5)
    for painting, shown in ((plain, content), (stylized, plain), (plain, plain)):
        assert newly_legible(painting, shown, region).isnan().all()
    # a painting that shows nothing of its content
    assert newly_legible(strokes(1, 96, 128, seed=3), content, region).isnan().all()
    assert newly_legible(*(part[..., :1, :] for part in known)).isnan().all()


def test_lanes_are_independent(known, strokes):
    stylized, content, region = known
    top, few = torch.zeros(2, 1, 1, 96, 128)
    top[..., :30, :], few[..., :4, :4] = 1, 1
    lanes = (
        torch.cat([stylized, 0.3 * content + 0.7 * strokes(1, 96, 128, seed=4), stylized]),
        torch.cat([content] * 3),
        torch.cat([region, top, few]),
    )
    together = newly_legible(*lanes)
    alone = [newly_legible(*(part[lane : lane + 1] for part in lanes)) for lane in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), equal_nan=True)
    assert together.isfinite().tolist() == [True, True, False]
    assert together.dtype == torch.float64


# of 182 rows, 55 are left, and half of them are 28, but a quarter is 27
@pytest.mark.parametrize("size", [(182, 426), (181, 426), (127, 61), (256, 257), (97, 333)], ids=str)
def test_frames_of_any_size_are_measured(size, strokes):
    content, region = strokes(1, *size, seed=1), torch.zeros(1, 1, *size)
    for _ in range(2):
        content = F.avg_pool2d(content, 9, stride=1, padding=4)
    region[..., size[0] // 2 :, :] = 1
    assert newly_legible(content, content, region).item() == pytest.approx(1, abs=1e-3)


def test_what_came_into_view_is_revealed_or_not_what_its_motion_brings():
    earlier = torch.full((1, 3, 32, 64), 0.5)
    content, trust, revealed = earlier.clone(), torch.ones(1, 1, 32, 64), torch.zeros(1, 1, 32, 64)
    content[:, 1, :16, 8:] += 1.1 * CHANGED
    content[:, 1, 16:, 8:] -= 0.9 * CHANGED
    trust[..., 32:], revealed[..., :4] = 0, 1
    found = came_into_view(content, earlier, Motion(torch.zeros(1, 2, 32, 64), trust, revealed))
    expected = revealed.clone()
    expected[..., :16, 32:] = 1
    torch.testing.assert_close(found, expected)


def test_what_came_into_view_in_large_frames_is_more_than_grain():
    grain = torch.rand(1, 3, 512, 1024, generator=torch.Generator().manual_seed(0))
    nothing = torch.zeros(1, 1, 512, 1024)
    still = Motion(torch.zeros(1, 2, 512, 1024), nothing, nothing)
    earlier = torch.full_like(grain, 0.5)
    assert not came_into_view(0.5 + 0.4 * (grain - 0.5), earlier, still).any()
    assert came_into_view(0.7 + 0.4 * (grain - 0.5), earlier, still).all()


def test_what_moves_as_the_motion_says_did_not_come_into_view():
    wide = torch.rand(1, 3, 32, 80, generator=torch.Generator().manual_seed(0))
    flow, nothing = torch.zeros(1, 2, 32, 64), torch.zeros(1, 1, 32, 64)
    flow[:, 0] = 5
    found = came_into_view(wide[..., 5:69], wide[..., :64], Motion(flow, nothing, nothing))
    assert not found[..., :59].any()
    assert found[..., 59:].any()
