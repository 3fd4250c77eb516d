from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from vst.features.vgg import VGG19
from vst.flow.consistency import reliability_mask
from vst.flow.pair import FramePair
from vst.flow.warp import backward_warp
from vst.losses.coherence import RuderCoherence
from vst.losses.content import ContentLoss
from vst.losses.functional import content_loss, gram_matrix, style_loss
from vst.losses.style import StyleLoss
from vst.networks.transformation import TransformationNetwork
from vst.training.batches import Batch
from vst.training.module import NetworkTraining

LAYERS = ["conv1_1", "conv2_1"]


class Right:
    """One pixel to the left from a frame to the one before."""

    name: ClassVar[str] = "right"

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        flow = torch.zeros_like(first[:, :2])
        flow[:, 0] = -1.0
        return flow


@pytest.fixture
def module(random_backbone: VGG19) -> NetworkTraining:
    torch.manual_seed(0)
    losses = {
        "content": ContentLoss(2.0, ["conv2_1"]),
        "style": StyleLoss(3.0, LAYERS),
        "coherence": RuderCoherence(5.0, [1]),
    }
    style = torch.rand(1, 3, 32, 40)
    module = NetworkTraining(TransformationNetwork(2, 1), random_backbone, losses, style, 0.1, steps=4)
    module.on_fit_start()
    module._trainer = SimpleNamespace(optimizers=[module.configure_optimizers()])  # ty: ignore[invalid-assignment]
    return module


def test_the_losses_are_those_of_a_run_of_the_network_s_painting(module):
    content, before = torch.rand(2, 3, 24, 32), torch.rand(2, 3, 24, 32)
    out = module.training_step(Batch(content, FramePair(before, content, Right())), 0)
    painted, backbone = module.network(content), module.backbone
    found, wanted = backbone(painted, LAYERS), backbone(content, ["conv2_1"])
    style = backbone(module.style, LAYERS)
    terms = {
        "content": content_loss(found["conv2_1"], wanted["conv2_1"]),
        "style": style_loss(
            [gram_matrix(found[name]) for name in LAYERS], [gram_matrix(style[name]) for name in LAYERS]
        ),
    }
    flow = Right()(content, before)
    # both directions are the same here, so that nothing is consistent: what is compared is what the mask says
    trust = reliability_mask(flow, flow)
    warped = backward_warp(module.network(before), flow)
    terms["coherence"] = (trust * (painted - warped).square()).flatten(1).mean(1)
    for name, values in terms.items():
        torch.testing.assert_close(out["losses"].terms[name], values.detach())
    total = 2 * terms["content"] + 3 * terms["style"] + 5 * terms["coherence"]
    torch.testing.assert_close(out["loss"], total.mean())


def test_a_picture_has_no_coherence_and_the_weights_get_a_gradient(module):
    out = module.training_step(Batch(torch.rand(1, 3, 24, 32), None), 0)
    assert out["losses"].terms["coherence"].tolist() == [0.0]
    out["loss"].backward()
    assert all(part.grad is not None for part in module.network.parameters())
    assert not any(part.requires_grad for part in module.backbone.parameters())


def test_the_rate_rises_over_the_first_steps_and_falls_along_half_a_cosine(module):
    module.steps = 400
    assert module.rate(0) < module.rate(10) < module.rate(19)
    assert module.rate(19) == pytest.approx(0.1, rel=0.01)
    assert module.rate(200) == pytest.approx(0.05)
    assert module.rate(400) == pytest.approx(0)
    module.step = 200
    module.training_step(Batch(torch.rand(1, 3, 24, 32), None), 0)
    assert module.trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.05)
    assert module.step == 201


def test_steps_lower_the_loss(module):
    content = torch.rand(1, 3, 24, 32)
    optimizer, totals = module.trainer.optimizers[0], []
    module.learning_rate, module.steps = 0.02, 1000
    for _ in range(12):
        optimizer.zero_grad()
        out = module.training_step(Batch(content, None), 0)
        out["loss"].backward()
        optimizer.step()
        totals.append(float(out["losses"].total))
    assert totals[-1] < 0.7 * totals[0]
