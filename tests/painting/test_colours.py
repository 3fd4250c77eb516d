from __future__ import annotations

import colorsys
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from vst.errors import ClipBroke
from vst.frames import Frame
from vst.painting.colours import COLOURS, MatchedColours, StyleColours, luminance, matched
from vst.painting.mixture import Ingredient, Mixture
from vst.video.palette import Palette, palette_of, palettes_of_shots


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def muted(seed: int) -> Tensor:
    """A picture whose colours are far from 0 and 1, so that none is cut off."""
    return 0.4 + 0.2 * rand(1, 3, 30, 40, seed=seed) * torch.tensor([1.0, 0.5, 0.2]).view(1, 3, 1, 1)


def test_a_palette_is_the_mean_and_the_covariance_of_the_colours() -> None:
    image = rand(1, 3, 12, 10)
    found, colours = palette_of(image), image[0].flatten(1).double().numpy()
    np.testing.assert_allclose(found.mean.numpy(), colours.mean(1))
    np.testing.assert_allclose(found.covariance.numpy(), np.cov(colours, bias=True))


def test_every_shot_has_the_palette_of_all_its_frames() -> None:
    images = [rand(1, 3, 8, 8, seed=seed) for seed in range(5)]
    frames = [Frame(image, i, i + 7, i, cut=i == 3) for i, image in enumerate(images)]
    found = palettes_of_shots(frames)
    assert list(found) == [0, 3]
    for first, members in ((0, images[:3]), (3, images[3:])):
        whole = palette_of(torch.cat(members, dim=3))
        torch.testing.assert_close(found[first].mean, whole.mean)
        torch.testing.assert_close(found[first].covariance, whole.covariance)


def test_a_clip_that_breaks_has_the_palettes_of_what_there_is() -> None:
    def frames() -> Iterator[Frame]:
        yield Frame(rand(1, 3, 8, 8), 0, 0, 0)
        raise ClipBroke("clip", 1, "damaged")

    assert list(palettes_of_shots(frames())) == [0]


def test_a_matched_picture_has_the_colours_that_are_wanted() -> None:
    wanted = palette_of(muted(seed=1))
    found = palette_of(matched(rand(1, 3, 30, 40), wanted))
    torch.testing.assert_close(found.mean, wanted.mean, atol=1e-3, rtol=0)
    torch.testing.assert_close(found.covariance, wanted.covariance, atol=1e-4, rtol=0)


def test_a_picture_that_has_those_colours_stays_as_it_is() -> None:
    image = muted(seed=1)
    torch.testing.assert_close(matched(image, palette_of(image)), image)


@pytest.mark.parametrize("flat", ["style", "content", "both"])
def test_pictures_of_one_colour_are_matched_too(flat: str) -> None:
    plain = torch.full((1, 3, 8, 8), 0.25)
    style, content = (plain if flat in (side, "both") else muted(seed=1) for side in ("style", "content"))
    found = matched(style, palette_of(content))
    assert found.isfinite().all()
    torch.testing.assert_close(palette_of(found).mean, palette_of(content).mean, atol=1e-3, rtol=0)


def test_luminance_is_that_of_yiq() -> None:
    colour = rand(1, 3, 1, 1)
    y, _, _ = colorsys.rgb_to_yiq(*colour.flatten().tolist())
    # colorsys rounds the weights to two digits
    assert luminance(colour).flatten().tolist() == pytest.approx([y] * 3, abs=0.01)


def test_what_is_painted_in_luminance_has_the_contents_hue_and_the_canvas_light() -> None:
    canvas, content = rand(2, 3, 6, 5), rand(2, 3, 6, 5, seed=1)
    painted = COLOURS["luminance"].finished(canvas, content)
    torch.testing.assert_close(luminance(painted), luminance(canvas))
    of_red = (0.299 - 1, 0.587, 0.114)  # Y − R, and Y − B: colour differences
    of_blue = (0.299, 0.587, 0.114 - 1)
    for weights in (of_red, of_blue):
        difference = torch.tensor(weights).view(1, 3, 1, 1)
        torch.testing.assert_close((painted * difference).sum(1), (content * difference).sum(1))


def test_the_style_image_for_luminance_is_grey_with_the_light_of_the_shot() -> None:
    shot = palette_of(muted(seed=1))
    grey = COLOURS["luminance"].style(rand(1, 3, 30, 40), shot)
    torch.testing.assert_close(grey[:, 0], grey[:, 1])
    light = luminance(muted(seed=1))[:, 0]
    assert float(grey[:, 0].mean()) == pytest.approx(float(light.mean()), abs=1e-3)
    assert float(grey[:, 0].std()) == pytest.approx(float(light.std()), abs=1e-3)


def test_the_styles_own_colours_change_nothing() -> None:
    image, content = rand(1, 3, 6, 5), rand(1, 3, 6, 5, seed=1)
    colours = COLOURS["style"]
    assert colours.seen(image) is image
    assert colours.finished(image, content) is image
    mixture = Mixture([Ingredient(image)], colours)
    [style] = mixture.styles(mixture.recipe(Frame(content, 4, 4, 4)).shot)
    assert style is image


def test_all_frames_of_a_shot_have_one_style_image() -> None:
    shots = {0: palette_of(muted(seed=1)), 3: palette_of(rand(1, 3, 8, 8))}
    mixture = Mixture([Ingredient(rand(1, 3, 30, 40))], MatchedColours(), shots)
    assert not mixture.constant
    frames = [Frame(rand(1, 3, 8, 8), index, index + 9, index) for index in range(5)]
    found = [mixture.recipe(frame).shot for frame in frames]
    assert found == [0, 0, 0, 1, 1]
    for shot, palette in enumerate(shots.values()):
        mean = palette_of(mixture.styles(shot)[0]).mean
        torch.testing.assert_close(mean, palette.mean, atol=0.02, rtol=0)
    one, plain = [Ingredient(rand(1, 3, 8, 8))], Palette(torch.zeros(3), torch.zeros(3, 3))
    assert Mixture(one, MatchedColours(), {0: plain}).constant
    assert Mixture(one, StyleColours()).constant
