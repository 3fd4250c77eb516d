from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vst.frames import Frame
from vst.losses.loss import Loss
from vst.losses.range import RangeLoss
from vst.losses.revealed import RevealedStyle
from vst.losses.style import StyleLoss
from vst.losses.target import Regions
from vst.painting.course import Course
from vst.painting.mixture import EXPONENT, Ingredient, Mixture, Recipe

LAYERS = ("conv1_1",)
IMAGE = torch.zeros(1, 3, 4, 4)


def frame(source_index: int) -> Frame:
    return Frame(IMAGE, 0, source_index, source_index)


@pytest.mark.parametrize(
    ("given", "values"),
    [
        (2, [2, 2, 2, 2]),
        ({0: 0, 30: 1}, [0, 0.5, 1, 1]),
        ({30: 1, 0: 0}, [0, 0.5, 1, 1]),
        ({15: 4}, [4, 4, 4, 4]),
        ({10: 1, 20: 3, 30: 0}, [1, 2, 0, 0]),
    ],
)
def test_a_course_is_linear_between_its_frames_and_constant_beyond(given, values) -> None:
    course = Course.of(given)
    assert [course.at(index) for index in (0, 15, 30, 99)] == values
    assert course.constant == (len(set(values)) == 1)


def test_weights_are_relative_to_each_other() -> None:
    mixture = Mixture([Ingredient(IMAGE, Course.of(3)), Ingredient(IMAGE, Course.of({0: 1, 10: 0}))])
    assert mixture.recipe(frame(0)).shares == [0.75, 0.25]
    assert mixture.recipe(frame(5)).shares == pytest.approx([3 / 3.5, 0.5 / 3.5])
    assert mixture.recipe(frame(10)).shares == [1, 0]
    assert not mixture.constant
    assert Mixture([Ingredient(IMAGE, Course.of(0))]).recipe(frame(0)).shares == [0]


def test_paintings_and_strength_that_stay_are_constant() -> None:
    assert Mixture([Ingredient(IMAGE), Ingredient(IMAGE, Course.of({0: 2, 9: 2}))]).constant
    assert not Mixture([Ingredient(IMAGE)], strength=Course.of({0: 0, 9: 1})).constant


def test_only_what_asks_for_the_style_is_weighed() -> None:
    first, second, of_second = StyleLoss(7, LAYERS), StyleLoss(7, LAYERS), RevealedStyle(7, LAYERS)
    second.image = of_second.image = 1
    losses: dict[str, Loss] = {
        "style": first,
        "style_night": second,
        "revealed": RevealedStyle(7, LAYERS),
        "revealed_night": of_second,
        "range": RangeLoss(7),
    }
    assert Recipe(0, [1, 0], 1).factors(losses) == {"style_night": 0, "revealed_night": 0}
    half = 0.5**EXPONENT
    assert Recipe(0, [0.25, 0.75], 0.5).factors(losses) == {
        "style": 0.25 * half,
        "style_night": 0.75 * half,
        "revealed": 0.25 * half,
        "revealed_night": 0.75 * half,
    }
    assert Recipe(0, [1], 1).factors({"style": first}) == {}, "as before there were several"


def regions_of(*masks: Tensor | None) -> Regions:
    named = [
        None if mask is None else Still(Path(f"{number}.png"), mask) for number, mask in enumerate(masks)
    ]
    found = Mixture([Ingredient(IMAGE, mask=mask) for mask in named]).regions(frame(0))  # ty: ignore[invalid-argument-type]
    assert found is not None
    return found


@dataclass
class Still:
    """A stand-in for a mask that is a picture."""

    path: Path
    image: Tensor
    moves: bool = False

    def at(self, index: int) -> Tensor:
        return self.image


LEFT = torch.tensor([1.0, 0.5, 0.0, 0.0]).expand(1, 1, 4, 4)
RIGHT = torch.tensor([0.0, 0.0, 0.5, 1.0]).expand(1, 1, 4, 4)


def test_without_masks_there_are_no_regions() -> None:
    assert Mixture([Ingredient(IMAGE), Ingredient(IMAGE)]).regions(frame(0)) is None


def test_what_no_mask_covers_stays_content() -> None:
    found = regions_of(LEFT, RIGHT)
    torch.testing.assert_close(found.of, [LEFT, RIGHT])
    torch.testing.assert_close(found.whole, LEFT + RIGHT)


def test_a_painting_without_a_mask_has_what_the_masks_leave() -> None:
    found = regions_of(LEFT, None, None)
    torch.testing.assert_close(found.of, [LEFT, 1 - LEFT, 1 - LEFT])
    torch.testing.assert_close(found.whole, torch.ones_like(LEFT))


def test_masks_that_overlap_share_the_place() -> None:
    found = regions_of(LEFT, torch.ones_like(LEFT), None)
    first, second, rest = found.of
    torch.testing.assert_close(first + second, torch.ones_like(LEFT))
    torch.testing.assert_close(first[..., 0], second[..., 0])
    assert float(rest.max()) == 0


def test_weights_are_relative_within_a_region() -> None:
    mask = Still(Path("left.png"), LEFT)
    mixture = Mixture(
        [
            Ingredient(IMAGE, Course.of(3), mask),  # ty: ignore[invalid-argument-type]
            Ingredient(IMAGE, Course.of(5)),
            Ingredient(IMAGE, Course.of(1), mask),  # ty: ignore[invalid-argument-type]
        ]
    )
    assert mixture.recipe(frame(0)).shares == [0.75, 1, 0.25]
    assert mixture.constant
    mask.moves = True
    assert not mixture.constant
