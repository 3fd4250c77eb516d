from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Generator, Tensor, nn

from vst.features.vgg import VGG19
from vst.frames import Frame
from vst.losses.loss import Loss
from vst.losses.target import Target
from vst.optim import Solution
from vst.optim.replay import Replays
from vst.painting.anchor import Anchor
from vst.painting.canvas import Canvas
from vst.painting.history import History
from vst.painting.objective import FrameObjective
from vst.painting.preparation import Preparation, Prepared, shown_in_shot
from vst.painting.start import Start
from vst.painting.stylized import Stylized
from vst.video.store import Paintings

Minimise = Callable[..., Solution]


class VideoStylizer(LightningModule):
    """The frame loop: paints one frame a training step, an epoch being a pass over the stretch.

    `losses` are the terms of L_total by name, `style` the painting (1, 3, h, w). A frame has `evaluations` of
    the objective a pass, the first frames of a shot `evaluation_factors` times as many. What needs the content alone
    is computed ahead by `preparation`. `history` remembers the frames painted last. In a run of more than one pass
    `paintings` keeps those of each.
    """

    def __init__(
        self,
        backbone: VGG19,
        losses: Mapping[str, Loss],
        style: Tensor,
        start: Start,
        canvas: Canvas,
        minimise: Minimise,
        preparation: Preparation,
        evaluations: float,
        evaluation_factors: Sequence[float],
        seed: int,
        history: History,
        paintings: Paintings | None = None,
    ):
        super().__init__()
        # Lightning is not to step, to clip or to save anything here: a frame's pixel loop is its own.
        self.automatic_optimization = False
        self.backbone = backbone
        self.losses = nn.ModuleDict(losses)
        self.register_buffer("style", style, persistent=False)
        self.start, self.canvas, self.minimise = start, canvas, minimise
        self.preparation = preparation
        self.evaluations = evaluations
        self.evaluation_factors = tuple(evaluation_factors)
        self.seed = seed
        self.history = history
        self.anchor = Anchor() if any(loss.anchored for loss in losses.values()) else None
        self.paintings = paintings
        self.objective = FrameObjective(backbone, losses, canvas)
        self._replays = Replays(self.objective, [self.objective, canvas, *losses.values()])
        self.on_progress: Callable[[float], None] | None = None
        """Is told how much of the frame's evaluations are done, after each."""

    def configure_optimizers(self) -> None:
        """None that Lightning would know of."""

    def on_fit_start(self) -> None:
        """Look at the painting, once a run."""
        self.backbone.choose_precision(self.device)
        with torch.no_grad():
            style = self.backbone(self.style, self.objective.layers)
        for loss in self._terms():
            loss.begin_run(style)

    def prepare(self, frames: Iterator[Frame]) -> Iterator[Prepared]:
        """The frames of a pass that is about to begin, or to go on, each with what its painting needs."""
        past = [painted.frame for painted in reversed(list(self.history))]
        place = self.anchor.place if self.anchor is not None else None
        return self.preparation.frames(frames, self.device, past, place)

    def training_step(self, prepared: Prepared, index: int) -> dict[str, Any]:
        """Paint one frame."""
        frame, target = prepared.frame, self._target(prepared)
        for loss in self._terms():
            loss.begin_frame(target)
        start, budget = self._start(target, frame), self._budget(target)
        self.preparation.learn(target.neighbours)

        self.objective.start = start
        solution = self.minimise(
            self.objective,
            self.canvas.coefficients(start),
            evaluations=budget,
            replays=self._replays,
            on_evaluation=self._on_evaluation(budget),
        )
        image = self.objective.image(solution.point).clamp(0, 1)
        with torch.no_grad():
            losses = self.objective.total(image)
        stylized = Stylized(frame, image, target.neighbour, solution, losses)
        self.history.append(stylized)
        if self.anchor is not None and prepared.anchor is not None:
            self.anchor.update(image, prepared.anchor)
        if self.paintings is not None:
            self.paintings.of(frame.pass_index).save(frame.index, image)
        return {"stylized": stylized}

    def on_train_epoch_end(self) -> None:
        """A pass begins without a past."""
        self.history.clear()
        if self.anchor is not None:
            self.anchor.clear()

    def _terms(self) -> list[Loss]:
        return [loss for loss in self.losses.values() if isinstance(loss, Loss)]

    def _target(self, prepared: Prepared) -> Target:
        frame, neighbours = prepared.frame, self.history.neighbours(prepared.pairs)
        earlier = None
        if frame.pass_index > 0 and self.paintings is not None:
            earlier = self.paintings.of(frame.pass_index - 1).load(frame.index).to(frame.content)
        with torch.no_grad():
            activations = self.backbone(frame.content, self.objective.layers)
        anchored = self.anchor is not None and prepared.anchor is not None
        return Target(
            frame.content,
            activations,
            next(iter(neighbours), None),
            earlier,
            shown_in_shot(neighbours),
            self.anchor.view(prepared.anchor) if anchored else None,
            frame.pass_index,
            place=sum(neighbour.same_shot for neighbour in neighbours),
            neighbours=neighbours,
        )

    def _start(self, target: Target, frame: Frame) -> Tensor:
        # drawn from the frame's place in the run alone, so that a resumed run draws the same
        place = (self.seed * 1_000_003 + frame.pass_index) * 1_000_003 + frame.source_index
        return self.start(target, Generator().manual_seed(place % 2**63))

    def _on_evaluation(self, budget: int) -> Callable[[int], None]:
        def tell(number: int) -> None:
            if self.on_progress is not None:
                self.on_progress(number / budget)

        return tell

    def _budget(self, target: Target) -> int:
        """Evaluations for a frame, by its place in its shot."""
        first_frames = target.pass_index == 0 and target.place < len(self.evaluation_factors)
        factor = self.evaluation_factors[target.place] if first_frames else 1
        return max(1, round(factor * self.evaluations))
