from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vst.metrics.strokes_kept import SMOOTHED_OVER, followed_energy, stroke_energy


def test_energy_is_the_formula_written_as_loops():
    image = np.random.default_rng(0).random((3, 9, 12))
    plain = np.zeros((9, 12))
    for channel, y, x in np.ndindex(3, 9, 12):
        if x < 11:
            plain[y, x] += (image[channel, y, x + 1] - image[channel, y, x]) ** 2
        if y < 8:
            plain[y, x] += (image[channel, y + 1, x] - image[channel, y, x]) ** 2
    reach = SMOOTHED_OVER // 2
    expected = np.zeros((9, 12))
    for y, x in np.ndindex(9, 12):
        window = plain[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        expected[y, x] = window.mean()
    found = stroke_energy(torch.from_numpy(image)[None])
    np.testing.assert_allclose(found[0, 0].numpy(), expected, rtol=1e-12)


def test_strokes_that_only_move_are_kept(strokes):
    wide = strokes(1, 48, 80)
    flow, revealed = torch.zeros(1, 2, 48, 64), torch.zeros(1, 1, 48, 64)
    flow[:, 0], revealed[..., -4:] = 4, 1
    painted = stroke_energy(wide[..., :64])
    for step in range(1, 4):
        energy = stroke_energy(wide[..., 4 * step : 4 * step + 64])
        kept, painted = followed_energy(energy, painted, flow, revealed)
        assert kept.item() == pytest.approx(1, abs=0.05)
        assert torch.equal(painted[..., -4:], energy[..., -4:])


def test_wear_is_measured_from_where_a_stroke_was_painted(strokes):
    image, still = strokes(1, 48, 64), torch.zeros(1, 2, 48, 64)
    painted, figures = stroke_energy(image), []
    for _ in range(4):
        image = F.avg_pool2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        kept, painted = followed_energy(stroke_energy(image), painted, still, still[:, :1])
        figures.append(kept.item())
    assert figures == sorted(figures, reverse=True)
    assert figures[3] < 0.5 * figures[0] < 0.5
    fresh, painted = followed_energy(stroke_energy(image), painted, still, 1 + still[:, :1])
    assert fresh.isnan()
    again, _ = followed_energy(stroke_energy(image), painted, still, still[:, :1])
    assert again.item() == 1


def test_sharpening_is_above_one_and_a_plain_picture_is_undefined(strokes):
    image, still = strokes(2, 48, 64), torch.zeros(2, 2, 48, 64)
    painted = stroke_energy(image)
    painted[1] = 0
    kept, _ = followed_energy(stroke_energy(1.5 * image), painted, still, still[:, :1])
    assert kept[0].item() == pytest.approx(2.25)
    assert kept[1].isnan()
