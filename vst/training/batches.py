from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vst.flow.estimators import FlowEstimator
from vst.flow.pair import FramePair
from vst.flow.store import FlowStore
from vst.frames import Frame
from vst.training.examples import Example, Examples
from vst.video.ahead import Ahead

BATCHES_AHEAD = 2
"""How many are read, and their motion estimated, while a step is taken."""


@dataclass(frozen=True)
class Batch:
    """Frames (L, 3, H, W) to paint, as lanes, and the pairs with those before them; None where frames stand alone."""

    content: Tensor
    pair: FramePair | None


class Batches:
    """The batches of a training from a step on, each drawn from (seed, step), so that a resumed training repeats them.

    Frames of a batch have one size: it is drawn by how many examples have it. Where there is an `estimator`, frames of
    clips come with those before them, and each flow is estimated once, and stored in the `directory`.
    """

    def __init__(
        self,
        sources: Sequence[Examples],
        batch: int,
        steps: int,
        seed: int,
        estimator: FlowEstimator | None,
        directory: Path,
    ):
        self._sources, self._batch, self._steps, self._seed = sources, batch, steps, seed
        self._estimator, self._directory = estimator, directory
        self._alike: dict[tuple[int, int, bool], list[tuple[int, int]]] = {}
        for source, examples in enumerate(sources):
            for number, (size, followed) in enumerate(zip(examples.sizes, examples.followed, strict=True)):
                alike = (*size, followed and estimator is not None)
                self._alike.setdefault(alike, []).append((source, number))
        self.first = 0
        """The step with which they begin."""
        self.device = torch.device("cpu")
        self._ahead: Ahead[Batch] | None = None

    def __len__(self) -> int:
        """How many steps are left."""
        return self._steps - self.first

    def __iter__(self) -> Iterator[Batch]:
        """Yield them, made in a thread of their own."""
        self._ahead = Ahead((self.batch(step) for step in range(self.first, self._steps)), BATCHES_AHEAD)
        yield from self._ahead

    def close(self) -> None:
        """End the thread."""
        if self._ahead is not None:
            self._ahead.close()

    def batch(self, step: int) -> Batch:
        """The batch of a step."""
        drawn = np.random.default_rng((self._seed, step))
        kinds = list(self._alike)
        counts = np.array([len(self._alike[kind]) for kind in kinds])
        kind = kinds[drawn.choice(len(kinds), p=counts / counts.sum())]
        alike = self._alike[kind]
        chosen = drawn.choice(len(alike), min(self._batch, len(alike)), replace=False)
        examples = [
            self._sources[source].example(number) for source, number in (alike[place] for place in chosen)
        ]
        if not kind[-1]:
            return Batch(torch.cat([example.content for example in examples]).to(self.device), None)
        pair = Lanes([self._pair(example) for example in examples])
        pair.trust  # noqa: B018 - computed here, ahead of the step
        return Batch(pair.current_content, pair)

    def _pair(self, example: Example) -> FramePair:
        assert example.before is not None
        assert self._estimator is not None
        index, store = example.index, FlowStore(self._directory / f"{example.clip:06d}")
        before = Frame(example.before.to(self.device), index - 1, index - 1, index - 1)
        frame = Frame(example.content.to(self.device), index, index, index)
        return FramePair(before.content, frame.content, store.between(frame, before, self._estimator))


class Lanes(FramePair):
    """Pairs of frames of one size as the lanes of one pair."""

    def __init__(self, pairs: Sequence[FramePair]):
        content = torch.cat([pair.content for pair in pairs])
        current_content = torch.cat([pair.current_content for pair in pairs])
        super().__init__(content, current_content, pairs[0].estimator)
        self._pairs = pairs

    @cached_property
    def backward_flow(self) -> Tensor:
        """Each pair's own."""
        return torch.cat([pair.backward_flow for pair in self._pairs])

    @cached_property
    def forward_flow(self) -> Tensor:
        """Each pair's own."""
        return torch.cat([pair.forward_flow for pair in self._pairs])
