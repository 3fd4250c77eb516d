from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import replace
from functools import reduce
from typing import Any

import torch
from pytorch_lightning import LightningModule
from torch import Generator, Tensor, nn

from vst.features.vgg import VGG19, Activations
from vst.flow.neighbour import Neighbour
from vst.frames import Frame
from vst.losses.loss import Comparison, Loss
from vst.losses.target import Target
from vst.optim import Losses, Minimise, Solution
from vst.optim.replay import Replays
from vst.painting.anchor import Anchor
from vst.painting.behind import Behind
from vst.painting.canvas import Canvas
from vst.painting.history import History
from vst.painting.mixture import Mixture
from vst.painting.objective import FrameObjective
from vst.painting.preparation import Preparation, Prepared, shown_in_shot
from vst.painting.scales import (
    Size,
    Stage,
    enlarged,
    scaled,
    shares,
    sizes,
)
from vst.painting.start import Start, comparison_of, is_anchored, is_painting, partly_unpainted
from vst.painting.style_images import StyleImages
from vst.painting.stylized import Stylized
from vst.video.store import Paintings

_Painted = tuple[Tensor, Solution, Losses, list[Stage]]
"""A frame's image, how its optimisation ended, its losses, and the scales at which it was painted."""


class VideoStylizer(LightningModule):
    """The frame loop: paints one frame a training step, an epoch being a pass over the stretch.

    `losses` are the terms of L_total by name, `mixture` what is painted like. A frame has `evaluations` of
    the objective a pass, the first frames of a shot `evaluation_factors` times as many, the others `later_factor` times
    as many; with 0, its painting is its start. An exemplar that vst paints counts as the first of a shot. What needs
    the content alone is computed ahead by `preparation`. `history` remembers the frames painted last. In a run of more
    than one pass `paintings` keeps those of each. A frame that does not start from a painting is painted at several
    `scales`, coarse to fine, None for as many as its size asks for.
    """

    def __init__(
        self,
        backbone: VGG19,
        losses: Mapping[str, Loss],
        mixture: Mixture,
        start: Start,
        canvas: Canvas,
        minimise: Minimise,
        preparation: Preparation,
        evaluations: float,
        evaluation_factors: Sequence[float],
        later_factor: float,
        seed: int,
        history: History,
        scales: int | None = 1,
        paintings: Paintings | None = None,
    ):
        super().__init__()
        # Lightning is not to step, to clip or to save anything here: a frame's pixel loop is its own.
        self.automatic_optimization = False
        self.backbone = backbone
        self.losses = nn.ModuleDict(losses)
        self.mixture = mixture
        self.start, self.canvas, self.minimise = start, canvas, minimise
        self.preparation = preparation
        self.lanes = 1
        """How many frames are painted at the same time; more than one only where none is compared with another."""
        self.behind = Behind()
        """Writes what there is to write of a frame while the next is painted."""
        self._ready: deque[_Painted] = deque()
        self.evaluations = evaluations
        self.evaluation_factors, self.later_factor = tuple(evaluation_factors), later_factor
        self.seed = seed
        self.history = history
        self.anchor = Anchor() if preparation.anchored else None
        self.paintings = paintings
        # as they are before they have seen a style: each scale has its own
        self._unused = deepcopy(dict(losses))
        self.scales = scales
        self.objective = FrameObjective(backbone, losses, canvas, mixture.colours)
        self._replays = Replays(self.objective, self.objective.parts)
        self._smaller: dict[Size, tuple[FrameObjective, Replays]] = {}
        self._shots: dict[Size, int] = {}
        self.on_progress: Callable[[float], None] | None = None
        """Is told how much of the frame's evaluations are done, after each."""

    def configure_optimizers(self) -> None:
        """None that Lightning would know of."""

    def on_fit_start(self) -> None:
        """Settle what is computed in, and where the style images are."""
        self.backbone.choose_precision(self.device)
        self.style_images = StyleImages(self.mixture, self.device)

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
            # the checkpoint on disk is that of the last frame of the group before, or of the frame before
            self.history.discard_left()
            self._ready.extend(painted)
        frame, (image, solution, losses, stages) = prepared.frame, self._ready.popleft()
        stylized = Stylized(frame, image, next(iter(neighbours), None), solution, losses, stages)
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

    def _paint(self, group: Sequence[Prepared], target: Target) -> Iterator[_Painted]:
        """Paint frames as lanes of one optimisation, at one scale after the other."""
        full: Size = (target.content.shape[-2], target.content.shape[-1])
        recipe = self.mixture.recipe(group[0].frame)
        factors = recipe.factors(self.objective.losses)
        began = time.perf_counter()
        afresh, start = self._starts(group, target)
        partly = not afresh and partly_unpainted(self.start, target)
        whole_budgets = [self._budget(item) for item in group]
        coarse_to_fine = any(whole_budgets) and (afresh or partly)
        stages = sizes(*full, self.scales) if coarse_to_fine else [full]
        budgets = [shares(budget, stages) for budget in whole_budgets]
        whole, done = sum(map(max, zip(*budgets, strict=True))), 0
        image, found = start, list[tuple[Size, Solution]]()
        for number, size in enumerate(stages):
            objective, replays = self._objective_at(size, full, recipe.shot)
            here = target if size == full else scaled(target, size, self._look_at_content)
            for loss in objective.losses.values():
                loss.begin_frame(here)
            self.preparation.learn(target.neighbours)
            begun = start if here is target else self._starts(group, here)[1]
            if number == 0:
                image = begun
            else:
                detail = self.style_images.detail(stages[number - 1], size, full, recipe, here.regions)
                painted = enlarged(image, here.content, *detail)
                # what is painted already is sharper than it was on the smaller frame
                image = begun.lerp(painted, 1 - here.past[0].followed) if partly else painted
            objective.begin_frame(image, here.content, here.regions, factors)
            evaluations = [budget[number] for budget in budgets]
            solution = self.minimise(
                objective,
                self.canvas.coefficients(image),
                evaluations=evaluations,
                replays=replays,
                on_evaluation=self._on_evaluation(done, whole),
            )
            image, done = objective.image(solution.point), done + max(evaluations)
            found.append((size, solution))
        if coarse_to_fine and not all(whole_budgets):
            # those without a budget are as they started, and not what the scales of the others have made of that
            painted = torch.tensor([budget > 0 for budget in whole_budgets], device=image.device)
            begun = objective.image(self.canvas.coefficients(start))
            image = torch.where(painted.view(-1, 1, 1, 1), image, begun)
        seconds = self._seconds_since(began) / len(group)
        images = image.clamp(0, 1)
        with torch.no_grad():
            losses = self.objective.total(images)
        for lane, finished in enumerate(images.split(1)):
            parts = [(size, solution.lane(lane)) for size, solution in found]
            together = reduce(lambda earlier, later: later.after(earlier), (part for _, part in parts))
            together = replace(together, seconds=seconds)
            spent = [Stage(size, int(part.evaluations[0])) for size, part in parts]
            yield finished, together, losses.lane(lane), spent

    def _starts(self, group: Sequence[Prepared], target: Target) -> tuple[bool, Tensor]:
        """The images that frames start from, (L, 3, H, W), and whether nothing is painted in them yet."""
        lanes = [replace(target, content=content) for content in target.content.split(1)]
        starts = [self._start(lane, item.frame) for lane, item in zip(lanes, group, strict=True)]
        contents = all(start is lane.content for lane, start in zip(lanes, starts, strict=True))
        alone = comparison_of(self.start) == "nothing" and not is_painting(self.start)
        return (alone and target.earlier is None) or contents, torch.cat(starts)

    def _seconds_since(self, began: float) -> float:
        """Wall-clock time, with what a GPU has been given meanwhile."""
        if self.device.type == "cuda":
            torch.cuda.current_stream(self.device).synchronize()
        return time.perf_counter() - began

    def _objective_at(self, size: Size, full: Size, shot: int) -> tuple[FrameObjective, Replays]:
        """The objective of a scale, with the painting scaled as the frame is."""
        if size != full and size not in self._smaller:
            objective = FrameObjective(
                self.backbone, deepcopy(self._unused), copy(self.canvas), self.mixture.colours
            )
            for loss in objective.losses.values():
                loss.at_scale(size[1] / full[1])
            self._smaller[size] = objective, Replays(objective, objective.parts)
        found = (self.objective, self._replays) if size == full else self._smaller[size]
        if self._shots.get(size) != shot:
            self._look_at_styles(found[0], self.style_images.at(size, full, shot))
            self._shots[size] = shot
        return found

    def _look_at_styles(self, objective: FrameObjective, styles: Sequence[Tensor]) -> None:
        activations = [self._look(style) for style in styles]
        for loss in objective.losses.values():
            number = loss.image or 0
            loss.begin_run(styles[number], activations[number])

    def _look(self, images: Tensor) -> Activations:
        """The activations at the layers of all losses, the same at every scale."""
        with torch.no_grad():
            return self.objective.look(images)

    def _look_at_content(self, content: Tensor) -> Activations:
        """The activations that the losses compare with: of a large frame, those of all layers would take gigabytes."""
        layers = {layer for loss in self._terms() if loss.sees_content for layer in loss.layers}
        with torch.no_grad():
            return self.backbone(self.objective.seen(content), layers)

    def _target(self, group: Sequence[Prepared], neighbours: Sequence[Neighbour]) -> Target:
        """The target of a frame, or of a group of frames that are compared with nothing painted."""
        prepared, alone = group[0], len(group) == 1
        frame, content = prepared.frame, torch.cat([item.frame.content for item in group])
        earlier = None
        if frame.pass_index > 0 and self.paintings is not None:
            earlier = self.paintings.of(frame.pass_index - 1).load(frame.index).to(content)
        anchored = self.anchor is not None and prepared.anchor is not None
        exemplars = self.preparation.exemplars
        given = exemplars.painting(frame) if alone else None
        return Target(
            content,
            self._look_at_content(content),
            next(iter(neighbours), None) if alone else None,
            earlier,
            shown_in_shot(neighbours) if alone else (),
            self.anchor.view(prepared.anchor) if anchored else None,
            frame.pass_index,
            neighbours=neighbours,
            style=self.style_images.styles(self.mixture.recipe(frame).shot)[0],
            regions=self.mixture.regions(frame),
            look=self._look,
            given=None if given is None else given.to(content),
            between=exemplars.between(frame) if alone else None,
        )

    def _start(self, target: Target, frame: Frame) -> Tensor:
        # drawn from the frame's place in the run alone, so that a resumed run draws the same
        place = (self.seed * 1_000_003 + frame.pass_index) * 1_000_003 + frame.source_index
        return self.start(target, Generator().manual_seed(place % 2**63))

    def _on_evaluation(self, done: int, whole: int) -> Callable[[int], None]:
        def tell(number: int) -> None:
            if self.on_progress is not None:
                self.on_progress((done + number) / whole)

        return tell

    def _budget(self, prepared: Prepared) -> int:
        """Evaluations for a frame, by its place in its shot: how many were painted before it, blank ones too."""
        place: int | None = sum(pair.same_shot for pair in prepared.pairs)
        if is_anchored(self.start) and prepared.anchor is not None:
            place = self.preparation.exemplars.place(place, prepared.frame, prepared.anchor)
        if place is None:
            return 0
        first_frames = prepared.frame.pass_index == 0 and place < len(self.evaluation_factors)
        whole = self.evaluations * (self.evaluation_factors[place] if first_frames else self.later_factor)
        return max(1, round(whole)) if whole else 0
