"""How much of the frame before shines through a painted frame."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

FAST_FLOW = 4.0
"""Motion, in pixels, from which an old contour stands apart from the new one and reads as a second one."""

UNCOVERED_WITHIN = 32
"""Pixels between what was uncovered and what fast thing may have uncovered it."""

BLURS = (1, 3, 7)
"""Widths, in pixels, at which the present content may explain the painting: contours, and strokes beside."""

LEAST_EVIDENCE = 100.0
"""Number of differences times the share the old content explains. Chance is about 1/√ of it, here 0.1."""


def ghosting(
    stylized: Tensor, previous: Tensor, content: Tensor, previous_content: Tensor, region: Tensor
) -> Tensor:
    """g: what shows V[i-1] and not V[i] in V'[i-1] is found again in V'[i] at g times its strength: (L,).

    `stylized`, `previous`, `content` and `previous_content` are V'[i], V'[i-1], V[i] and V[i-1],
    (L, 3, H, W) in [0, 1]; `region` (L, 1, H, W), nonzero where to look, is `ghost_region` or, at a cut, the
    whole frame. With ∇ the differences to the next pixels right and below, and regressions over those inside,

        z = ∇V[i-1] − its regression on ∇V[i], ∇blur₃ V[i], ∇blur₇ V[i]     what only the old frame shows
        t = the regression of ∇V'[i-1] on z                                 how the painter painted that
        g = ⟨t, ∇V'[i]⟩ / ⟨t, t⟩

    which is two-stage least squares: z is the instrument that tells a ghost from strokes alike in all frames.
    V'[i] = (1 − s)·X + s·V'[i-1] with X a painting of V[i] alone gives g = s, whatever the painter does to
    colours and contrast; no ghost gives 0 up to chance. It is not clipped, so that chance averages out.

    NaN where z cannot show a ghost: too few pixels, old and new content alike, or a painting in which its own
    content is not to be seen (`LEAST_EVIDENCE`). It does not see old strokes that have nothing to do with old
    contours. A painting that reaches out over more than some pixels around contours, over a repeating texture
    that moves by about its own period, is taken for a ghost or its opposite: compare with the naive model,
    which has none. Source: this project's own.
    """
    structure = torch.cat([_blurred(content.double(), width) for width in BLURS], dim=1)
    inside = region[:, :, :-1, :-1] > 0
    rows = [_differences(image.double()) for image in (structure, previous_content, previous, stylized)]
    moments = _moments(torch.cat(rows, dim=1), inside)
    known = structure.shape[1]
    old, before, now = (slice(known + 3 * n, known + 3 * (n + 1)) for n in range(3))

    partial = _without(moments, known)
    z_z = partial[:, old, old]
    # below rounding of what the regression took away, nothing is left that is old alone
    least = 1e-9 * moments[:, old, old].diagonal(dim1=1, dim2=2).amax(1)
    painted_as = torch.linalg.pinv(z_z, atol=least, hermitian=True) @ partial[:, old, before]
    t_t = (painted_as * partial[:, old, before]).sum((1, 2))
    t_now = (painted_as * partial[:, old, now]).sum((1, 2))
    energy = partial[:, before, before].diagonal(dim1=1, dim2=2).sum(1)
    evidence = 2 * inside.flatten(1).sum(1) * t_t / energy
    return torch.where(evidence >= LEAST_EVIDENCE, t_now / t_t, torch.nan)


def ghost_region(flow: Tensor, revealed: Tensor) -> Tensor:
    """1 where the old content must have gone, (L, 1, H, W): what moves fast, and what that uncovered.

    `flow` is backward flow (L, 2, H, W) in pixels, fast from `FAST_FLOW` on; `revealed` (L, 1, H, W) counts
    where something fast is up to `UNCOVERED_WITHIN` pixels away. Where all is slow, strokes that move as they
    should still overlap with themselves, and could not be told from a ghost.
    """
    fast = (flow.square().sum(dim=1, keepdim=True) >= FAST_FLOW**2).to(flow.dtype)
    reach = UNCOVERED_WITHIN
    along_row = F.max_pool2d(fast, (1, 2 * reach + 1), stride=1, padding=(0, reach))
    near = F.max_pool2d(along_row, (2 * reach + 1, 1), stride=1, padding=(reach, 0))
    return torch.maximum(fast, near * (revealed > 0))


def _blurred(image: Tensor, width: int) -> Tensor:
    """Mean over width × width pixels, fewer at the border of the frame."""
    return F.avg_pool2d(image, width, stride=1, padding=width // 2, count_include_pad=False)


def _differences(image: Tensor) -> Tensor:
    """To the pixel on the right and to the one below, of all pixels that have both: (L, C, 2, H-1, W-1)."""
    here = image[..., :-1, :-1]
    return torch.stack([image[..., :-1, 1:] - here, image[..., 1:, :-1] - here], dim=2)


def _moments(rows: Tensor, inside: Tensor) -> Tensor:
    """Inner products (L, R, R) of rows (L, R, 2, H, W) over the pixels inside (L, 1, H, W)."""
    counted = (rows * inside[:, :, None]).flatten(2)
    return counted @ counted.mT


def _without(moments: Tensor, known: int) -> Tensor:
    """Inner products of what the regression of all rows on the first `known` leaves (Schur's complement)."""
    of_known = moments[:, :known]
    inverse = torch.linalg.pinv(of_known[:, :, :known], rtol=1e-10, hermitian=True)
    return moments - of_known.mT @ inverse @ of_known
