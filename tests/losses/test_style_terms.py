from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vst.config import conf_dir
from vst.losses.functional import gram_matrix, style_loss
from vst.losses.loss import Loss
from vst.losses.style_distances import histogram_loss
from vst.losses.style_terms import (
    HistogramLoss,
    MomentsLoss,
    NearestNeighbourLoss,
    OptimalTransportLoss,
    SlicedWassersteinLoss,
)
from vst.losses.target import Target
from vst.runs.build import build
from vst.runs.settings import resolve

LAYERS = ("conv2_1", "conv1_1")
TERMS: list[Callable[[float], Loss]] = [
    lambda unit: MomentsLoss(3.0, LAYERS, unit),
    lambda unit: HistogramLoss(3.0, LAYERS, unit),
    lambda unit: SlicedWassersteinLoss(3.0, LAYERS, unit),
    lambda unit: NearestNeighbourLoss(3.0, LAYERS, unit, 200),
    lambda unit: OptimalTransportLoss(3.0, LAYERS, unit, 200),
]


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def look(image: Tensor) -> dict[str, Tensor]:
    """A stand-in for VGG-19: the channels and their products, finer and coarser."""
    fine = torch.cat([image, image[:, :1] * image[:, 1:]], dim=1)
    return {"conv1_1": fine, "conv2_1": torch.nn.functional.avg_pool2d(fine, 2)}


@pytest.mark.parametrize("make", TERMS)
def test_a_term_tells_how_far_a_canvas_is_from_the_style(make: Callable[[float], Loss]):
    style = rand(1, 3, 12, 10)
    term = make(2.0)
    term.begin_run(style, look(style))
    term.begin_frame(Target(style, {}, None))
    noise = rand(1, 3, 12, 10, seed=1)
    canvas = torch.cat([style, 0.8 * style + 0.2 * noise, 0.2 * noise])
    same, near, far = term(canvas, look(canvas)).tolist()
    assert same == pytest.approx(0, abs=1e-5)
    assert same < near < far
    alone = [float(term(lane, look(lane))) for lane in canvas.split(1)]
    assert alone == pytest.approx([same, near, far], rel=1e-4, abs=1e-6)
    again = make(2.0)
    again.begin_run(style, look(style))
    assert again(canvas, look(canvas)).tolist() == [same, near, far]


@pytest.mark.parametrize("make", [TERMS[0], *TERMS[2:]])
def test_a_term_is_in_its_unit(make: Callable[[float], Loss]):
    style, canvas = rand(1, 3, 12, 10), rand(2, 3, 12, 10, seed=1)
    found = []
    for unit in (1.0, 4.0):
        term = make(unit)
        term.begin_run(style, look(style))
        found.append(term(canvas, look(canvas)))
    torch.testing.assert_close(found[1], found[0] / 4)


def test_the_histogram_term_has_gram_matrices_beside_it():
    style, canvas = rand(1, 3, 12, 10), rand(2, 3, 12, 10, seed=1)
    term = HistogramLoss(1.0, LAYERS, 4.0)
    term.begin_run(style, look(style))
    ours, theirs = look(canvas), look(style)
    grams = style_loss([gram_matrix(ours[n]) for n in LAYERS], [gram_matrix(theirs[n]) for n in LAYERS])
    histograms = [histogram_loss(ours[n], theirs[n].flatten(2).sort(2).values) for n in LAYERS]
    torch.testing.assert_close(term(canvas, ours), grams + sum(histograms) / 2 / 4)


@pytest.mark.parametrize("name", sorted(file.stem for file in (conf_dir() / "loss").glob("*.yaml")))
def test_every_choice_of_the_group_is_built(compose, name: str):
    settings = resolve(compose(f"loss={name}", "model=robust", "beta=7"))["loss"]
    assert set(settings) == {"content", "style", "range", "coherence", "revealed"}
    term = build(settings["style"])
    assert isinstance(term, Loss)
    assert term.weight == 7
    assert term.compares == "nothing"
