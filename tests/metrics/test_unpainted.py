from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vst.metrics.unpainted import BORDER, FEWEST_PAIRS, REACH, unpainted
from vst.synthetic.scenes import Anime


@pytest.fixture
def patch() -> Tensor:
    """Return a patch of 20 by 30 that came into view in a frame of 80 by 100."""
    mask = torch.zeros(1, 1, 80, 100)
    mask[..., 30:50, 40:70] = 1
    return mask


def smoothed(image: Tensor, mask: Tensor) -> Tensor:
    """Blur an image where the mask is 1."""
    padded = F.pad(image, (4, 4, 4, 4), mode="replicate")
    return torch.where(mask > 0, F.avg_pool2d(padded, 9, stride=1), image)


def looped(stylized: np.ndarray, content: np.ndarray, revealed: np.ndarray) -> float:
    """Count every pair of one lane, (3, H, W), in loops."""
    inner = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    stylized, content, revealed = stylized[inner], content[inner], revealed[inner]
    found = expected = 0.0
    for down, right in ((0, 1), (1, 0)):
        height, width = revealed.shape[0] - down, revealed.shape[1] - right
        painted, source, kind = {}, {}, {}
        for row, column in np.ndindex(height, width):
            there = row + down, column + right
            painted[row, column] = sum((stylized[:, *there] - stylized[:, row, column]) ** 2)
            source[row, column] = sum((content[:, *there] - content[:, row, column]) ** 2)
            kind[row, column] = revealed[row, column] + revealed[there]
        around = {}
        for row, column in painted:
            near = [
                (r, c)
                for r in range(max(0, row - REACH), min(height, row + REACH + 1))
                for c in range(max(0, column - REACH), min(width, column + REACH + 1))
                if kind[r, c] == 0
            ]
            around[row, column] = (
                [sum(e[p] for p in near) / len(near) for e in (painted, source)] if near else None
            )
        outer = [place for place in painted if kind[place] == 0]
        excess = {place: source[place] - around[place][1] for place in outer}
        covariance = sum(excess[place] * (painted[place] - around[place][0]) for place in outer)
        slope = max(0, covariance / sum(value**2 for value in excess.values()))
        for place in painted:
            if kind[place] == 2 and around[place]:
                found += painted[place]
                expected += around[place][0] + slope * (source[place] - around[place][1])
    return found / expected


def test_it_is_the_formula_written_as_loops():
    rng = np.random.default_rng(0)
    content = rng.random((3, 34, 48))
    stylized = 0.3 * content + rng.random((3, 34, 48)) * np.linspace(0.2, 1, 48)
    revealed = np.zeros((34, 48))
    revealed[4:, 4:24] = 1  # so large that its middle has nothing around to be compared with
    found = unpainted(*(torch.from_numpy(image)[None] for image in (stylized, content, revealed[None])))
    assert found.item() == pytest.approx(looped(stylized, content, revealed), rel=1e-9)


def test_the_source_itself_is_as_painted_there_as_anywhere(patch):
    content = torch.rand(1, 3, 80, 100, generator=torch.Generator().manual_seed(0))
    smoother = smoothed(content, patch)  # what comes into view may well be smooth by itself
    for source in (content, smoother):
        assert unpainted(source, source, patch).item() == pytest.approx(1, abs=1e-6)
        assert unpainted(0.5 * source, source, patch).item() == pytest.approx(1, abs=1e-6)


def test_even_strokes_are_painted_whatever_the_content_is(patch, strokes):
    content = smoothed(strokes(1, 80, 100, seed=1), patch)
    own = strokes(16, 80, 100, seed=2)
    contents, patches = content.expand_as(own), patch.expand(16, -1, -1, -1)
    for image in (own, (own + contents) / 2):
        found = unpainted(image, contents, patches)
        assert found.mean().item() == pytest.approx(1, abs=0.1)
        assert found.min() > 0.6


def test_a_patch_left_smooth_is_below_one(patch, strokes):
    content, own = strokes(1, 80, 100, seed=1), strokes(1, 80, 100, seed=2)
    assert unpainted(smoothed(own, patch), content, patch).item() < 0.2
    flat = torch.where(patch > 0, torch.full_like(own, 0.5), own)
    assert unpainted(flat, content, patch).item() == 0
    half = (own + flat) / 2
    half = torch.where(patch > 0, half, own)
    assert unpainted(half, content, patch).item() == pytest.approx(0.25, abs=0.05)  # half the contrast


def test_noise_left_in_a_patch_is_above_one(patch, strokes):
    content, own = strokes(1, 80, 100, seed=1), strokes(1, 80, 100, seed=2)
    noise = torch.rand(own.shape, generator=torch.Generator().manual_seed(0))
    assert unpainted(torch.where(patch > 0, noise, own), content, patch).item() > 3


def test_it_is_not_defined_without_anything_to_compare(strokes):
    own, content = strokes(1, 40, 50), strokes(1, 40, 50, seed=1)
    nothing = torch.zeros(1, 1, 40, 50)
    assert unpainted(own, content, nothing).isnan()
    assert unpainted(own, content, nothing + 1).isnan()
    few = nothing.clone()
    few[..., 10:17, 10:17] = 1  # 84 pairs
    assert FEWEST_PAIRS > 2 * 7 * 6
    assert unpainted(own, content, few).isnan()
    flat = torch.full_like(own, 0.5)
    few[..., 10:27, 10:27] = 1
    assert unpainted(flat, content, few).isnan()
    border = nothing.clone()
    border[..., :BORDER] = 1
    assert unpainted(own, content, border).isnan()


def test_lanes_are_independent(patch, strokes):
    own, content = strokes(2, 80, 100, seed=1), strokes(2, 80, 100, seed=2)
    masks = torch.cat([patch, patch.roll(-15, -1)])
    together = unpainted(own, content, masks)
    for lane in range(2):
        alone = unpainted(own[lane : lane + 1], content[lane : lane + 1], masks[lane : lane + 1])
        torch.testing.assert_close(together[lane : lane + 1], alone, rtol=1e-9, atol=0)


def test_patches_of_a_scene_filled_smoothly_are_told_from_painted_ones(strokes):
    scene = Anime(144, 192, 4)
    revealed, content = 1 - scene.backward_valid(2), scene.frame(2)
    own = 0.3 * content + 0.7 * strokes(1, 144, 192)
    assert unpainted(own, content, revealed).item() == pytest.approx(1, abs=0.15)
    assert unpainted(smoothed(own, revealed), content, revealed).item() < 0.2
