from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from vst.features.vgg import Activations
from vst.flow.neighbour import Neighbour


@dataclass(frozen=True)
class AnchorView:
    """The anchor as seen from one frame: the flow to it, where it is visible, and its painting warped to the frame.

    `flow` is backward flow from the frame to the anchor, (L, 2, H, W) in pixels; `visibility` (L, 1, H, W) is 1
    where the anchor shows what the frame shows, `moved` the anchor's painting warped along the flow; `content` and
    `painting` are the anchor's own.
    """

    flow: Tensor
    visibility: Tensor
    moved: Tensor
    content: Tensor
    painting: Tensor


@dataclass(frozen=True)
class Regions:
    """Where a frame is painted: `of` each style image, and `whole`, where it is painted at all; the rest stays content.

    Masks (1, 1, H, W) in [0, 1], with soft edges.
    """

    of: Sequence[Tensor]
    whole: Tensor


@dataclass(frozen=True)
class Target:
    """The targets of one frame: everything that a loss or a start may use.

    `activations` are those of the content at the layers of the losses that see it. `neighbour` is the frame
    painted just before, None for the first of a pass; it may belong to another shot. `past` are the frames
    of this frame's shot that were painted before it in this pass, the nearest first, as many as the losses
    need, without blank ones; `anchor` is the painting that keeps the shot from drifting, if a loss asked for one.
    `pass_index` counts the passes from 0; `earlier` is this frame's painting from the pass before, None in the
    first. `neighbours` are all frames painted before it that the history holds, the nearest first. `look` gives the
    activations of any image, at the layers that the losses asked for; `style` is the painting (1, 3, h, w).
    `given` is the painting of a key frame that is given, `between` where the frame lies between two of them
    (`vst.painting.exemplars`).
    """

    content: Tensor
    activations: Activations
    neighbour: Neighbour | None
    earlier: Tensor | None = None
    past: Sequence[Neighbour] = ()
    anchor: AnchorView | None = None
    pass_index: int = 0
    neighbours: Sequence[Neighbour] = ()
    style: Tensor | None = None
    regions: Regions | None = None
    look: Callable[[Tensor], Activations] = field(default=lambda _: Activations({}), repr=False)
    given: Tensor | None = None
    between: float | None = None
