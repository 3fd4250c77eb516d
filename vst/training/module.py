from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn

from vst.features.vgg import VGG19
from vst.flow.neighbour import Neighbour
from vst.losses.loss import Loss
from vst.losses.target import Target
from vst.networks.transformation import TransformationNetwork
from vst.optim import Losses
from vst.painting.canvas import PixelCanvas
from vst.painting.objective import FrameObjective
from vst.training.batches import Batch

WARM_UP = 20
"""Steps over which the learning rate rises: Adam's first ones are as long as it, whatever the gradient."""


class NetworkTraining(LightningModule):
    """Trains a network to paint what a run's optimisation would: one step of Adam per batch.

    The `losses` are those of a run, of the network's painting instead of the canvas; each frame of a batch is a lane.
    With a coherence loss, the frame before it is painted first, by the network as it is, and is the neighbour.
    """

    style: Tensor

    def __init__(
        self,
        network: TransformationNetwork,
        backbone: VGG19,
        losses: Mapping[str, Loss],
        style: Tensor,
        learning_rate: float,
        steps: int,
    ):
        super().__init__()
        self.network, self.backbone = network, backbone
        self.losses = nn.ModuleDict(losses)
        self.register_buffer("style", style, persistent=False)
        self.objective = FrameObjective(backbone, losses, PixelCanvas())
        self.learning_rate, self.steps = learning_rate, steps
        self.step = 0
        """Steps done, those before the training was resumed included."""
        self.optimizer_state: dict[str, Any] | None = None
        """That of a training that is resumed."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam, as Johnson et al. have it; the rate is set at every step."""
        return torch.optim.Adam(self.network.parameters(), lr=self.learning_rate)

    def on_fit_start(self) -> None:
        """Look at the painting, once."""
        self.backbone.choose_precision(self.device)
        with torch.no_grad():
            activations = self.backbone(self.style, self.objective.layers)
        for loss in self.objective.losses.values():
            loss.begin_run(self.style, activations)

    def on_train_start(self) -> None:
        """Go on with the optimiser as it was."""
        if self.optimizer_state is not None:
            self.trainer.optimizers[0].load_state_dict(self.optimizer_state)

    def paint(self, content: Tensor) -> Tensor:
        """The network's painting of frames, (L, 3, H, W), in the precision of VGG-19's convolutions."""
        bf16 = self.backbone.precision == "bf16"
        with torch.autocast(content.device.type, torch.bfloat16, enabled=bf16):
            return self.network(content)

    def training_step(self, batch: Batch, index: int) -> dict[str, Any]:
        """Paint a batch, and compare it."""
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.rate(self.step)
        target = self._target(batch)
        for loss in self.objective.losses.values():
            loss.begin_frame(target)
        losses = self.objective.total(self.paint(batch.content))
        self.step += 1
        terms = {name: value.detach() for name, value in losses.terms.items()}
        return {"loss": losses.total.mean(), "losses": Losses(losses.total.detach(), terms)}

    def rate(self, step: int) -> float:
        """The learning rate of a step, from 0: it rises over the first steps, and then falls along half a cosine."""
        rising = min(1, (step + 1) / WARM_UP)
        return self.learning_rate * rising * (1 + math.cos(math.pi * step / self.steps)) / 2

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Nothing to do: it was made there."""
        return batch

    def _target(self, batch: Batch) -> Target:
        terms = self.objective.losses.values()
        layers = {layer for loss in terms if loss.sees_content for layer in loss.layers}
        neighbour = None
        with torch.no_grad():
            activations = self.backbone(batch.content, layers)
            if batch.pair is not None:
                neighbour = Neighbour.of(batch.pair, self.paint(batch.pair.content))
        return Target(batch.content, activations, neighbour, neighbours=[neighbour] if neighbour else [])
