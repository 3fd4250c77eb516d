from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vst.metrics.ghosting import FAST_FLOW, UNCOVERED_WITHIN, frame_ghosting, ghost_region, ghosting, reduced
from vst.metrics.motion import Motion
from vst.synthetic.scenes import Battle, Talk

# A painter's palette: each painted channel mixes the content's, one of them inverted.
PALETTE = torch.tensor([[0.2, 0.7, 0.1], [0.5, -0.3, 0.5], [-0.2, 0.3, 0.6]])


def painted(content: Tensor, strokes: Tensor) -> Tensor:
    """Paint: blur, recolour, and lay strokes of one's own over it."""
    blurred = F.avg_pool2d(F.pad(content, (2, 2, 2, 2), mode="replicate"), 5, stride=1)
    return 0.5 * torch.einsum("dc,lchw->ldhw", PALETTE, blurred) + 0.25 * strokes


@pytest.fixture(scope="module")
def across_cut() -> tuple[Tensor, Tensor]:
    """Return the content on either side of a cut, the newer first."""
    scene = Battle(96, 128, 8)
    return scene.frame(4), scene.frame(3)


def everywhere(image: Tensor) -> Tensor:
    return torch.ones_like(image[:, :1])


def least_squares(stylized, previous, content, previous_content, region) -> float:
    """Do the two stages with numpy's least squares over lists of differences."""

    def blurred(image: np.ndarray, reach: int) -> np.ndarray:
        result = np.empty_like(image)
        for row, column in np.ndindex(image.shape[1:]):
            rows = slice(max(0, row - reach), row + reach + 1)
            columns = slice(max(0, column - reach), column + reach + 1)
            result[:, row, column] = image[:, rows, columns].mean((1, 2))
        return result

    inside = region[0, :-1, :-1] > 0

    def differences(image: np.ndarray) -> np.ndarray:
        across, down = image[:, :-1, 1:] - image[:, :-1, :-1], image[:, 1:, :-1] - image[:, :-1, :-1]
        return np.concatenate([across[:, inside], down[:, inside]], axis=1).T

    known = np.hstack([differences(blurred(content, reach)) for reach in (0, 1, 3)])
    old, before, now = map(differences, (previous_content, previous, stylized))
    old_alone = old - known @ np.linalg.lstsq(known, old, rcond=None)[0]
    trace = old_alone @ np.linalg.lstsq(old_alone, before, rcond=None)[0]
    return float((trace * now).sum() / (trace * trace).sum())


def test_it_is_two_stage_least_squares(across_cut, strokes):
    content, previous_content = (image[..., 30:80, 40:100] for image in across_cut)
    previous = painted(previous_content, strokes(1, 50, 60, seed=1))
    stylized = 0.6 * painted(content, strokes(1, 50, 60, seed=2)) + 0.4 * previous
    region = (torch.rand(1, 1, 50, 60, generator=torch.Generator().manual_seed(0)) > 0.2).float()
    images = stylized, previous, content, previous_content, region
    expected = least_squares(*(image[0].double().numpy() for image in images))
    assert ghosting(*images).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("strength", [0.0, 0.1, 0.3, 0.6, 1.0])
def test_a_ghost_blended_in_is_found_at_its_strength(across_cut, strokes, strength):
    content, previous_content = across_cut
    found = []
    for seed in range(4):
        previous = painted(previous_content, strokes(1, 96, 128, seed=2 * seed))
        pure = painted(content, strokes(1, 96, 128, seed=2 * seed + 1))
        stylized = (1 - strength) * pure + strength * previous
        found.append(ghosting(stylized, previous, content, previous_content, everywhere(content)).item())
    assert max(abs(value - strength) for value in found) < 0.1
    assert np.mean(found) == pytest.approx(strength, abs=0.04)


@pytest.mark.parametrize("strength", [0.0, 0.25, 0.75])
def test_two_frames_dissolved_into_each_other_give_the_fraction_exactly(across_cut, strength):
    content, previous_content = across_cut
    stylized = (1 - strength) * content + strength * previous_content
    found = ghosting(stylized, previous_content, content, previous_content, everywhere(content))
    assert found.item() == pytest.approx(strength, abs=1e-5)


def test_strokes_alike_in_all_frames_are_not_a_ghost(across_cut, strokes):
    content, previous_content = across_cut
    same = strokes(1, 96, 128)
    stylized, previous = painted(content, same), painted(previous_content, same)
    assert abs(ghosting(stylized, previous, content, previous_content, everywhere(content)).item()) < 0.08


def test_the_contrast_and_colours_of_the_style_do_not_matter(across_cut, strokes):
    content, previous_content = across_cut
    previous = painted(previous_content, strokes(1, 96, 128, seed=1))
    stylized = 0.7 * painted(content, strokes(1, 96, 128, seed=2)) + 0.3 * previous
    plain = ghosting(stylized, previous, content, previous_content, everywhere(content))
    inverted = ghosting(
        1 - 0.2 * stylized, 1 - 0.2 * previous, content, previous_content, everywhere(content)
    )
    torch.testing.assert_close(plain, inverted, rtol=1e-3, atol=1e-4)


def test_only_the_region_is_measured(across_cut):
    content, previous_content = across_cut
    stylized = content.clone()
    stylized[..., :65] = (content + previous_content)[..., :65] / 2
    left = everywhere(content)
    left[..., 64:] = 0
    right = 1 - left
    right[..., 64] = 0  # its differences cross over
    images = stylized, previous_content, content, previous_content
    assert ghosting(*images, left).item() == pytest.approx(0.5, abs=1e-5)
    assert ghosting(*images, right).item() == pytest.approx(0, abs=1e-5)


def test_fast_motion_without_and_with_a_ghost(strokes):
    scene = Battle(144, 192, 6)
    previous, pure = (painted(scene.frame(i), strokes(1, 144, 192, seed=i)) for i in (1, 2))
    region = ghost_region(scene.backward_flow(2), 1 - scene.backward_valid(2))
    assert region.mean() > 0.5
    for strength in (0.0, 0.4):
        stylized = (1 - strength) * pure + strength * previous
        found = ghosting(stylized, previous, scene.frame(2), scene.frame(1), region).item()
        assert found == pytest.approx(strength, abs=0.1)


def test_what_cannot_show_a_ghost_is_not_defined(across_cut, strokes):
    content, previous_content = across_cut
    paintings = strokes(1, 96, 128, seed=1), strokes(1, 96, 128, seed=2)
    whole = everywhere(content)
    assert ghosting(*paintings, content, previous_content, whole).isnan()  # nothing of it is in the paintings
    assert ghosting(content, previous_content, content, previous_content, 0 * whole).isnan()
    assert ghosting(content, content, content, content, whole).isnan()
    flat = torch.full_like(content, 0.5)
    assert ghosting(flat, flat, content, previous_content, whole).isnan()
    assert ghosting(flat, flat, flat, flat, whole).isnan()
    few = 0 * whole
    few[..., 40:44, 40:44] = 1
    assert ghosting(previous_content, previous_content, content, previous_content, few).isnan()


def test_lanes_are_independent(across_cut, strokes):
    content, previous_content = (image.expand(3, -1, -1, -1) for image in across_cut)
    previous = painted(previous_content, strokes(3, 96, 128, seed=1))
    stylized = (
        painted(content, strokes(3, 96, 128, seed=2))
        + torch.tensor([0, 0.2, 0.5])[:, None, None, None] * previous
    )
    images = stylized, previous, content, previous_content, everywhere(content)
    together = ghosting(*images)
    for lane in range(3):
        alone = ghosting(*(image[lane : lane + 1] for image in images))
        torch.testing.assert_close(together[lane : lane + 1], alone, rtol=1e-6, atol=1e-9)


def test_the_region_is_fast_motion_and_what_it_disoccludes():
    flow, revealed = torch.zeros(1, 2, 3, 100), torch.zeros(1, 1, 3, 100)
    flow[0, 0, 1, 0], flow[0, 0, 1, 2] = -FAST_FLOW, FAST_FLOW * 0.99
    revealed[..., 1, 5:] = 1
    expected = torch.zeros(1, 1, 3, 100)
    expected[..., 1, 0] = 1
    expected[..., 1, 5 : UNCOVERED_WITHIN + 1] = 1
    assert torch.equal(ghost_region(flow, revealed), expected)


def test_nothing_is_measured_in_a_close_up():
    scene = Talk(96, 128, 4)
    assert ghost_region(scene.backward_flow(2), 1 - scene.backward_valid(2)).sum() == 0


def enlarged(image: Tensor, factor: int) -> Tensor:
    return image.repeat_interleave(factor, -1).repeat_interleave(factor, -2)


@pytest.mark.parametrize("factor", [1, 3, 6])
def test_a_frame_of_any_size_is_measured_as_the_same_frame_of_128_pixels(across_cut, strokes, factor):
    content, previous_content = across_cut
    previous = painted(previous_content, strokes(1, 96, 128, seed=1))
    stylized = 0.6 * painted(content, strokes(1, 96, 128, seed=2)) + 0.4 * previous
    images = stylized, previous, content, previous_content
    flow, revealed = torch.full((1, 2, 96, 128), 0.5), torch.zeros(1, 1, 96, 128)
    flow[..., 40:90] = 6
    revealed[..., 90:94] = 1
    motion = Motion(flow, torch.ones_like(revealed), revealed)
    large = Motion(*(enlarged(part, factor) for part in (factor * flow, motion.trust, revealed)))
    for at_128, at_any in ((None, None), (motion, large)):
        region = everywhere(stylized) if at_128 is None else ghost_region(flow, revealed)
        expected = ghosting(*images, region)
        found = frame_ghosting(*(enlarged(image, factor) for image in images), at_any)
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_a_frame_is_reduced_by_whole_pixels():
    assert reduced(torch.rand(2, 3, 240, 426)).shape == (2, 3, 80, 142)
    assert reduced(torch.rand(1, 1, 96, 160)).shape == (1, 1, 96, 160)
