from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import griddata
from scipy.ndimage import map_coordinates
from torch import Tensor

from vst.flow.warp import (
    EMPTY_BELOW,
    backward_warp,
    compose_flows,
    forward_splat,
    splat_coverage,
    spline_warp,
    unworn_warp,
)
from vst.synthetic.scenes import Anime, Battle, Talk

WARPS = [backward_warp, forward_splat]


def constant_flow(dx: float, dy: float, height: int, width: int) -> Tensor:
    return torch.tensor([dx, dy]).view(1, 2, 1, 1).expand(1, 2, height, width).contiguous()


def affine(height: int, width: int) -> Tensor:
    y, x = torch.meshgrid(torch.arange(height).double(), torch.arange(width).double(), indexing="ij")
    return torch.stack([0.3 * x - 0.7 * y + 2, x + y, 5 - 0.25 * x])[None]


def splat_by_loops(image: np.ndarray, flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The splat with its filling, pixel by pixel, for one lane whose every row and column is reached."""
    channels, height, width = image.shape
    sums, weights = np.zeros((channels, height, width)), np.zeros((height, width))
    for y, x in np.ndindex(height, width):
        to_x, to_y = x + flow[0, y, x], y + flow[1, y, x]
        for row, column in itertools.product(
            (math.floor(to_y), math.floor(to_y) + 1), (math.floor(to_x), math.floor(to_x) + 1)
        ):
            weight = (1 - abs(to_x - column)) * (1 - abs(to_y - row))
            if 0 <= row < height and 0 <= column < width:
                sums[:, row, column] += weight * image[:, y, x]
                weights[row, column] += weight
    filled = weights >= EMPTY_BELOW
    result = np.where(filled, sums / np.where(filled, weights, 1), 0)
    holes = np.argwhere(~filled)
    patched = result.copy()
    for y, x in holes:
        total, share = 0, 0
        reachable = []
        for values, line, at in ((result[:, y, :], filled[y], x), (result[:, :, x], filled[:, x], y)):
            before = [i for i in range(at) if line[i]][-1:]
            after = [i for i in range(at + 1, len(line)) if line[i]][:1]
            reachable += [(abs(i - at), values[:, i]) for i in before + after]
            if before and after:
                gap = after[0] - before[0]
                value = (
                    values[:, before[0]] * (after[0] - at) + values[:, after[0]] * (at - before[0])
                ) / gap
                total, share = total + value / gap, share + 1 / gap
        if share:
            patched[:, y, x] = total / share
        else:
            nearest = min(distance for distance, _ in reachable)
            patched[:, y, x] = np.mean(
                [value for distance, value in reachable if distance == nearest], axis=0
            )
    return patched, weights


@pytest.mark.parametrize("warp", WARPS)
@pytest.mark.parametrize("size", [(144, 256), (1, 1), (1, 7), (9, 1), (437, 1023)])
def test_zero_flow_is_the_identity_bit_for_bit(warp, size):
    image = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    assert torch.equal(warp(image, torch.zeros(2, 2, *size)), image)


@given(dx=st.integers(-5, 5), dy=st.integers(-5, 5))
@settings(deadline=None, max_examples=30)
def test_whole_pixel_translations_are_exact(dx, dy):
    height, width = 12, 17
    image = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))
    flow = constant_flow(dx, dy, height, width)
    rows, columns = torch.arange(height), torch.arange(width)
    sampled = image[:, :, (rows + dy).clamp(0, height - 1)][..., (columns + dx).clamp(0, width - 1)]
    assert torch.equal(backward_warp(image, flow), sampled)
    # A translation leaves only a margin unfilled, where the nearest row and column stand in.
    pushed = image[:, :, (rows - dy).clamp(0, height - 1)][..., (columns - dx).clamp(0, width - 1)]
    reached = splat_coverage(flow)[0, 0] == 1
    assert reached.sum() == (height - abs(dy)) * (width - abs(dx))
    assert torch.equal(forward_splat(image, flow)[..., reached], pushed[..., reached])


def test_both_warps_follow_a_thing_that_moves():
    previous, current = torch.zeros(1, 3, 20, 30), torch.zeros(1, 3, 20, 30)
    previous[..., 5:9, 10:14] = 1
    current[..., 7:11, 15:19] = 1  # five to the right, two down
    moved = constant_flow(5, 2, 20, 30)
    assert torch.equal(forward_splat(previous, moved), current)
    assert torch.equal(backward_warp(previous, -moved), current)


def test_backward_warp_interpolates_as_scipy_does(smooth_flow):
    image = torch.rand(2, 3, 40, 50, generator=torch.Generator().manual_seed(2)).double()
    flow = smooth_flow(2, 40, 50, size=8).double()
    y, x = np.mgrid[:40, :50]
    expected = [
        [map_coordinates(c, [y + f[1], x + f[0]], order=1, mode="nearest") for c in lane]
        for lane, f in zip(image.numpy(), flow.numpy(), strict=True)
    ]
    torch.testing.assert_close(backward_warp(image, flow), torch.from_numpy(np.array(expected)))


def test_backward_warp_has_the_right_gradients():
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(2, 2, 5, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    # Shares well inside a pixel, since the gradient jumps where a target crosses a pixel centre.
    whole = torch.randint(-2, 3, (2, 2, 5, 6), generator=generator)
    flow = (whole + 0.2 + 0.6 * torch.rand(2, 2, 5, 6, generator=generator)).double().requires_grad_()
    assert torch.autograd.gradcheck(backward_warp, (image, flow))


def test_forward_splat_has_the_right_gradient_in_the_image(smooth_flow):
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(1, 2, 6, 7, generator=generator, dtype=torch.float64, requires_grad=True)
    flow = smooth_flow(1, 6, 7).double()
    assert torch.autograd.gradcheck(lambda image: forward_splat(image, flow), (image,))


@pytest.mark.parametrize("seed", range(4))
def test_forward_splat_agrees_with_the_slow_way(smooth_flow, seed):
    image = torch.rand(1, 3, 14, 18, generator=torch.Generator().manual_seed(seed)).double()
    flow = smooth_flow(1, 14, 18, size=2.5, seed=seed).double()
    expected, weights = splat_by_loops(image[0].numpy(), flow[0].numpy())
    assert (weights < EMPTY_BELOW).any()
    torch.testing.assert_close(splat_coverage(flow)[0, 0], torch.from_numpy(weights))
    torch.testing.assert_close(forward_splat(image, flow)[0], torch.from_numpy(expected))


def unfill(flow: Tensor, holes: Tensor) -> Tensor:
    """Zero flow that leaves the holes (H, W) unfilled, since their pixels leave the frame."""
    return torch.where(holes, torch.full_like(flow, 1e4), 0)


@given(seed=st.integers(0, 10**6), share=st.sampled_from([0.1, 0.5, 0.8]))
@settings(deadline=None, max_examples=25)
def test_an_affine_image_is_filled_exactly(seed, share):
    holes = torch.rand(16, 21, generator=torch.Generator().manual_seed(seed)) < share
    holes[[0, -1]] = False
    holes[:, [0, -1]] = False
    image = affine(16, 21)
    prediction = forward_splat(image, unfill(torch.zeros(1, 2, 16, 21).double(), holes))
    torch.testing.assert_close(prediction, image, rtol=0, atol=1e-12)


def test_filling_is_close_to_linear_interpolation_over_triangles():
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(50.0), indexing="ij")
    image = (torch.sin(x / 9) * torch.cos(y / 7)).double()[None, None]
    holes = torch.zeros(40, 50, dtype=torch.bool)
    holes[10:16, 20:25] = True
    holes[25:28, 5:40] = True
    holes[:, 45] = True
    filled = forward_splat(image, unfill(torch.zeros(1, 2, 40, 50).double(), holes))[0, 0]
    known = np.argwhere(~holes.numpy())
    linear = griddata(known, image[0, 0][~holes].numpy(), np.argwhere(holes.numpy()), method="linear")
    assert np.abs(filled[holes].numpy() - linear).max() < 0.1


def test_no_pixel_stays_unfilled():
    image = torch.rand(3, 3, 11, 13, generator=torch.Generator().manual_seed(5)) + 1
    flow = torch.full((3, 2, 11, 13), 1e30)
    flow[0, :, 4, 6] = 0  # a single pixel stays, of the next lane none, of the last all
    flow[2] = 0
    prediction = forward_splat(image, flow)
    assert torch.equal(prediction[0], image[0, :, 4:5, 6:7].expand(-1, 11, 13))
    assert torch.equal(prediction[1:], image[1:])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("component", [0, 1])
def test_flow_that_is_not_finite_harms_no_other_pixel(bad, component):
    image = affine(9, 12)
    flow = torch.zeros(1, 2, 9, 12, dtype=torch.float64)
    flow[0, component, 4, 5] = bad
    assert splat_coverage(flow)[0, 0, 4, 5] == 0
    torch.testing.assert_close(forward_splat(image, flow), image)
    assert torch.equal(backward_warp(image, flow), image)


@pytest.mark.parametrize("warp", WARPS)
def test_lanes_are_independent(warp, smooth_flow):
    image = torch.rand(3, 3, 20, 30, generator=torch.Generator().manual_seed(6))
    flow = smooth_flow(3, 20, 30, size=6)
    flow[1] = 1e4  # nothing of this lane stays in the frame
    together = warp(image, flow)
    for lane in range(3):
        assert torch.equal(together[lane : lane + 1], warp(image[lane : lane + 1], flow[lane : lane + 1]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("warp", WARPS)
def test_cuda_agrees_with_the_cpu(warp, smooth_flow):
    image, flow = torch.rand(2, 3, 40, 50), smooth_flow(2, 40, 50, size=5)
    torch.testing.assert_close(warp(image.cuda(), flow.cuda()).cpu(), warp(image, flow), rtol=1e-4, atol=1e-4)


def test_one_flow_after_another():
    composed = compose_flows(constant_flow(2, 0, 9, 12), constant_flow(0.5, -1, 9, 12))
    torch.testing.assert_close(composed, constant_flow(2.5, -1, 9, 12))


def test_the_second_flow_is_read_where_the_first_has_led():
    second = torch.zeros(1, 2, 4, 10)
    second[:, 1, :, 6:] = 3.0
    composed = compose_flows(constant_flow(2, 0, 4, 10), second)
    assert composed[0, 1, 0].tolist() == [0, 0, 0, 0, 3, 3, 3, 3, 3, 3]
    assert composed[0, 0].unique().tolist() == [2]


@pytest.mark.parametrize("kind", [Talk, Anime, Battle])
def test_two_steps_of_a_scene_are_its_motion_over_both(kind):
    scene, i = kind(96, 128, 8), 3
    composed = compose_flows(scene.backward_flow(i), scene.backward_flow(i - 1))
    shown = (scene.backward_valid(i) * scene.backward_valid(i, 2)) > 0
    error = (composed - scene.backward_flow(i, 2)).norm(dim=1, keepdim=True)[shown]
    # beside a thing's edge, where two motions are mixed, it is off, and nowhere else
    assert error.median() < 1e-4
    assert (error < 0.05).float().mean() > 0.85
    one_step = (scene.backward_flow(i) - scene.backward_flow(i, 2)).norm(dim=1, keepdim=True)[shown]
    assert error.mean() < 0.05 * one_step.mean()


def test_a_spline_warp_is_the_interpolation_of_scipy():
    rng = np.random.default_rng(0)
    image, flow = rng.random((2, 3, 13, 17)), rng.normal(0, 4, (2, 2, 13, 17))
    flow[:, :, 3] = np.round(flow[:, :, 3])
    found = spline_warp(*map(torch.from_numpy, (image, flow))).numpy()
    rows, columns = np.mgrid[:13, :17]
    for lane, channel in np.ndindex(2, 3):
        at = [np.clip(rows + flow[lane, 1], 0, 12), np.clip(columns + flow[lane, 0], 0, 16)]
        expected = map_coordinates(image[lane, channel], at, order=3, mode="mirror")
        np.testing.assert_allclose(found[lane, channel], expected, atol=1e-7)


def test_a_spline_warp_keeps_what_lies_at_pixel_centres():
    image = torch.rand(1, 3, 9, 11, generator=torch.Generator().manual_seed(0))
    assert torch.equal(spline_warp(image, torch.zeros(1, 2, 9, 11)), image)
    moved = spline_warp(image, constant_flow(2, -1, 9, 11))
    assert torch.equal(moved[..., 1:, :-2], image[..., :-1, 2:])
    assert torch.equal(spline_warp(image, torch.full((1, 2, 9, 11), torch.nan)), image)
    assert spline_warp(image[..., :1, :1], constant_flow(0.5, 0.5, 1, 1)).equal(image[..., :1, :1])


@pytest.mark.parametrize(("wave", "kept"), [(4, 0.97), (8, 0.998)])
def test_a_spline_warp_keeps_fine_waves(wave, kept):
    x = torch.arange(160, dtype=torch.double)
    image = (2 * math.pi * x / wave).cos().expand(1, 1, 8, 160)
    moved = spline_warp(image, constant_flow(0.5, 0, 8, 160).double())
    expected = (2 * math.pi * (x + 0.5) / wave).cos().expand(1, 1, 8, 160)
    inner = (..., slice(20, 140))
    amplitude = (moved[inner] * expected[inner]).sum() / expected[inner].square().sum()
    assert amplitude == pytest.approx(kept, abs=0.003)
    linear = backward_warp(image, constant_flow(0.5, 0, 8, 160).double())
    assert (linear - expected)[inner].abs().max() > 5 * (moved - expected)[inner].abs().max()


@pytest.mark.parametrize(("wave", "worn"), [(3, 0.125), (3.5, 0.055), (4, 0.028)])
def test_an_unworn_warp_wears_the_finest_waves_half_as_much(wave, worn):
    x = torch.arange(160, dtype=torch.double)
    image = (2 * math.pi * x / wave).cos().expand(1, 1, 16, 160)
    expected = (2 * math.pi * (x + 0.5) / wave).cos().expand(1, 1, 16, 160)
    flow = constant_flow(0.5, 0, 16, 160).double()
    inner = (..., slice(20, 140))
    lost, of_splines = (
        1 - ((warp(image, flow) * expected)[inner].sum() / expected[inner].square().sum()).item()
        for warp in (unworn_warp, spline_warp)
    )
    assert of_splines == pytest.approx(worn, abs=0.002)
    assert 0 <= lost < worn / 2


def test_strokes_that_move_for_long_keep_their_energy():
    noise = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(3))
    began = F.avg_pool2d(F.avg_pool2d(noise, 3, 1, 1), 3, 1, 1)
    inner, left = (..., slice(8, -8), slice(8, -8)), {}
    for warp in (unworn_warp, spline_warp):
        image = began
        for step in range(24):
            # there and back, by what is never at pixel centres
            image = warp(image, constant_flow(*((0.4, 0.3) if step % 2 else (-0.4, -0.3)), 48, 48))
        now, then = (part[inner].diff(dim=-1).square().mean() for part in (image, began))
        left[warp] = (now / then).item()
    assert left[spline_warp] < 0.8
    assert left[unworn_warp] == pytest.approx(1, abs=0.1)


def test_an_unworn_warp_is_the_splines_where_they_lose_nothing():
    image = torch.rand(1, 3, 9, 11, generator=torch.Generator().manual_seed(0))
    moved = unworn_warp(image, constant_flow(2, -1, 9, 11))
    assert torch.equal(moved[..., 1:, :-2], image[..., :-1, 2:])
    assert torch.equal(unworn_warp(image, torch.full((1, 2, 9, 11), torch.nan)), image)
    assert unworn_warp(image[..., :1, :1], constant_flow(0.5, 0.5, 1, 1)).equal(image[..., :1, :1])
    plane, flow = affine(24, 24), constant_flow(0.5, 0.25, 24, 24).double()
    inner = (..., slice(9, -9), slice(9, -9))
    torch.testing.assert_close(
        unworn_warp(plane, flow)[inner], spline_warp(plane, flow)[inner], atol=1e-6, rtol=0
    )


def test_an_unworn_warp_never_restores_more_than_it_may():
    # strokes that are moved into a plain area, and a plain area into strokes: neither is amplified without end
    image = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(4))
    image[..., 20:] = 0.5
    moved = unworn_warp(image, constant_flow(-7.5, 0, 40, 40))
    assert moved.min() > -0.5
    assert moved.max() < 1.5
    assert moved[..., 36:].sub(0.5).abs().max() < 1e-3


def test_a_spline_warp_has_the_gradient_of_its_interpolation():
    image = torch.rand(
        1, 2, 5, 6, dtype=torch.double, generator=torch.Generator().manual_seed(1), requires_grad=True
    )
    flow = torch.randn(1, 2, 5, 6, dtype=torch.double, generator=torch.Generator().manual_seed(2))
    assert torch.autograd.gradcheck(lambda image: spline_warp(image, flow), (image,))
