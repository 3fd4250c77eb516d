from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vst.flow.prediction import explained, fill_disoccluded
from vst.metrics.newly_painted import CORE, newly_painted
from vst.metrics.octaves import octaves
from vst.synthetic.paintings import facets, ink, swirls
from vst.synthetic.scenes import Battle

SIZES = [(72, 128), (144, 256), (288, 512)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("draw", [swirls, facets, ink])
@pytest.mark.parametrize("name", ["strip", "figure"])
def test_a_region_that_was_left_unpainted_is_found(size, draw, name, painted, regions):
    content = Battle(*size, 4).frame(1)
    whole, region = painted(content, draw), regions(*size)[name]
    recoloured = fill_disoccluded(whole, 1 - region, content, max(size) // 16)

    def measured(inside: Tensor) -> float:
        return newly_painted(torch.where(region > 0, inside, whole), content, region).item()

    assert measured(content) < 0.15
    assert 0.5 < measured(whole) < 1.8
    assert measured(recoloured) < 0.45 * measured(whole)
    for start in (content, recoloured):
        mixtures = [measured(torch.lerp(start, whole, part)) for part in (0.25, 0.5, 0.75, 1)]
        assert mixtures == sorted(mixtures)
        assert mixtures[1] == pytest.approx(mixtures[3] / 2, rel=0.3)


@pytest.mark.parametrize("draw", [swirls, facets, ink])
def test_fainter_strokes_are_less(draw, painted, regions):
    content = Battle(144, 256, 4).frame(1)
    whole, region = painted(content, draw), regions(144, 256)["strip"]
    finer = painted(content, draw, scale=1 / 3)
    smooth = F.avg_pool2d(whole, 9, stride=1, padding=4, count_include_pad=False)
    values = [
        newly_painted(torch.where(region > 0, inside, whole), content, region).item()
        for inside in (smooth, whole)
    ]
    assert values[0] < 0.7 * values[1]
    assert newly_painted(torch.where(region > 0, finer, whole), content, region).item() < 3 * values[1]


def test_it_is_the_formula_where_one_place_remains():
    height, width = 48, 128
    content, strokes = torch.rand(2, 1, 3, height, width, generator=torch.Generator().manual_seed(0))
    region, other = torch.zeros(2, 1, 1, height, width)
    region[..., 64:] = 1
    other[..., :64] = 1
    energies = []
    for mask in (region, other):
        box = (..., slice(64, 128)) if mask is region else (..., slice(0, 64))
        remainder = strokes[box] - explained(strokes[box], mask[box], content[box], radius=4, least=1e-4)
        bands = octaves(remainder, mask[box], unit=1)
        energies.append(torch.stack([band.double().square().mean() for band in bands]))
    expected = (energies[0] / energies[1]).log().mean().div(2).exp()
    found = newly_painted(strokes, content, region)
    # the places 64, 56 and 48 pixels to the left are taken: they share most of their pixels
    torch.testing.assert_close(found[0], expected, rtol=0.1, atol=0)


def test_narrow_parts_do_not_count():
    content, strokes = torch.rand(2, 1, 3, 120, 240, generator=torch.Generator().manual_seed(1))
    narrow, wide = torch.zeros(2, 1, 1, 120, 240)
    narrow[..., 100 : 100 + 240 // CORE - 1] = 1
    wide[..., 230:] = 1
    assert newly_painted(strokes, content, narrow).isnan().all()
    both = newly_painted(strokes, content, torch.maximum(narrow, wide))
    torch.testing.assert_close(both, newly_painted(strokes, content, wide), rtol=0.05, atol=0)


def test_where_it_is_undefined():
    content, strokes = torch.rand(2, 1, 3, 48, 64, generator=torch.Generator().manual_seed(2))
    nothing, everything = torch.zeros(1, 1, 48, 64), torch.ones(1, 1, 48, 64)
    strip = nothing.clone()
    strip[..., 54:] = 1
    assert newly_painted(strokes, content, nothing).isnan().all()
    assert newly_painted(strokes, content, everything).isnan().all()
    plain = torch.full_like(content, 0.5)
    assert newly_painted(plain, plain, strip).isnan().all()
    assert newly_painted(strokes, content, strip).isfinite().all()


def test_lanes_are_independent():
    content, strokes = torch.rand(2, 3, 3, 48, 64, generator=torch.Generator().manual_seed(3))
    region = torch.zeros(3, 1, 48, 64)
    region[0, ..., 54:] = region[1, ..., :12, :] = 1
    together = newly_painted(strokes, content, region)
    alone = [
        newly_painted(*(part[lane : lane + 1] for part in (strokes, content, region))) for lane in range(3)
    ]
    torch.testing.assert_close(together, torch.cat(alone), equal_nan=True)
    assert together.isfinite().tolist() == [True, True, False]
