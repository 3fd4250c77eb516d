from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from vst.metrics.temporal import (
    STILL_CHANGE,
    STILL_FLOW,
    flicker,
    root_warping_error,
    still_mask,
    warping_error,
)
from vst.synthetic.scenes import Battle, Talk


def sampled(image: np.ndarray, channel: int, x: float, y: float) -> float:
    """Read an image (3, H, W) between pixels, its border continued."""
    height, width = image.shape[1:]
    at = [[min(max(y, 0), height - 1)], [min(max(x, 0), width - 1)]]
    return float(map_coordinates(image[channel], at, order=3, mode="mirror")[0])


def looped_warping_error(stylized, previous, flow, trust) -> float:
    total = weights = 0.0
    _, height, width = stylized.shape
    for channel in range(3):
        for row in range(height):
            for column in range(width):
                source = sampled(previous, channel, column + flow[0, row, column], row + flow[1, row, column])
                weight = trust[0, row, column]
                total += weight * (stylized[channel, row, column] - source) ** 2
                weights += weight
    return total / weights


def test_warping_error_is_the_formula_written_as_loops():
    rng = np.random.default_rng(0)
    stylized, previous = rng.random((2, 2, 3, 6, 7))
    flow = rng.normal(0, 3, (2, 2, 6, 7))
    trust = rng.random((2, 1, 6, 7)) * (rng.random((2, 1, 6, 7)) > 0.3)
    found = warping_error(*map(torch.from_numpy, (stylized, previous, flow, trust)))
    lanes = zip(stylized, previous, flow, trust, strict=True)
    expected = [looped_warping_error(*lane) for lane in lanes]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)


def test_warping_error_worked_by_hand():
    previous = torch.tensor([0.0, 0.2, 0.6]).expand(1, 3, 1, 3)
    stylized = torch.tensor([0.5, 0.1, 0.4]).expand(1, 3, 1, 3)
    flow = torch.zeros(1, 2, 1, 3)
    flow[0, 0] = torch.tensor([1.0, 1.0, -1.0])  # to 0.2, to 0.6, to 0.2
    trust = torch.tensor([1.0, 0.0, 1.0]).view(1, 1, 1, 3)
    # (0.3² + 0.2²) / 2, the same in all three channels
    assert warping_error(stylized, previous, flow, trust).item() == pytest.approx(0.065)


def test_identical_frames_have_no_error(strokes):
    image, still, all_of_it = strokes(2, 9, 12), torch.zeros(2, 2, 9, 12), torch.ones(2, 1, 9, 12)
    assert warping_error(image, image, still, all_of_it).tolist() == [0, 0]


def test_a_painting_that_moves_as_its_content_has_no_error(strokes):
    wide = strokes(1, 20, 36)
    previous, stylized = wide[..., :30], wide[..., 6:]  # what was at x + 6 is at x
    flow, trust = torch.zeros(1, 2, 20, 30), torch.ones(1, 1, 20, 30)
    flow[:, 0] = 6
    trust[..., -6:] = 0
    assert warping_error(stylized, previous, flow, trust).item() == 0
    assert warping_error(stylized, previous, -flow, trust).item() > 0.01  # the other way round it is wrong


def test_noise_has_the_error_of_two_independent_draws():
    first, second = torch.rand(2, 1, 3, 200, 200, generator=torch.Generator().manual_seed(0))
    error = warping_error(first, second, torch.zeros(1, 2, 200, 200), torch.ones(1, 1, 200, 200))
    assert error.item() == pytest.approx(1 / 6, rel=0.01)  # twice the variance of a uniform number


def test_a_lane_without_trusted_pixels_is_undefined(strokes):
    image, trust = strokes(2, 5, 6), torch.ones(2, 1, 5, 6)
    trust[1] = 0
    error = warping_error(image, image, torch.zeros(2, 2, 5, 6), trust)
    assert error[0] == 0
    assert error[1].isnan()


def test_what_is_not_trusted_may_be_anything(strokes):
    image, trust = strokes(1, 5, 6), torch.ones(1, 1, 5, 6)
    broken = image.clone()
    broken[..., 0, 0], trust[..., 0, 0] = torch.nan, 0
    assert warping_error(broken, image, torch.zeros(1, 2, 5, 6), trust).item() == 0


def test_the_root_is_that_of_a_mean():
    assert root_warping_error(torch.tensor([0.04, 0.09]).mean()).item() == pytest.approx(math.sqrt(0.065))


@pytest.mark.parametrize(("scene", "highest"), [(Talk(96, 128, 6), 5e-4), (Battle(96, 128, 6), 4e-3)])
def test_a_scene_agrees_with_itself_along_its_exact_motion(scene, highest):
    for interval in (1, 2):
        flow, visible = scene.backward_flow(2, interval), scene.backward_valid(2, interval)
        error = warping_error(scene.frame(2), scene.frame(2 - interval), flow, visible)
        # what is left is the error of sampling between pixels
        assert 0 < error.item() < highest
        assert warping_error(scene.frame(2), scene.frame(2 - interval), -flow, visible) > 2 * error


def test_still_is_what_neither_moves_nor_changes():
    content = torch.full((1, 3, 1, 5), 0.5)
    changed, flow, trust = content.clone(), torch.zeros(1, 2, 1, 5), torch.ones(1, 1, 1, 5)
    flow[0, :, 0, 1] = STILL_FLOW * 0.75  # 1.06 of it, being diagonal
    changed[0, 2, 0, 2] += STILL_CHANGE * 1.01
    trust[..., 3] = 0
    flow[0, 0, 0, 4], changed[0, :, 0, 4] = STILL_FLOW * 0.99, 0.5 - STILL_CHANGE * 0.99
    assert still_mask(changed, content, flow, trust).flatten().tolist() == [1, 0, 0, 0, 1]


def test_flicker_is_the_mean_change_of_still_pixels():
    rng = np.random.default_rng(1)
    stylized, previous = rng.random((2, 2, 3, 5, 6))
    still = (rng.random((2, 1, 5, 6)) > 0.5).astype(float)
    found = flicker(*map(torch.from_numpy, (stylized, previous, still)))
    for lane in range(2):
        chosen = still[lane, 0] > 0
        expected = np.abs(stylized[lane] - previous[lane])[:, chosen].mean()
        assert found[lane].item() == pytest.approx(expected, rel=1e-12)


def test_flicker_of_known_videos(strokes):
    image, everywhere = strokes(1, 100, 100), torch.ones(1, 1, 100, 100)
    assert flicker(image, image, everywhere).item() == 0
    assert flicker(image + 0.1, image, everywhere).item() == pytest.approx(0.1)
    first, second = torch.rand(2, 1, 3, 100, 100, generator=torch.Generator().manual_seed(0))
    assert flicker(first, second, everywhere).item() == pytest.approx(1 / 3, rel=0.02)
    assert flicker(image, image, 0 * everywhere).isnan()
