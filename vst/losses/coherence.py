from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from vst.errors import InputError
from vst.features.vgg import Activations
from vst.flow.prediction import at_distances, combine, nearest_trusted
from vst.flow.warp import backward_warp, forward_splat
from vst.frames import Target
from vst.losses.functional import (
    Gate,
    enhanced_coherence,
    flow_coherence,
    masked_coherence,
    mse_coherence,
    paper_gate,
)
from vst.losses.loss import Loss
from vst.neighbour import Neighbour


class Coherence(Loss):
    """A term that holds a frame to its neighbour; the first frame of a pass has none, and the term is 0."""

    def __init__(self, weight: float):
        super().__init__(weight)
        self._applies = False

    def begin_frame(self, target: Target) -> None:
        """Hold what the term compares with, where there is a neighbour."""
        self._applies = target.neighbour is not None
        if target.neighbour is not None:
            self.hold(target, target.neighbour)

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """(L,), in squared units of [0, 1]."""
        return self.compare(canvas) if self._applies else torch.zeros_like(canvas[:, 0, 0, 0])

    @abstractmethod
    def hold(self, target: Target, neighbour: Neighbour) -> None:
        """Keep what `compare` needs of the frame to paint and its neighbour."""

    @abstractmethod
    def compare(self, canvas: Tensor) -> Tensor:
        """The coherence of a canvas (L, 3, H, W) with the neighbour: (L,)."""


class MseCoherence(Coherence):
    """`mse_coherence`: the painted frame is to be the one before."""

    def hold(self, target: Target, neighbour: Neighbour) -> None:
        """Keep the neighbour's painting."""
        self._previous = neighbour.stylized

    def compare(self, canvas: Tensor) -> Tensor:
        """(L,)."""
        return mse_coherence(canvas, self._previous)


class EnhancedCoherence(Coherence):
    """`enhanced_coherence`: the painted frame is to change as the content does; `gate` is the paper's f."""

    def __init__(self, weight: float, gate: Gate = paper_gate):
        super().__init__(weight)
        self.gate = gate

    def hold(self, target: Target, neighbour: Neighbour) -> None:
        """Keep both content frames and the neighbour's painting."""
        self._images = neighbour.stylized, target.content, neighbour.content

    def compare(self, canvas: Tensor) -> Tensor:
        """(L,)."""
        return enhanced_coherence(canvas, *self._images, gate=self.gate)


class FlowCoherence(Coherence):
    """`flow_coherence`: the painted frame is to be the one before, moved along the optical flow.

    `warp` is how it is moved: `forward` pushes every pixel along the forward flow, as the paper has it;
    `backward` fetches every pixel along the backward flow.
    """

    def __init__(self, weight: float, warp: Literal["forward", "backward"] = "forward"):
        super().__init__(weight)
        self.warp = warp

    def hold(self, target: Target, neighbour: Neighbour) -> None:
        """Move the neighbour's painting, once a frame."""
        if self.warp == "forward":
            self._prediction = forward_splat(neighbour.stylized, neighbour.forward_flow)
        else:
            self._prediction = backward_warp(neighbour.stylized, neighbour.backward_flow)

    def compare(self, canvas: Tensor) -> Tensor:
        """(L,)."""
        return flow_coherence(canvas, self._prediction)


class RuderCoherence(Loss):
    """`masked_coherence` with earlier paintings moved here: Ruder, Dosovitskiy & Brox (2016), section 4.

    `distances` are J, how many frames back the term looks: [1] is their short-term, [1, 2, 4] a long-term
    term, in which each pixel is held by the nearest frame that shows it (`nearest_trusted`). `first_pass` is
    the pass from which on it counts: with several passes theirs begins once the frames have settled. It
    knows nothing of cuts: across one the masks close where they can.
    """

    def __init__(self, weight: float, distances: Sequence[int] = (1,), first_pass: int = 0):
        super().__init__(weight)
        if 1 not in distances or min(distances) < 1:
            raise InputError(
                f"loss.coherence.distances is {list(distances)}, and the frame before belongs to it; give 1 and larger"
            )
        self.distances, self.first_pass = tuple(distances), first_pass
        self.reach = max(distances)
        self._held: tuple[Tensor, Tensor] | None = None

    def begin_frame(self, target: Target) -> None:
        """Move the earlier paintings here, once a frame."""
        self._held = None
        if target.neighbour is None or target.pass_index < self.first_pass:
            return
        further = at_distances(target.past, [distance for distance in self.distances if distance > 1])
        seen = [target.neighbour, *further]
        weights = nearest_trusted([neighbour.trust for neighbour in seen])
        self._held = combine([neighbour.moved for neighbour in seen], weights)

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """(L,), in squared units of [0, 1]."""
        return masked_coherence(canvas, *self._held) if self._held else torch.zeros_like(canvas[:, 0, 0, 0])


class RobustCoherence(Loss):
    def __init__(self, weight: float, distances: Sequence[int] = (1,), floor: float = 0.0, blur: int = 0, **kw):
        super().__init__(weight)
        import json, os
        self.o = json.loads(os.environ.get("ROB", "{}"))
        self.distances = self.o.get("distances", list(distances))
        self.reach = max(self.distances)
        self._held = None

    def begin_frame(self, target: Target) -> None:
        self._held = None
        if target.past:
            P, c, S = robust_prediction(target, self.o)
            if self.o.get('cubic') == 2: P = S
            self._held = P, c.clamp(min=self.o.get("floor", 0.0))

    def forward(self, canvas: Tensor, activations: Activations) -> Tensor:
        """(L,), in squared units of [0, 1]."""
        return masked_coherence(canvas, *self._held) if self._held else torch.zeros_like(canvas[:, 0, 0, 0])


_cache = {}
def cubic(img, flow):
    import cv2, numpy as np
    h, w = img.shape[-2:]
    xs, ys = np.meshgrid(np.arange(w), np.arange(h))
    mx, my = (xs + flow[0, 0].numpy()).astype(np.float32), (ys + flow[0, 1].numpy()).astype(np.float32)
    r = cv2.remap(np.ascontiguousarray(img[0].permute(1, 2, 0).numpy()), mx, my, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return torch.from_numpy(r).permute(2, 0, 1)[None].clamp(0, 1)


def robust_prediction(target, o):
    import torch.nn.functional as F
    from vst.flow.consistency import disocclusion_mask, in_frame_mask, _gaussian
    if _cache.get('t') is target: return _cache['r']
    seen = at_distances(target.past, o.get("distances", [1]))
    tr = []
    for n in seen:
        if o.get("soft", 1):
            hard = disocclusion_mask(n.backward_flow, n.forward_flow) * in_frame_mask(n.backward_flow)
            t = _gaussian(torch.where(hard > 0, 1.0, -1.0), o.get("sigma", 0.8)).clamp(0, 1)
        else:
            t = n.trust
        if o.get("photo"):
            d = (target.content - n.moved_content).abs().mean(1, keepdim=True) if hasattr(n, 'moved_content') else None
        if o.get("blur"): t = F.avg_pool2d(t, o["blur"], 1, o["blur"]//2, count_include_pad=False)
        tr.append(t)
    if o.get("mode", "nearest") == "nearest":
        w = nearest_trusted(tr)
    else:
        ws = o["ws"]
        w = [t * ws[min(k, len(ws)-1)] for k, t in enumerate(tr)]
        tot = torch.stack(w).sum(0); cmax = torch.stack(tr).amax(0)
        w = [x / tot.clamp(min=1e-6) * cmax for x in w]
    P, c = combine([n.moved for n in seen], w)
    S = combine([cubic(n.stylized, n.backward_flow) for n in seen], w)[0] if o.get("cubic") else P
    r = P, c, S
    _cache.update(t=target, r=r)
    return r
