from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Generator, Tensor, nn

from vst.features.vgg import VGG19
from vst.flow.neighbour import Neighbour
from vst.frames import Frame
from vst.losses.loss import Comparison, Loss
from vst.losses.target import Target
from vst.optim import Losses, Solution
from vst.optim.replay import Replays
from vst.painting.anchor import Anchor
from vst.painting.behind import Behind
from vst.painting.canvas import Canvas
from vst.painting.history import History
from vst.painting.objective import FrameObjective
from vst.painting.preparation import Preparation, Prepared, shown_in_shot
from vst.painting.start import Start, comparison_of
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
        self.lanes = 1
        """How many frames are painted at the same time; more than one only where none is compared with another."""
        self.behind = Behind()
        """Writes what there is to write of a frame while the next is painted."""
        self._ready: deque[tuple[Tensor, Solution, Losses]] = deque()
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

    @property
    def compares(self) -> frozenset[Comparison]:
        """What the losses and the start compare a frame with."""
        return frozenset({comparison_of(self.start), *(loss.compares for loss in self._terms())})

    @property
    def settled(self) -> bool:
        """Whether all frames that were painted at the same time have been handed out."""
        return not self._ready

    def prepare(self, frames: Iterator[Frame]) -> Iterator[Prepared]:
        """The frames of a pass that is about to begin, or to go on, each with what its painting needs."""
        past = [painted.frame for painted in reversed(list(self.history))]
        place = self.anchor.place if self.anchor is not None else None
        prepared = self.preparation.frames(frames, self.device, past, place)
        if self.lanes == 1:
            return prepared
        # nothing is asked of the pairs of frames that are compared with nothing
        self.preparation.release()
        return self.preparation.groups(prepared, self.lanes)

    def training_step(self, prepared: Prepared, index: int) -> dict[str, Any]:
        """Paint one frame, and those of its group with it."""
        neighbours = self.history.neighbours(prepared.pairs)
        if self._ready:
            self.behind.flush()
        else:
            group = prepared.group or (prepared,)
            painted = list(self._paint(group, self._target(group, neighbours)))
            # until here the frame before may still be written: what follows changes what is written of it
            self.behind.flush()
            self._ready.extend(painted)
        frame, (image, solution, losses) = prepared.frame, self._ready.popleft()
        stylized = Stylized(frame, image, next(iter(neighbours), None), solution, losses)
        self.history.append(stylized)
        if self.anchor is not None and prepared.anchor is not None:
            self.anchor.update(image, prepared.anchor)
        if self.paintings is not None:
            self.paintings.of(frame.pass_index).save(frame.index, image)
        return {"stylized": stylized}

    def on_train_epoch_end(self) -> None:
        """A pass begins without a past, once the last frame of the one before is written."""
        self.behind.flush()
        self.history.clear()
        if self.anchor is not None:
            self.anchor.clear()

    def _terms(self) -> list[Loss]:
        return [loss for loss in self.losses.values() if isinstance(loss, Loss)]

    def _paint(self, group: Sequence[Prepared], target: Target) -> Iterator[tuple[Tensor, Solution, Losses]]:
        """Paint frames as lanes of one optimisation: each one's image, how its optimisation ended, and its losses."""
        for loss in self._terms():
            loss.begin_frame(target)
        lanes = zip(group, target.content.split(1), strict=True)
        starts = [self._start(replace(target, content=content), item.frame) for item, content in lanes]
        self.preparation.learn(target.neighbours)

        self.objective.start = torch.cat(starts)
        budgets = [self._budget(item) for item in group]
        solution = self.minimise(
            self.objective,
            self.canvas.coefficients(self.objective.start),
            evaluations=budgets,
            replays=self._replays,
            on_evaluation=self._on_evaluation(max(budgets)),
        )
        images = self.objective.image(solution.point).clamp(0, 1)
        with torch.no_grad():
            losses = self.objective.total(images)
        for lane, image in enumerate(images.split(1)):
            yield image, solution.lane(lane), losses.lane(lane)

    def _target(self, group: Sequence[Prepared], neighbours: Sequence[Neighbour]) -> Target:
        """The target of a frame, or of a group of frames that are compared with nothing painted."""
        prepared, alone = group[0], len(group) == 1
        frame, content = prepared.frame, torch.cat([item.frame.content for item in group])
        earlier = None
        if frame.pass_index > 0 and self.paintings is not None:
            earlier = self.paintings.of(frame.pass_index - 1).load(frame.index).to(content)
        with torch.no_grad():
            activations = self.backbone(content, self.objective.layers)
        anchored = self.anchor is not None and prepared.anchor is not None
        return Target(
            content,
            activations,
            next(iter(neighbours), None) if alone else None,
            earlier,
            shown_in_shot(neighbours) if alone else (),
            self.anchor.view(prepared.anchor) if anchored else None,
            frame.pass_index,
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

    def _budget(self, prepared: Prepared) -> int:
        """Evaluations for a frame, by its place in its shot: how many were painted before it, blank ones too."""
        place = sum(pair.same_shot for pair in prepared.pairs)
        first_frames = prepared.frame.pass_index == 0 and place < len(self.evaluation_factors)
        factor = self.evaluation_factors[place] if first_frames else 1
        return max(1, round(factor * self.evaluations))
