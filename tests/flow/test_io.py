from __future__ import annotations

import numpy as np
import pytest
import torch

from vst.errors import InputError
from vst.flow.io import read_flo, write_flo


def test_a_flow_comes_back_as_written(tmp_path):
    flow = torch.randn(1, 2, 5, 7, generator=torch.Generator().manual_seed(0))
    write_flo(tmp_path / "a.flo", flow)
    assert torch.equal(read_flo(tmp_path / "a.flo"), flow)


def test_the_layout_is_that_of_middlebury(tmp_path):
    path = tmp_path / "a.flo"
    path.write_bytes(b"PIEH" + np.array([2, 1], "<i4").tobytes() + np.array([1, 2, 3, 4], "<f4").tobytes())
    assert read_flo(path).tolist() == [[[[1, 3]], [[2, 4]]]]


def test_unknown_pixels_are_nan_and_stay_unknown(tmp_path):
    path = tmp_path / "a.flo"
    flow = torch.ones(1, 2, 2, 3)
    flow[0, 0, 0, 1] = torch.nan
    write_flo(path, flow)
    assert np.frombuffer(path.read_bytes()[12:], "<f4").max() > 1e9
    unknown = read_flo(path).isnan()
    assert unknown[0, :, 0, 1].all()
    assert unknown.sum() == 2


@pytest.mark.parametrize(
    "content", [b"", b"no flow", b"PIEH" + bytes(8), b"PIEH\x02\0\0\0\x02\0\0\0" + bytes(31)]
)
def test_what_is_no_flow_is_named(tmp_path, content):
    path = tmp_path / "broken.flo"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.flo"):
        read_flo(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.flo"):
        read_flo(tmp_path / "nowhere.flo")


def test_more_than_one_lane_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one flow field"):
        write_flo(tmp_path / "a.flo", torch.zeros(2, 2, 4, 4))
