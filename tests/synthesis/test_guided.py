from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from vst.flow.warp import backward_warp, spline_warp
from vst.synthesis.guided import Exemplar, Guides, synthesise


def smooth(seed: int, height: int = 48, width: int = 64) -> Tensor:
    """A content of soft blobs."""
    noise = torch.rand(1, 3, height // 8, width // 8, generator=Generator().manual_seed(seed))
    return F.interpolate(noise, (height, width), mode="bicubic", align_corners=True).clamp(0, 1)


def paint(content: Tensor) -> Tensor:
    """Strokes over other colours than the content's."""
    rows, columns = torch.meshgrid(*map(torch.arange, content.shape[-2:]), indexing="ij")
    strokes = 0.15 * torch.sin(rows / 1.5 + columns / 2.5)
    return (0.6 * content.flip(1) + 0.2 + strokes).clamp(0, 1)


def guides(content: Tensor, flow: Tensor, before: Tensor, seen: float = 1.0) -> Guides:
    trust = torch.full_like(content[:, :1], seen)
    return Guides(content, flow, trust, before, trust)


def still(content: Tensor) -> Tensor:
    return torch.zeros_like(content[:, :2])


def contrast(image: Tensor) -> float:
    """The energy of what is finer than a few pixels."""
    return float((image - F.avg_pool2d(image, 5, 1, 2, count_include_pad=False)).square().mean())


def test_the_key_frame_itself_is_its_painting():
    content = smooth(0)
    painting = paint(content)
    out = synthesise(Exemplar(content, painting), guides(content, still(content), painting), Generator())
    assert (out - painting).abs().mean() < 0.005


@pytest.mark.parametrize("motion", [(4.0, -3.0), (4.5, -2.5)], ids=["whole", "half"])
def test_strokes_move_with_the_motion_and_do_not_wear(motion):
    content = smooth(0)
    painting = paint(content)
    flow = torch.zeros(1, 2, 48, 64)
    flow[:, 0], flow[:, 1] = motion
    there, expected = backward_warp(content, flow), spline_warp(painting, flow)
    out = synthesise(Exemplar(content, painting), guides(there, flow, expected), Generator())
    inner = (..., slice(6, -6), slice(6, -8))
    assert (out - expected)[inner].abs().mean() < 0.01
    assert contrast(out[inner]) > 0.9 * contrast(expected[inner])


def test_what_no_motion_leads_to_is_found_by_its_colours_and_edges_and_has_strokes():
    content = smooth(0)
    painting = paint(content)
    turned = content.flip(-1)
    nowhere = guides(turned, still(content), torch.full_like(content, 0.5), seen=0.0)
    out = synthesise(Exemplar(content, painting), nowhere, Generator())
    expected = F.avg_pool2d(0.6 * turned.flip(1) + 0.2, 9, 1, 4)
    unpainted = torch.full_like(out, float(painting.mean()))
    away, flat = (
        (F.avg_pool2d(image, 9, 1, 4) - expected)[..., 6:-6, 6:-6].abs().mean() for image in (out, unpainted)
    )
    assert away < 0.4 * flat
    assert contrast(out) > 0.4 * contrast(painting)


def test_flat_colours_do_not_take_one_place_for_all():
    content = torch.full((1, 3, 48, 64), 0.5)
    painting = paint(content)
    lost = guides(content, still(content), torch.full_like(content, 0.5), seen=0.0)
    out = synthesise(Exemplar(content, painting), lost, Generator())
    assert (out - painting).mean((1, 2, 3)).abs() < 0.03
    assert contrast(out) > 0.6 * contrast(painting)


def test_it_repeats_itself_by_its_generator():
    content = smooth(0)
    exemplar, asked = (
        Exemplar(content, paint(content)),
        guides(smooth(1), still(content), smooth(2), seen=0.5),
    )
    first, again, other = (synthesise(exemplar, asked, Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_size_down_to_a_few_pixels_is_painted():
    for height, width in ((1, 1), (3, 40), (33, 17)):
        content = torch.rand(1, 3, height, width, generator=Generator().manual_seed(0))
        out = synthesise(
            Exemplar(content, 1 - content), guides(content, still(content), 1 - content), Generator()
        )
        assert out.shape == content.shape
        assert out.isfinite().all()


def test_what_lies_beyond_the_key_frames_border_is_not_smeared_from_it():
    content = torch.full((1, 3, 64, 96), 0.5)
    painting = paint(content)
    painting[..., -6:] = 0.5  # as good as all else, for content that is the same everywhere
    flow = still(content)
    flow[:, 0] = 40
    seen = torch.zeros_like(content[:, :1])
    seen[..., :50] = 1
    asked = Guides(content, flow, seen, backward_warp(painting, flow), seen)
    out = synthesise(Exemplar(content, painting), asked, Generator())
    assert contrast(out[..., 60:]) > 0.5 * contrast(painting[..., :-6])
