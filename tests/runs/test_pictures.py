from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from vst.runs.pictures import coloured, key_frame_sheet, legend, residual_sheet, side_by_side

# the first, the middle and the last of magma's 256 colours, as its authors publish them
BLACK, MIDDLE, LAST = (0, 0, 4), (183, 55, 121), (252, 253, 191)


def plain(value: float, height: int = 30, width: int = 300) -> Tensor:
    return torch.full((1, 3, height, width), value)


@pytest.mark.parametrize("scale", [1.0, 0.25, 0.01])
def test_values_have_the_colours_of_the_scale(scale):
    values = torch.tensor([[0.0, scale / 2, scale], [3 * scale, -scale, 0.999 * scale]])
    picture = coloured(values, scale)
    assert picture.dtype == np.uint8
    assert picture.shape == (2, 3, 3)
    found = [[tuple(pixel) for pixel in row] for row in picture.tolist()]
    expected = [[BLACK, MIDDLE, LAST], [LAST, BLACK, LAST]]
    np.testing.assert_allclose(found, expected, atol=3)
    assert found[0][0] == found[1][1]
    assert found[0][2] == found[1][0]


def test_brightness_rises_with_the_value():
    picture = coloured(torch.linspace(0, 1, 256)[None], 1.0)[0].astype(float)
    brightness = picture @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness) > -0.5).all()
    assert len(np.unique(picture, axis=0)) > 250


def residuals(content: tuple[float, float], painted: tuple[float, float], scale: float) -> np.ndarray:
    images = [plain(value) for value in (*content, *painted)]
    return residual_sheet(*images, scale=scale)


def tiles_of(sheet: np.ndarray) -> list[tuple[int, ...]]:
    row = 22 + 15
    return [tuple(sheet[row, sheet.shape[1] * quarter // 4].tolist()) for quarter in (1, 3)]


def test_both_residuals_have_one_scale():
    # the same change in both, whatever else is in the other
    left, right = tiles_of(residuals((0.5, 0.375), (0.125, 0.25), 0.25))
    assert left == right
    np.testing.assert_allclose(left, MIDDLE, atol=3)
    left, right = tiles_of(residuals((0.5, 0.4), (0.9, 0.2), 0.2))
    np.testing.assert_allclose(left, MIDDLE, atol=3)
    np.testing.assert_allclose(right, LAST, atol=1)
    left, right = tiles_of(residuals((0.5, 0.5), (0.2, 0.4), 0.4))
    np.testing.assert_allclose(left, BLACK, atol=1)
    np.testing.assert_allclose(right, MIDDLE, atol=3)


def test_a_residual_is_the_mean_of_the_channels_changes():
    before, after = plain(0.5), plain(0.5)
    after[:, 0] += 0.3
    after[:, 1] -= 0.3  # which must not cancel
    left, right = tiles_of(residual_sheet(after, before, before, before, scale=0.4))
    np.testing.assert_allclose(left, MIDDLE, atol=3)
    np.testing.assert_allclose(right, BLACK, atol=1)


def test_the_legend_runs_over_the_whole_scale():
    sheet = residuals((0.5, 0.5), (0.5, 0.5), 0.4)
    bar = sheet[22 + 30 + 6 + 4, 6:-6]
    np.testing.assert_allclose(bar[0], BLACK, atol=1)
    np.testing.assert_allclose(bar[len(bar) // 2], MIDDLE, atol=4)
    np.testing.assert_allclose(bar[-1], LAST, atol=1)
    below = sheet[22 + 30 + 6 + 10 :]
    thirds = np.array_split(below, 3, axis=1)
    assert all((third < 100).any() for third in thirds)  # words at both ends and in the middle


def test_a_legend_grows_with_its_words():
    small, large = legend(300, 0.4), legend(600, 0.4, size=26)
    assert large.shape == (2 * small.shape[0], 600, 3)
    assert large.shape[0] == 2 * (10 + 22)
    np.testing.assert_allclose(large[8, 12], BLACK, atol=1)
    np.testing.assert_allclose(large[8, -13], LAST, atol=1)
    assert (large[:20, :12] == 255).all()


def test_the_legend_says_its_scale():
    # the same images under another scale have another legend, and other colours
    first, second = residuals((0.5, 0.5), (0.5, 0.5), 0.25), residuals((0.5, 0.5), (0.5, 0.5), 0.5)
    assert first.shape == second.shape
    changed = np.argwhere((first != second).any(2))
    assert len(changed)
    assert changed[:, 0].min() >= 22 + 30 + 6 + 10


def test_sheets_have_room_for_tiles_names_and_legend():
    assert key_frame_sheet(plain(0.5), plain(0.5)).shape == (22 + 30 + 6, 3 * 6 + 2 * 300, 3)
    assert residuals((0.5, 0.5), (0.5, 0.5), 0.25).shape == (22 + 30 + 6 + 10 + 22, 3 * 6 + 2 * 300, 3)
    small = plain(0.5, height=10, width=100)  # enlarged three times, to be wider than its name
    assert key_frame_sheet(small, small).shape == (22 + 30 + 6, 3 * 6 + 2 * 300, 3)


def test_pictures_stand_side_by_side_unchanged():
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (20, 280, 3), np.uint8) for _ in range(3)]
    sheet = side_by_side(pictures, ["a", "b", "c"])
    assert sheet.shape == (20 + 22 + 6, 3 * 280 + 4 * 6, 3)
    for place, picture in enumerate(pictures):
        left = 6 + place * 286
        assert np.array_equal(sheet[22:42, left : left + 280], picture)
    assert (sheet[:, :6] == 255).all()
    assert (sheet[:22] < 100).any()  # the names


def test_small_pictures_are_enlarged_without_smoothing():
    picture = np.random.default_rng(0).integers(0, 256, (4, 100, 3), np.uint8)
    sheet = side_by_side([picture], ["a"])
    assert np.array_equal(sheet[22 : 22 + 12 : 3, 6:306:3], picture)
    assert np.array_equal(sheet[24 : 22 + 12 : 3, 8:306:3], picture)


def test_as_many_names_as_pictures():
    picture = np.zeros((4, 300, 3), np.uint8)
    with pytest.raises(ValueError, match="zip"):
        side_by_side([picture, picture], ["a"])


def test_float_images_are_not_black():
    content, stylized = plain(0.4), plain(0.8)
    content[:, 0] = 1.7  # what lies outside of [0, 1] does not wrap around
    sheet = key_frame_sheet(content, stylized)
    assert sheet.dtype == np.uint8
    left, right = (tuple(sheet[37, sheet.shape[1] * quarter // 4].tolist()) for quarter in (1, 3))
    assert left == (255, 102, 102)
    assert right == (204, 204, 204)
