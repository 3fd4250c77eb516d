"""Several runs painted at once, each in a thread of its own, their frames as lanes of one optimisation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Generic, TypeVar

import torch
from torch import Tensor

from vst.features.vgg import Activations
from vst.optim import Losses, Minimise, Solution
from vst.optim.replay import Replays
from vst.painting.objective import FrameObjective

Result = TypeVar("Result")


class LanesObjective:
    """The objectives of several frames, one lane each, with one pass through VGG-19 for all of them."""

    def __init__(self, objectives: Sequence[FrameObjective]):
        self.objectives = list(objectives)
        self._layers = sorted({layer for objective in objectives for layer in objective.layers})

    def __call__(self, coefficients: Tensor) -> Losses:
        """The losses of all lanes, each by its own terms; a term that a lane lacks is 0 there."""
        pairs = zip(self.objectives, coefficients.split(1), strict=True)
        images = [objective.image(part) for objective, part in pairs]
        seen = [objective.seen(image) for objective, image in zip(self.objectives, images, strict=True)]
        activations = self.objectives[0].backbone(torch.cat(seen), self._layers)
        found = [
            objective.weighed(
                image, Activations({name: values[lane : lane + 1] for name, values in activations.items()})
            )
            for lane, (objective, image) in enumerate(zip(self.objectives, images, strict=True))
        ]
        none = torch.zeros_like(found[0].total)
        names = dict.fromkeys(name for losses in found for name in losses.terms)
        terms = {name: torch.cat([losses.terms.get(name, none) for losses in found]) for name in names}
        return Losses(torch.cat([losses.total for losses in found]), terms)

    @property
    def parts(self) -> list[object]:
        """The objects that hold the frames' tensors."""
        return [part for one in self.objectives for part in one.parts]


@dataclass(eq=False)
class _Request:
    """A frame to optimise, and what became of it."""

    minimise: Minimise
    objective: FrameObjective
    start: Tensor
    evaluations: int
    replays: Replays | None
    on_evaluation: Callable[[int], None] | None
    solution: Solution | None = None
    error: BaseException | None = None

    @property
    def kind(self) -> Hashable:
        """What lanes of one optimisation have in common."""
        options = self.minimise.keywords if isinstance(self.minimise, partial) else {}
        backbone = self.objective.backbone
        network = backbone.weights.sha256, backbone.weights.name, backbone.precision
        settings = backbone.before_relu, backbone.pool.__name__, backbone.replicate
        asks = bool(self.evaluations)
        return (
            str(sorted(options.items())),
            *network,
            *settings,
            self.start.shape,
            str(self.start.device),
            asks,
        )


class Together(Generic[Result]):
    """Paints runs as lanes: each has its own loop over frames, and waits with each frame for the others'.

    The optimisation is done in the thread that calls `paint`, where signals arrive: an exception there, such as
    `Interrupted`, ends every run in its own frame loop, so that each can clean up and be resumed.
    """

    def __init__(self, lanes: int):
        self._lanes = lanes
        self._changed = threading.Condition()
        self._requests: list[_Request] = []
        self._active = 0
        self._ended_by: BaseException | None = None
        self._replays: tuple[tuple[int, ...], Replays] | None = None

    def paint(
        self, jobs: Iterable[Callable[[Callable[[Minimise], Minimise]], Result]]
    ) -> list[Result | None]:
        """Run the jobs, at most `lanes` at a time; each is given a function that makes its `minimise` a lane's.

        Returns their results in order; None for a job that was not begun before an exception ended all, which is
        raised once all have ended. Jobs catch their own exceptions.
        """
        waiting = list(enumerate(jobs))
        results: list[Result | None] = [None] * len(waiting)
        threads: list[threading.Thread] = []

        def work(number: int, job: Callable[[Callable[[Minimise], Minimise]], Result]) -> None:
            try:
                results[number] = job(self._as_lane)
            finally:
                with self._changed:
                    self._active -= 1
                    self._changed.notify_all()

        try:
            while waiting or self._active:
                while waiting and self._active < self._lanes:
                    thread = threading.Thread(target=work, args=waiting.pop(0), daemon=True)
                    with self._changed:
                        self._active += 1
                    threads.append(thread)
                    thread.start()
                with self._changed:
                    begun = self._active
                    self._changed.wait_for(
                        lambda begun=begun: self._active < begun or len(self._requests) == self._active
                    )
                    requests = self._requests if len(self._requests) == self._active else []
                    self._requests = [] if requests else self._requests
                self._answer(requests)
        except BaseException as error:
            with self._changed:
                self._ended_by = error
                self._changed.notify_all()
            raise
        finally:
            for thread in threads:
                thread.join()
        return results

    def _as_lane(self, minimise: Minimise) -> Minimise:
        """A `minimise` that waits for the other lanes."""

        def in_a_lane(
            objective: FrameObjective,
            start: Tensor,
            *,
            evaluations: Sequence[int],
            replays: Replays | None = None,
            on_evaluation: Callable[[int], None] | None = None,
        ) -> Solution:
            request = _Request(minimise, objective, start, evaluations[0], replays, on_evaluation)
            with self._changed:
                self._requests.append(request)
                self._changed.notify_all()
                self._changed.wait_for(lambda: request.solution or request.error or self._ended_by)
            if error := request.error or self._ended_by:
                raise error
            assert request.solution is not None
            return request.solution

        return in_a_lane

    def _answer(self, requests: Sequence[_Request]) -> None:
        """Optimise the frames, those of one kind at once."""
        ordered = sorted(requests, key=lambda request: str(request.kind))
        for _, group in groupby(ordered, key=lambda request: request.kind):
            together = list(group)
            try:
                solutions = self._minimise(together)
            except Exception as error:
                for request in together:
                    request.error = error
            else:
                for request, solution in zip(together, solutions, strict=True):
                    request.solution = solution
        with self._changed:
            self._changed.notify_all()

    def _minimise(self, requests: Sequence[_Request]) -> list[Solution]:
        first = requests[0]
        if len(requests) == 1:
            evaluations, replays = first.evaluations, first.replays
            return [
                first.minimise(
                    first.objective,
                    first.start,
                    evaluations=evaluations,
                    replays=replays,
                    on_evaluation=first.on_evaluation,
                )
            ]
        objective = LanesObjective([request.objective for request in requests])

        def tell(number: int) -> None:
            for request in requests:
                if request.on_evaluation is not None and number <= request.evaluations:
                    request.on_evaluation(number)

        solution = first.minimise(
            objective,
            torch.cat([request.start for request in requests]),
            evaluations=[request.evaluations for request in requests],
            replays=self._replays_of(objective),
            on_evaluation=tell,
        )
        return [_own(solution.lane(lane), request.objective) for lane, request in enumerate(requests)]

    def _replays_of(self, objective: LanesObjective) -> Replays:
        """The captures of these lanes, as long as the runs stay the same."""
        lanes = tuple(id(one) for one in objective.objectives)
        if self._replays is None or self._replays[0] != lanes:
            self._replays = lanes, Replays(objective, objective.parts)
        return self._replays[1]


def _own(solution: Solution, objective: FrameObjective) -> Solution:
    """A lane's solution with no other terms than its own."""
    names = {*objective.losses, "total"}
    return replace(
        solution,
        losses={name: value for name, value in solution.losses.items() if name in names},
        curves={name: curve for name, curve in solution.curves.items() if name in names},
    )
