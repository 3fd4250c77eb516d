from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vst.flow.neighbour import Neighbour
from vst.flow.prediction import at_distances, combine, fill_disoccluded, nearest_reliable


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_each_pixel_is_held_by_the_nearest_frame_that_shows_it():
    # four pixels: shown by the first, by the second only, half by the first, by none
    trusts = [torch.tensor([1.0, 0.0, 0.5, 0.0]), torch.tensor([1.0, 1.0, 1.0, 0.0]), torch.ones(4)]
    trusts[2][3] = 0
    found = nearest_reliable([trust.view(1, 1, 1, 4) for trust in trusts])
    assert [weight.flatten().tolist() for weight in found] == [[1, 0, 0.5, 0], [0, 1, 0.5, 0], [0, 0, 0, 0]]


def test_held_to_the_combined_prediction_the_gradient_is_that_of_all():
    predictions = [rand(2, 3, 4, 5, seed=n) for n in range(3)]
    weights = [rand(2, 1, 4, 5, seed=10 + n) for n in range(3)]
    x = rand(2, 3, 4, 5, seed=20).double().requires_grad_()
    several = sum((w * (x - p).square()).sum() for w, p in zip(weights, predictions, strict=True))
    together, weight = combine(predictions, weights)
    one = (weight * (x - together).square()).sum()
    (expected,), (found,) = (torch.autograd.grad(value, x) for value in (several, one))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_without_weight_the_first_prediction_stands():
    first, second, none = rand(1, 3, 2, 2), rand(1, 3, 2, 2, seed=1), torch.zeros(1, 1, 2, 2)
    prediction, weight = combine([first, second], [none, none])
    assert torch.equal(prediction, first)
    assert weight.sum() == 0


def test_a_painting_that_follows_from_the_content_is_continued_where_it_is_not_seen():
    content = rand(2, 3, 24, 30, seed=1)
    matrix = torch.tensor([[0.5, 0.1, 0.0], [0.0, 0.4, 0.2], [0.1, 0.0, 0.6]])
    painting = torch.einsum("cd,ldhw->lchw", matrix, content) + 0.1
    seen = torch.ones(2, 1, 24, 30)
    seen[..., 10:] = 0
    known = torch.where(seen > 0, painting, 9.0)
    filled = fill_disoccluded(known, seen, content, radius=4)
    assert torch.equal(filled[..., :10], painting[..., :10])
    assert (filled - painting).abs().max() < 0.02, "but for the ridge"


def test_filling_invents_nothing_that_is_not_finite_and_lanes_do_not_see_each_other():
    image, content, seen = rand(2, 3, 9, 11), rand(2, 3, 9, 11, seed=1), torch.ones(2, 1, 9, 11)
    seen[0] = 0
    seen[1, :, 4:] = 0
    both = fill_disoccluded(image, seen, content, radius=2)
    assert both.isfinite().all()
    alone = fill_disoccluded(image[1:], seen[1:], content[1:], radius=2)
    torch.testing.assert_close(both[1:], alone, rtol=1e-5, atol=1e-5)
    flat = fill_disoccluded(image, seen, torch.full_like(content, 0.5), radius=2)
    assert flat.isfinite().all()


@pytest.mark.parametrize(("distances", "found"), [((1,), [1]), ((1, 4), [1, 4]), ((7,), [])])
def test_frames_are_chosen_by_their_distance(distances, found):
    image = rand(1, 3, 4, 4)
    past = [Neighbour(image, image, image, lambda a, b: a[:, :2], distance) for distance in (1, 2, 4)]
    assert [neighbour.distance for neighbour in at_distances(past, distances)] == found


def test_what_nearer_frames_show_in_part_is_taken_from_their_masks_as_they_were():
    # equation 9 sums the masks, not what was left of them: 1 - (0.3 + 0.5), not 1 - (0.3 + 0.2)
    trusts = [torch.full((1, 1, 1, 1), value) for value in (0.3, 0.5, 1.0)]
    assert [weight.item() for weight in nearest_reliable(trusts)] == pytest.approx([0.3, 0.2, 0.2])
    assert nearest_reliable([]) == []


def test_a_pixel_is_never_held_by_more_than_one_frame_in_all():
    trusts = [rand(2, 1, 6, 7, seed=n) for n in range(4)]
    left = nearest_reliable(trusts)
    assert torch.equal(left[0], trusts[0])
    assert all((weight >= 0).all() for weight in left)
    assert torch.stack(left).sum(0).max() <= 1


def test_what_is_seen_in_part_is_mixed_of_what_is_known_and_what_is_filled():
    image, content, seen = rand(1, 3, 12, 14), rand(1, 3, 12, 14, seed=1), torch.ones(1, 1, 12, 14)
    none = seen.clone()
    none[..., 3, 4] = 0
    filled = fill_disoccluded(image, none, content, radius=3)[..., 3, 4]
    none[..., 3, 4] = 0.5
    mixed = fill_disoccluded(image, none, content, radius=3)[..., 3, 4]
    # half of one pixel of 49 hardly changes the regression
    torch.testing.assert_close(mixed, (image[..., 3, 4] + filled) / 2, rtol=0, atol=0.02)
    assert (filled - image[..., 3, 4]).abs().max() > 0.1


def test_filling_takes_the_colours_from_around_rather_than_from_afar():
    # the painting is dark on the left and bright on the right, of one and the same grey content
    content, image = torch.full((1, 3, 20, 60), 0.5), torch.full((1, 3, 20, 60), 0.2)
    image[..., 30:] = 0.8
    seen = torch.ones(1, 1, 20, 60)
    seen[..., 8:12, 8:12] = seen[..., 8:12, 48:52] = 0
    filled = fill_disoccluded(image, seen, content, radius=5)
    # a tenth of the weight is the whole frame's, whose mean is 0.5: about 0.2 + 0.1 · 0.3 of each
    assert filled[..., 8:12, 8:12].mean().item() == pytest.approx(0.23, abs=0.02)
    assert filled[..., 8:12, 48:52].mean().item() == pytest.approx(0.77, abs=0.02)
