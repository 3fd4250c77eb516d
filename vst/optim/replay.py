"""An evaluation and its step, captured as a CUDA graph and replayed, for one frame after the other."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from vst.optim.descent import Descent, Objective

MOST_GRAPHS = 3
"""How many are kept: a shot's first frame, the second and the later ones may differ in what they compare."""

WARM_UPS = 2
"""Evaluations before a capture, in which libraries choose their algorithms and reserve their memory."""

Capture = Callable[[Callable[[], None]], Callable[[], None]]


class CudaGraphs:
    """Captures what a function queues on the GPU, and returns what queues all of it again in one call.

    All graphs share their memory: none runs beside another, and what they leave is in tensors outside.
    """

    def __init__(self) -> None:
        self._pool: Any = None

    def __call__(self, advance: Callable[[], None]) -> Callable[[], None]:
        """Warm up, and capture."""
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                advance()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        # thread_local: other threads, which estimate flow, may go on to allocate memory
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            advance()
        self._pool = graph.pool()
        return graph.replay


class Replays:
    """The captured descents of an objective that changes from frame to frame only in its tensors.

    `parts` are the objects that hold those tensors as attributes, alone or in lists, tuples and dicts. A capture has
    copies of them, into which those of the next frame are copied. Where anything else differs, shapes, structure,
    numbers or objects, it is captured anew.
    """

    def __init__(self, objective: Objective, parts: Sequence[object], capture: Capture | None = None):
        self._objective, self._parts = objective, parts
        self._given, self._capture = capture is not None, capture or CudaGraphs()
        self._captured: OrderedDict[Hashable, _Captured] = OrderedDict()

    def possible(self, start: Tensor) -> bool:
        """Whether there is something to capture with."""
        return start.is_cuda or self._given

    def descent(
        self, options: Hashable, make: Callable[[Objective], Descent], start: Tensor
    ) -> tuple[Descent, Callable[[], None]]:
        """The descent for the tensors that the parts hold now, and what advances it by an evaluation and a step."""
        held = _Held.by(self._parts)
        key = (options, start.shape, start.dtype, held.key)
        if key not in self._captured:
            # once before, so that what parts make on first use is among their tensors
            with torch.no_grad():
                self._objective(start)
            held = _Held.by(self._parts)
            key = (*key[:-1], held.key)
        found = self._captured.pop(key, None) or self._captured_anew(make, held, start)
        for kept, tensor in zip(found.tensors, held.tensors, strict=True):
            kept.copy_(tensor)
        self._captured[key] = found
        while len(self._captured) > MOST_GRAPHS:
            self._captured.popitem(last=False)
        return found.descent, found.advance

    def _captured_anew(self, make: Callable[[Objective], Descent], held: _Held, start: Tensor) -> _Captured:
        own = [tensor.detach().clone() for tensor in held.tensors]
        descent = make(self._objective)

        def advance() -> None:
            descent.evaluate()
            descent.move()

        with held.replaced_by(own):
            descent.begin(start, torch.full((len(start),), descent.capacity, device=start.device))
            replay = self._capture(advance)
        return _Captured(descent, replay, own, held.objects)


@dataclass(frozen=True)
class _Captured:
    descent: Descent
    advance: Callable[[], None]
    tensors: list[Tensor]
    objects: list[Any]
    """Kept, so that no other object can have their identity."""


class _Held:
    """The tensors in the attributes of some objects, and a key of all that is not a tensor."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.objects: list[Any] = []
        self.key: tuple[Hashable, ...] = ()
        self._places: list[tuple[dict[str, Any], str, Any, list[Any]]] = []

    @classmethod
    def by(cls, parts: Sequence[object]) -> _Held:
        """Those held by the parts now."""
        held = cls()
        described: list[Hashable] = []
        for part in _with_submodules(parts):
            for name, value in vars(part).items():
                if isinstance(part, nn.Module) and name in _MODULES_OWN:
                    continue
                leaves, structure = tree_flatten(value)
                held._places.append((vars(part), name, structure, leaves))
                described += [name, str(structure), *map(held._describe, leaves)]
        held.key = tuple(described)
        return held

    def _describe(self, leaf: Any) -> Hashable:
        if isinstance(leaf, Tensor):
            self.tensors.append(leaf)
            return "tensor", leaf.shape, leaf.stride(), leaf.dtype, leaf.device
        if isinstance(leaf, int | float | str | bool | None):
            return leaf
        self.objects.append(leaf)
        return "object", id(leaf)

    @contextmanager
    def replaced_by(self, tensors: Sequence[Tensor]) -> Generator[None]:
        """Let the attributes hold other tensors for a while."""
        others = iter(tensors)
        for attributes, name, structure, leaves in self._places:
            new = [next(others) if isinstance(leaf, Tensor) else leaf for leaf in leaves]
            attributes[name] = tree_unflatten(new, structure)
        try:
            yield
        finally:
            for attributes, name, structure, leaves in self._places:
                attributes[name] = tree_unflatten(leaves, structure)


def _with_submodules(parts: Sequence[object]) -> Iterator[object]:
    for part in parts:
        yield from part.modules() if isinstance(part, nn.Module) else (part,)


_MODULES_OWN = frozenset(vars(nn.Module())) - {"_buffers", "_parameters"}
"""Attributes of every module, but for those that hold tensors."""
