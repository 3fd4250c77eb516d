"""The frame loop on a GPU that is not there: PyTorch's fake tensors say on which device everything would be.

A CPU tensor that meets one of the GPU raises, and so does reading a value back. The gradient alone is made up, because
autograd has no engine for a device that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensorDeviceMismatchError,
    FakeTensorMode,
)

from vst.composing import composed, with_run_directory
from vst.features import weights
from vst.features.vgg import VGG19
from vst.flow.pair import FramePair
from vst.frames import Frame
from vst.losses.functional import gram_matrix
from vst.optim import Solution, lbfgs
from vst.optim.descent import Descent
from vst.painting import past, preparation
from vst.painting.anchor import AnchorMotion
from vst.painting.history import History
from vst.painting.mixture import Ingredient, Mixture
from vst.painting.preparation import Preparation
from vst.painting.start import is_anchored
from vst.painting.stylizer import VideoStylizer
from vst.runs.build import build
from vst.runs.settings import resolve
from vst.video.cuts import Outline
from vst.video.store import FrameStore

CARD = torch.device("cuda", 0)


class Shifted:
    """An estimator on the frames' device."""

    name = "shifted"

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        return (second - first)[:, :2]


class Loops:
    """Does not know whether all lanes have ended, as on a GPU whose queue is long."""

    def all_ended(self, running: Tensor) -> bool:
        return False


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTensorMode]:
    def gradient(value: Tensor, variable: Tensor) -> tuple[Tensor]:
        assert value.device == variable.device
        return (torch.empty_like(variable),)

    def solution(self: Descent) -> Solution:
        return Solution(self._best_point.view(self._shape), {}, {}, [4], (), 0.0)  # ty: ignore[invalid-argument-type]

    def save(self: FrameStore, index: int, frame: Tensor) -> None:
        assert frame.dtype == torch.float32

    monkeypatch.setattr(torch.autograd, "grad", gradient)
    monkeypatch.setattr(Descent, "solution", solution)
    monkeypatch.setattr(Solution, "lane", lambda self, index: self)
    monkeypatch.setattr(FrameStore, "save", save)
    monkeypatch.setattr(lbfgs, "pace_on", lambda device: Loops())
    seen = Outline(np.ones((64, 96), np.float32), np.zeros((64, 96), np.uint8), 1.0, np.zeros(3, np.float32))
    monkeypatch.setattr(past, "outline", lambda content: seen)
    # read back where the motion is computed, ahead of the painting
    monkeypatch.setattr(FramePair, "unfollowed", property(lambda pair: 0.2))
    monkeypatch.setattr(AnchorMotion, "begins", property(lambda motion: motion.seen is None))
    monkeypatch.setattr(preparation, "stream_beside", lambda device: None)
    monkeypatch.setattr(VideoStylizer, "_seconds_since", lambda self, began: 1.0)  # it waits for the card
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        yield mode


def stylizer(folder: Path, model: str, capture: Callable | None, *options: str) -> VideoStylizer:
    settings = resolve(with_run_directory(composed([f"model={model}", "backbone=random", *options])))
    losses = {name: build(node) for name, node in settings["loss"].items() if node}
    canvas, start = build(settings["canvas"]), build(settings["start"])
    anchored = is_anchored(start) or any(loss.anchored for loss in losses.values())
    module = VideoStylizer(
        backbone=VGG19(weights.random(), precision="bf16"),
        losses=losses,
        mixture=Mixture([Ingredient(torch.rand(1, 3, 40, 48))]),
        start=start,
        canvas=canvas,
        minimise=build(settings["optimizer"]),
        preparation=Preparation(Shifted(), 4, anchored),
        evaluations=4,
        evaluation_factors=[2],
        later_factor=1,
        seed=0,
        history=History(folder, 4),
    )
    if capture is not None:
        module._replays._capture = capture
    return module


def paint(module: VideoStylizer, frames: int) -> None:
    module.to(CARD)
    module.on_fit_start()
    clip = (Frame(torch.rand(1, 3, 32, 48), i, i, i, cut=i == 2) for i in range(frames))
    for number, prepared in enumerate(module.prepare(clip)):
        assert prepared.frame.content.device == CARD
        outputs = module.training_step(prepared, number)
        assert outputs["stylized"].image.device == CARD


@pytest.mark.parametrize(
    ("model", "canvas"),
    [
        *((model, "fourier") for model in ("naive", "mse", "enhanced", "flow", "ruder", "robust")),
        ("robust", "pixels"),
    ],
)
def test_every_model_stays_on_the_card(card: FakeTensorMode, tmp_path: Path, model: str, canvas: str) -> None:
    captures = []

    def capture(advance: Callable[[], None]) -> Callable[[], None]:
        captures.append(advance)
        advance()
        return advance

    paint(stylizer(tmp_path, model, capture, f"canvas={canvas}"), frames=4)
    assert captures, "it goes through what would be captured as a graph"


@pytest.mark.parametrize("start", ["noise", "previous", "warped", "blended", "filled", "synthesised"])
def test_every_start_stays_on_the_card(card: FakeTensorMode, tmp_path: Path, start: str) -> None:
    paint(stylizer(tmp_path, "naive", lambda advance: advance, f"start={start}", "flow=steady"), frames=2)


def test_without_graphs_it_stays_there_too(card: FakeTensorMode, tmp_path: Path) -> None:
    paint(stylizer(tmp_path, "robust", None, "optimizer.graphs=false"), frames=2)


def test_the_gradient_of_gram_matrices_stays_there(card: FakeTensorMode) -> None:
    activations = torch.rand(1, 8, 4, 4, device=CARD, dtype=torch.bfloat16)
    assert gram_matrix(activations).device == CARD


def test_a_tensor_left_behind_is_found(card: FakeTensorMode, tmp_path: Path) -> None:
    module = stylizer(tmp_path, "naive", lambda advance: advance)
    module.to(CARD)
    module.on_fit_start()
    frames = module.prepare(Frame(torch.rand(1, 3, 32, 48), index, index, index) for index in range(2))
    module.training_step(next(frames), 0)
    module.losses["style"]._targets = [target.cpu() for target in module.losses["style"]._targets]
    with pytest.raises(FakeTensorDeviceMismatchError):
        module.training_step(next(frames), 1)


def test_a_value_read_back_is_found(card: FakeTensorMode, tmp_path: Path) -> None:
    module = stylizer(tmp_path, "naive", lambda advance: advance)
    forward = type(module.objective).total

    def reads(self: object, image: Tensor) -> object:
        losses = forward(self, image)  # ty: ignore[invalid-argument-type]
        assert float(losses.total.sum()) >= 0
        return losses

    module.objective.total = reads.__get__(module.objective)  # ty: ignore[invalid-assignment]
    with pytest.raises(DataDependentOutputException):
        paint(module, frames=1)
