"""The image that the optimisation of a frame starts from.

Each start takes the frame's target and a random generator of the frame's own, and returns an image
(L, 3, H, W). Those marked `first_pass_only` start a later pass from the frame's painting of the pass before. Those
marked `compares` use nothing that was painted, or nothing of another shot, as a loss may say (`vst.losses.loss.Loss`).
Those marked `paints` give a painting, whatever was painted before.
One marked `anchored` asks for the shot's anchor, and takes its painting for an exemplar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from torch import Generator, Tensor

from vst.bounds import Share
from vst.flow.confidence import border_confidence
from vst.flow.prediction import fill_disoccluded, fill_radius
from vst.losses.loss import Comparison
from vst.losses.target import Target
from vst.networks.anystyle import AnyStyle
from vst.networks.transformation import TransformationNetwork
from vst.synthesis.blending import cross_fade
from vst.synthesis.guided import Exemplar, Guides, synthesise

Start = Callable[[Target, Generator], Tensor]

LEAST_UNPAINTED = 0.01
"""Share of a frame that must be unpainted in its start for the frame to be painted coarse to fine."""


Marked = TypeVar("Marked", bound=Callable[..., Tensor])
Options = ParamSpec("Options")


def compares(what: Comparison) -> Callable[[Marked], Marked]:
    """Mark a start with what it uses: `nothing` painted, or paintings of the frame's `shot` alone."""

    def marked(start: Marked) -> Marked:
        vars(start)["compares"] = what
        return start

    return marked


def comparison_of(start: Start) -> Comparison:
    """What a start, as the configuration builds it, uses; `anything` where it does not say."""
    return _marks(start).get("compares", "anything")


def paints(start: Marked) -> Marked:
    """Mark a start that is a painting already, so that it is not painted coarse to fine."""
    vars(start)["paints"] = True
    return start


def is_painting(start: Start) -> bool:
    """Whether a start, as the configuration builds it, is marked as one that `paints`."""
    return "paints" in _marks(start)


def anchored(start: Start) -> Start:
    """Mark a start that paints a shot after its anchors."""
    vars(start)["anchored"] = True
    return start


def is_anchored(start: Start) -> bool:
    """Whether a start, as the configuration builds it, paints a shot after its anchors."""
    return "anchored" in _marks(start)


def fills(start: Start) -> Start:
    """Mark a start that fills what is not `followed` with something that is not painted."""
    vars(start)["fills"] = True
    return start


def partly_unpainted(start: Start, target: Target) -> bool:
    """Whether a part of what a frame starts from is filled, and worth painting coarse to fine."""
    if "fills" not in _marks(start) or not target.past or target.earlier is not None:
        return False
    return target.past[0].unfollowed >= LEAST_UNPAINTED


def _marks(start: Start) -> Mapping[str, Any]:
    return vars(start.func if isinstance(start, partial) else start)


def first_pass_only(
    start: Callable[Concatenate[Target, Generator, Options], Tensor],
) -> Callable[Concatenate[Target, Generator, Options], Tensor]:
    """Let a later pass continue from the frame's own painting of the pass before."""

    @wraps(start)
    def start_or_continue(
        target: Target, generator: Generator, *args: Options.args, **options: Options.kwargs
    ) -> Tensor:
        return start(target, generator, *args, **options) if target.earlier is None else target.earlier

    return start_or_continue


@compares("nothing")
@first_pass_only
def content_start(target: Target, generator: Generator) -> Tensor:
    """The content frame: the painting stays close to it and flickers least among the independent starts."""
    return target.content


@compares("nothing")
@first_pass_only
def noise_start(target: Target, generator: Generator) -> Tensor:
    """Uniform noise in [0, 1], as in Gatys et al.; different in every frame, so the frames differ most."""
    noise = torch.rand(target.content.shape, generator=generator)
    return noise.to(target.content)


@compares("nothing")
@paints
@first_pass_only
def anystyle_start(target: Target, generator: Generator, network: AnyStyle) -> Tensor:
    """What a network paints at once, in the painting's style."""
    assert target.style is not None
    return network.paint(target.content, target.style)


@first_pass_only
def previous_start(target: Target, generator: Generator) -> Tensor:
    """The neighbour's painting, unwarped; the content in the first frame of a pass."""
    return target.content if target.neighbour is None else target.neighbour.stylized


@first_pass_only
def warped_start(target: Target, generator: Generator) -> Tensor:
    """The neighbour's painting warped along the backward flow; the content in the first frame of a pass."""
    return target.content if target.neighbour is None else target.neighbour.moved


def blended_start(target: Target, generator: Generator, blend: Share = 0.5) -> Tensor:
    """The start of Ruder et al.'s multi-pass algorithm (2016, section 5): the content in the first pass, then

        δ c·ω(V'[neighbour]) + (1 − δ c)·V'[i]     of this pass and of the pass before

    with δ = `blend`, ω the backward warp, and c Ruder's mask. Theirs begins from noise, this from the content,
    the default start here.
    """
    if target.earlier is None:
        return target.content
    if target.neighbour is None:
        return target.earlier
    return torch.lerp(target.earlier, target.neighbour.moved, blend * target.neighbour.trust)


@fills
@compares("shot")
@first_pass_only
def filled_start(target: Target, generator: Generator) -> Tensor:
    """The neighbour's painting warped to this frame, and in unknown areas the content in the painting's colours.

    Unknown is what is not `followed` (`fill_disoccluded`). The content where a shot begins, or where nothing is known.
    """
    if not target.past or target.past[0].unfollowed == 1:
        return target.content
    near = target.past[0]
    return fill_disoccluded(near.kept, near.followed, target.content, fill_radius(target.content))


@compares("nothing")
@paints
@first_pass_only
def network_start(target: Target, generator: Generator, network: TransformationNetwork) -> Tensor:
    """The painting of a network that was trained for the style image, which looks at the content frame alone."""
    with torch.no_grad():
        return network.to(target.content.device)(target.content)


@anchored
@compares("shot")
def synthesised_start(target: Target, generator: Generator) -> Tensor:
    """The shot's anchor carried to this frame, patch by patch (`synthesise`); a painting that is given, where one is.

    The content where a shot has no anchor yet. A second pass, which runs backward, reaches the frames before the first
    key frame that is given, and blends between two by `cross_fade`; all others keep their painting of the first pass.
    """
    if target.given is not None:
        return target.given
    if target.anchor is None or not target.past:
        return target.content if target.earlier is None else target.earlier
    near = target.past[0]
    # along a painting's border strokes are others, and no part of the picture
    visibility = target.anchor.visibility * border_confidence(target.anchor.flow)
    guides = Guides(target.content, target.anchor.flow, visibility, near.kept, near.followed)
    exemplar = Exemplar(target.anchor.content, target.anchor.painting)
    painted = synthesise(exemplar, guides, generator).clamp(0, 1)
    if target.earlier is None or target.between is None:
        return painted
    return cross_fade(target.earlier, painted, target.between)
