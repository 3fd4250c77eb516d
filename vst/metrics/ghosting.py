"""How much of the previous frame is still visible in a painted frame."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vst.metrics.differences import differences
from vst.metrics.motion import Motion

REFERENCE = 128
"""About how long a frame's longer side is where ghosts are measured: larger frames are reduced to it, since their
strokes and ghosts are larger alike. The lengths below are in pixels of the reduced frame."""

FAST_FLOW = 4.0
"""Motion from which an old contour is separate from the new one and visible as a second contour."""

UNCOVERED_WITHIN = 32
"""Largest distance of a disoccluded pixel from the fast motion that may have disoccluded it."""

BLURS = (1, 3, 7)
"""Blur widths at which the new content may explain the painting: contours, and strokes beside them."""

LEAST_EVIDENCE = 100.0
"""Least number of differences times the fraction that the old content explains. Chance is about 1/√ of it: 0.1."""


def frame_ghosting(
    stylized: Tensor, previous: Tensor, content: Tensor, previous_content: Tensor, motion: Motion | None
) -> Tensor:
    """`ghosting` of a frame of any size, (L,): where something moves fast, or everywhere, at a cut, without `motion`.

    The images are those of `ghosting`, `motion` is backward flow, trust and disocclusions, one lane for all.
    """
    images = [
        reduced(image).expand(len(stylized), -1, -1, -1)
        for image in (stylized, previous, content, previous_content)
    ]
    if motion is None:
        region = torch.ones_like(images[0][:, :1])
    else:
        revealed = (reduced(motion.revealed) >= 0.5).to(motion.flow.dtype)
        region = ghost_region(reduced(motion.flow) / reduction(motion.flow), revealed).expand(
            len(stylized), -1, -1, -1
        )
    return ghosting(*images, region)


def reduction(image: Tensor) -> int:
    """How many pixels of a frame (…, H, W) are one of its reduced copy, along each side."""
    return max(1, round(max(image.shape[-2:]) / REFERENCE))


def reduced(image: Tensor) -> Tensor:
    """A frame (L, C, H, W) averaged over squares, so that its longer side is about `REFERENCE`."""
    return F.avg_pool2d(image, reduction(image))


def ghosting(
    stylized: Tensor, previous: Tensor, content: Tensor, previous_content: Tensor, region: Tensor
) -> Tensor:
    """g: the strength at which V'[i-1]'s painting of what only V[i-1] shows remains in V'[i], 1 = in full: (L,).

    `stylized`, `previous`, `content` and `previous_content` are V'[i], V'[i-1], V[i] and V[i-1],
    (L, 3, H, W) in [0, 1]; `region` (L, 1, H, W), nonzero where to measure, is `ghost_region` or, at a cut, the
    whole frame. With ∇ the differences to the next pixels right and below, and regressions over the region,

        z = ∇V[i-1] − its regression on ∇V[i], ∇blur₃ V[i], ∇blur₇ V[i]     what only the old frame shows
        t = the regression of ∇V'[i-1] on z                                 how that is painted
        g = ⟨t, ∇V'[i]⟩ / ⟨t, t⟩

    which is two-stage least squares: the instrument z tells a ghost from strokes alike in all frames.
    V'[i] = (1 − s)·X + s·V'[i-1] with X a painting of V[i] alone gives g = s, however the style changes colours
    and contrast; no ghost gives 0 up to chance. g is not clipped, so that chance averages out.

    NaN where z cannot show a ghost: too few pixels, equal old and new content, or a painting that does not show
    its own content (`LEAST_EVIDENCE`). Old strokes unrelated to old contours are not detected. Where the painting
    around contours extends over more than a few pixels, a repeating texture that moves by about its own period
    is taken for a ghost or its opposite: compare with the naive model, which has none. Source: this project's own.
    """
    structure = torch.cat([_blurred(content.double(), width) for width in BLURS], dim=1)
    inside = region[:, :, :-1, :-1] > 0
    rows = [differences(image.double()) for image in (structure, previous_content, previous, stylized)]
    moments = _moments(torch.cat(rows, dim=1), inside)
    known = structure.shape[1]
    old, before, now = (slice(known + 3 * n, known + 3 * (n + 1)) for n in range(3))

    partial = _without(moments, known)
    z_z = partial[:, old, old]
    # a remainder below the rounding error of the regression shows nothing of the old frame
    least = 1e-9 * moments[:, old, old].diagonal(dim1=1, dim2=2).amax(1)
    painted_as = torch.linalg.pinv(z_z, atol=least, hermitian=True) @ partial[:, old, before]
    t_t = (painted_as * partial[:, old, before]).sum((1, 2))
    t_now = (painted_as * partial[:, old, now]).sum((1, 2))
    energy = partial[:, before, before].diagonal(dim1=1, dim2=2).sum(1)
    evidence = 2 * inside.flatten(1).sum(1) * t_t / energy
    return torch.where(evidence >= LEAST_EVIDENCE, t_now / t_t, torch.nan)


def ghost_region(flow: Tensor, revealed: Tensor) -> Tensor:
    """1 where the old content must be gone, (L, 1, H, W): in fast motion, and in what it disoccluded.

    `flow` is backward flow (L, 2, H, W) in pixels, fast from `FAST_FLOW` on; `revealed` (L, 1, H, W) counts
    if fast motion is up to `UNCOVERED_WITHIN` pixels away. In slow motion, correctly moving strokes still
    overlap with themselves, and cannot be told from a ghost.
    """
    fast = (flow.square().sum(dim=1, keepdim=True) >= FAST_FLOW**2).to(flow.dtype)
    reach = UNCOVERED_WITHIN
    along_row = F.max_pool2d(fast, (1, 2 * reach + 1), stride=1, padding=(0, reach))
    near = F.max_pool2d(along_row, (2 * reach + 1, 1), stride=1, padding=(reach, 0))
    return torch.maximum(fast, near * (revealed > 0))


def _blurred(image: Tensor, width: int) -> Tensor:
    """Mean over width × width pixels, fewer at the border of the frame."""
    return F.avg_pool2d(image, width, stride=1, padding=width // 2, count_include_pad=False)


def _moments(rows: Tensor, inside: Tensor) -> Tensor:
    """Inner products (L, R, R) of rows (L, R, 2, H, W) over the pixels inside (L, 1, H, W)."""
    counted = (rows * inside[:, :, None]).flatten(2)
    return counted @ counted.mT


def _without(moments: Tensor, known: int) -> Tensor:
    """Inner products of the residuals of all rows, regressed on the first `known` (Schur complement)."""
    of_known = moments[:, :known]
    inverse = torch.linalg.pinv(of_known[:, :, :known], rtol=1e-10, hermitian=True)
    return moments - of_known.mT @ inverse @ of_known
