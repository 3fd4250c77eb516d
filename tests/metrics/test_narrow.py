from __future__ import annotations

from itertools import product

import pytest
import torch

from vst.metrics.narrow import without_narrow_parts


@pytest.mark.parametrize("side", [2, 3, 4])
def test_it_is_the_union_of_all_squares_within(side):
    generator = torch.Generator().manual_seed(side)
    regions = (torch.rand(2, 1, 12, 17, generator=generator) < 0.85).float()
    expected = torch.zeros_like(regions)
    before = (side - 1) // 2
    for lane, y, x in product(range(2), range(-before, 12 - before), range(-before, 17 - before)):
        # what lies beyond the border is as the nearest pixel within
        rows, columns = (
            torch.arange(start, start + side).clamp(0, length - 1) for start, length in ((y, 12), (x, 17))
        )
        if regions[lane, 0][rows][:, columns].all():
            expected[lane, 0, rows[:, None], columns] = 1
    assert 0 < expected.sum() < regions.sum()
    assert torch.equal(without_narrow_parts(regions, side), expected)
