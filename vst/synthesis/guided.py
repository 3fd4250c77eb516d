"""A painted key frame carried to another frame of its shot, patch by patch.

Source: Jamriška et al., "Stylizing Video by Example" (2019), on the algorithm of Fišer et al., "StyLit" (2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from vst.flow.warp import flow_targets, spline_warp
from vst.synthesis.patches import PATCH, PatchSpace, voted
from vst.synthesis.patchmatch import improved, inside

COARSEST = 32
"""Shorter side, in pixels, below which no level of the pyramid lies."""

COLOUR, EDGES, STYLE, TIME = 1.0, 2.0, 0.05, 0.3
"""Weights of the mean squared differences over the pixels of a patch: of the content's colours and of its edges, of the
painting put together so far, and of the painting before it, moved here."""

POSITION, FARTHEST = 150.0, 0.03
"""Weight of the squared distance from where the motion leads, as a share of the frame's longer side, and the distance
beyond which it costs no more: there the motion is wrong, or the place is new."""

EVENNESS = 0.004
"""Weight of how often a place of the key frame is used, 1 being its fair share."""

ROUNDS, SWEEPS = 3, 1
"""How often, on each level, patches are looked for and vote; and how often their places are improved each time."""

NEAR = 4
"""How far, in pixels, better places are looked for on each level but the coarsest: there half of the frame."""

SLACK = 2
"""How far, in pixels, a place may be from where the motion leads, along each axis, to count as the same."""

COMPONENTS = 16
"""How many numbers of a patch are compared, of its content and of its strokes each."""


@dataclass(frozen=True)
class Exemplar:
    """A key frame's content and its painting, (L, 3, H, W) each."""

    content: Tensor
    painting: Tensor


@dataclass(frozen=True)
class Guides:
    """What is known of a frame that is to be painted as its key frame is.

    `content` (L, 3, H, W); `flow` (L, 2, H, W) in pixels leads to the key frame, as far as `visibility` (L, 1, H, W)
    says that it shows the same. `before` (L, 3, H, W) is the painting of the frame painted before, moved here, as far
    as `followed` (L, 1, H, W) says that it can be.
    """

    content: Tensor
    flow: Tensor
    visibility: Tensor
    before: Tensor
    followed: Tensor


def synthesise(key: Exemplar, guides: Guides, generator: Generator) -> Tensor:
    """The frame painted with patches of the key frame's painting, (L, 3, H, W).

    Coarse to fine, the place q of the key frame whose patch is put around each pixel p is that of least

        Σ_g w_g |G_g(p) − K_g(q)|² + w_s |X(p) − S(q)|² + w_t c(p) |B(p) − S(q)|² + w_p v(p) |p + u(p) − q|² + w_o Ω(q)

    found by `improved`. G are the patches of the frame's colours and edges, K the key frame's, X those of the picture
    put together so far, S the painting's, B those of the painting before, moved here; u is the motion to the key
    frame, v its visibility, c how far B can be trusted; Ω is how often q is used, without which flat colours that fit
    everywhere would wash the painting out. The picture is put together by `voted`. Where the patches around a pixel are
    those to which the motion leads, it is the painting itself, moved by cubic splines: patches know whole pixels alone,
    and the strokes of what moves by less would shimmer.
    """
    sizes = _sizes(guides.content.shape[-2], guides.content.shape[-1])
    field: Tensor | None = None
    picture = guides.before
    for number, size in enumerate(sizes):
        level = _Level(Exemplar(*(_resized(part, size) for part in vars(key).values())), _at(guides, size))
        field = level.aim(generator) if field is None else level.aim_from(field)
        picture, field = level.paint(field, generator, radius=NEAR if number else max(size) / 2)
        if size == sizes[-1]:
            picture = picture.lerp(spline_warp(key.painting, guides.flow), level.follows(field))
    return picture


class _Level:
    """One size of the pyramid."""

    def __init__(self, key: Exemplar, guides: Guides):
        self._painting, self._visibility, self._followed = key.painting, guides.visibility, guides.followed
        self._longer = max(key.content.shape[-2:])
        x, y = flow_targets(guides.flow)
        self._aim = torch.cat([x, y], dim=1)
        there, here = _features(key.content), _features(guides.content)
        content, self._strokes = PatchSpace(there, COMPONENTS), PatchSpace(key.painting, COMPONENTS)
        self._content_there, self._content_here = _rows(content(there)), _rows(content(here))
        self._strokes_there = _rows(self._strokes(key.painting))
        self._before = _rows(self._strokes(guides.before))

    def aim(self, generator: Generator) -> Tensor:
        """Where the motion leads, in whole pixels, and anywhere where it leads nowhere.

        Beyond the key frame's border all would begin at the border, and stay: it is as good as other flat places.
        """
        height, width = self._aim.shape[-2:]
        anywhere = torch.rand(self._aim.shape, generator=generator).to(self._aim)
        anywhere = anywhere * anywhere.new_tensor([width, height]).view(1, 2, 1, 1)
        return inside(torch.where(self._visibility > 0.5, self._aim.round(), anywhere.floor()).long())

    def aim_from(self, field: Tensor) -> Tensor:
        """The places found on a coarser level, by how far they are from the pixels."""
        height, width = self._aim.shape[-2:]
        away = F.interpolate(field - _own_places(field), (height, width), mode="nearest")
        return inside((_own_places(self._aim) + away * (width / field.shape[-1])).round().long())

    def paint(self, field: Tensor, generator: Generator, radius: float) -> tuple[Tensor, Tensor]:
        """The picture of this size and the places of its patches."""
        picture = voted(self._painting, field, torch.ones_like(self._visibility))
        for _ in range(ROUNDS):
            self._look_at(picture, field)
            field, cost = improved(field, self._cost, generator, radius, SWEEPS)
            picture = voted(self._painting, field, cost)
        return picture, field

    def follows(self, field: Tensor) -> Tensor:
        """Where all patches around a pixel are those to which the motion leads, (L, 1, H, W) in [0, 1]."""
        there = ((field - self._aim).abs() <= SLACK).all(1, keepdim=True).to(self._aim.dtype)
        whole = -F.max_pool2d(-there * self._visibility, 3, stride=1, padding=1)
        return F.avg_pool2d(whole, 3, stride=1, padding=1, count_include_pad=False)

    def _look_at(self, picture: Tensor, field: Tensor) -> None:
        # w_s |X − S|² + w_t c |B − S|² is, up to what is the same for all q, (w_s + w_t c) |Y − S|²
        here, time = _rows(self._strokes(picture)), TIME * _rows(self._followed)
        self._strokes_weight = STYLE + time
        self._strokes_here = (STYLE * here + time * self._before) / self._strokes_weight
        self._used = EVENNESS * _used(field)

    def _cost(self, field: Tensor) -> Tensor:
        lanes, _, height, width = field.shape
        places = (field[:, 1] * width + field[:, 0]).flatten(1)
        places = (places + torch.arange(lanes, device=field.device)[:, None] * (height * width)).flatten()
        content = (self._content_here - self._content_there.index_select(0, places)).square().sum(1)
        strokes = (self._strokes_here - self._strokes_there.index_select(0, places)).square().sum(1)
        known = content + self._strokes_weight[:, 0] * strokes + self._used.index_select(0, places)
        away = (self._aim - field).square().sum(1, keepdim=True) / self._longer**2
        return known.view(lanes, 1, height, width) + POSITION * self._visibility * away.clamp(max=FARTHEST**2)


def _own_places(field: Tensor) -> Tensor:
    """Every pixel's own column and row, (L, 2, H, W)."""
    return torch.cat(flow_targets(torch.zeros_like(field, dtype=torch.float32)), dim=1)


def _features(content: Tensor) -> Tensor:
    """What guides of the content there are: its colours and its edges, weighted, (L, 4, H, W)."""
    grey = content.mean(1, keepdim=True)
    around = F.avg_pool2d(grey, PATCH, stride=1, padding=PATCH // 2, count_include_pad=False)
    return torch.cat([COLOUR**0.5 * content, EDGES**0.5 * (grey - around)], dim=1)


def _used(field: Tensor) -> Tensor:
    """How many patches cover each place, relative to what is fair: (L·H·W,)."""
    lanes, _, height, width = field.shape
    places = (field[:, 1] * width + field[:, 0]).flatten(1)
    counts = torch.zeros(lanes, height * width, device=field.device)
    counts.scatter_add_(1, places, torch.ones_like(places, dtype=counts.dtype))
    image = counts.view(lanes, 1, height, width)
    return F.avg_pool2d(image, PATCH, 1, PATCH // 2, count_include_pad=False).flatten()


def _rows(image: Tensor) -> Tensor:
    """The pixels of all lanes, one after the other: (L, C, H, W) → (L·H·W, C)."""
    return image.movedim(1, -1).flatten(0, 2).contiguous()


def _sizes(height: int, width: int) -> list[tuple[int, int]]:
    """The sizes of the pyramid, (height, width), in steps of 2, the coarsest first."""
    found = [(height, width)]
    while min(found[0]) >= 2 * COARSEST:
        found.insert(0, ((found[0][0] + 1) // 2, (found[0][1] + 1) // 2))
    return found


def _at(guides: Guides, size: tuple[int, int]) -> Guides:
    """The guides at another size, and the motion in its pixels."""
    parts = {name: _resized(part, size) for name, part in vars(guides).items()}
    factor = size[1] / guides.content.shape[-1], size[0] / guides.content.shape[-2]
    return Guides(**{**parts, "flow": parts["flow"] * guides.flow.new_tensor(factor).view(1, 2, 1, 1)})


def _resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    if image.shape[-2:] == size:
        return image
    return F.interpolate(image, size, mode="bilinear", antialias=True, align_corners=False)
