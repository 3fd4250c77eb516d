"""Cut detection, while the clip is read.

Two frames of a shot show the same scene, moved: warped along the motion between them, the edges of one fall
on those of the other. Across a cut no motion aligns them. A flash also hides the edges for a frame or two, but
the frames around it still match. So frame i is a cut if no frame just before it matches frame i or one just
after it, and the motion on either side of it is easier to follow. Only frames i - 5 to i + 2 decide.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vst.frames import Frame

Array = NDArray[np.floating | np.integer]  # as OpenCV's type hints have it; all are float32

# Frames needed after the one in question: enough to see a flash of two frames end.
AHEAD = 2
# Frames before it that are compared: again a flash of two frames, and one before that.
BEFORE = 3
# Frames before it that affect its flag: also those that decide the flags of the two before it.
HISTORY = BEFORE + 2

# All frames are compared at one size, so that no threshold depends on the clip's; DIS needs 32 pixels here.
HEIGHT, WIDTH = 64, 96
# A mean edge strength below this, in units of the full range per pixel, is noise or a blank frame. A grey level is
# 0.004.
BLANK = 0.0015
# A difference of mean colours above this is not that of two frames of one plain scene.
RECOLOURED = 0.1
# What noise and coding add to an edge strength. Without it dark, empty frames would differ by noise alone.
NOISE = 0.002
# Standard deviation, in pixels, of the windows in which edges are compared, and of the wider ones that normalise them.
WINDOW, NEIGHBOURHOOD = 2.5, 8.0

# Least across a cut: frames of different shots differ by 0.6 and more, those of a shot by 0.5 in fast motion.
LEAST_UNLIKENESS = 0.5
# 1 - unlikeness across a cut, as a fraction of that within the shots beside it: fast motion is hard to follow for
# several frames, a cut for one. Most cuts reach 0.45, the fastest motion alone 0.65.
MOST_LIKENESS = 0.6
# Up to this, frames are taken as of one shot without a second search.
SURELY_ALIKE = 0.35
# A fade changes the strength of the edges by more than this factor per frame, for several frames.
FADE = 0.85


@dataclass(frozen=True)
class Outline:
    """The edges of a frame, by which frames are compared.

    `edges` (64, 96) float32 are their strengths >= 0, of mean 1 unless the frame is blank. `even` (64, 96)
    uint8 has weak and strong ones normalised to one level, for the motion search. `strength` is the mean before
    scaling, in units of the full range per pixel; `colour` (3,) is the frame's mean.
    """

    edges: Array
    even: NDArray[np.uint8]
    strength: float
    colour: Array

    @property
    def blank(self) -> bool:
        """Whether the edges are too weak for a comparison."""
        return self.strength < BLANK

    def blank_beside(self, other: Outline) -> bool:
        """Whether the frame shows nothing of what another shows, as in a flash, or is of another plain colour.

        Fog and night are as faint as many a flash, but so are the frames beside them.
        """
        if not self.blank:
            return False
        # Twice the limit, so that a frame just above it is not unlike one just below it.
        return other.strength > 2 * BLANK or float(np.abs(self.colour - other.colour).max()) > RECOLOURED


def outline(content: Tensor) -> Outline:
    """Compute the edges of a frame, RGB (1, 3, H, W) in [0, 1]: G = |∇RGB| / √3 at 64x96.

    Unsigned and scaled to mean 1, they do not change when a frame is brightened, inverted or recoloured.
    """
    image = content.detach()[0].permute(1, 2, 0).float().cpu().numpy()
    shrinks = image.shape[0] >= HEIGHT and image.shape[1] >= WIDTH
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    small = cv2.GaussianBlur(cv2.resize(image, (WIDTH, HEIGHT), interpolation=method), (0, 0), 0.8)
    across, down = (cv2.Sobel(small, cv2.CV_32F, *axis, ksize=3, scale=0.25) for axis in ((1, 0), (0, 1)))
    gradient = np.sqrt((across**2 + down**2).sum(-1) / 3)
    edges = cv2.GaussianBlur(gradient, (0, 0), 0.7)
    strength = float(edges.mean())
    even = edges / (cv2.GaussianBlur(edges, (0, 0), NEIGHBOURHOOD) + NOISE)
    # An edge is two or three times as strong as its surroundings: 60 uses the range of uint8 well.
    return Outline(
        edges / max(strength, BLANK),
        np.clip(60 * even, 0, 255).astype(np.uint8),
        strength,
        small.mean((0, 1)),
    )


def unlikeness(first: Outline, second: Outline) -> float:
    """Dissimilarity of two frames after their motion is undone, in [0, 1].

    The least of 1 - similarity(A warped onto B, B) over both orders of the frames and, if that is not small, over
    a second search that starts from a shift of the whole frame. It is 0 for two blank frames, and 1 for a blank
    frame and one that clearly is not.
    """
    if first.blank or second.blank:
        # Twice the limit, so that a frame just above it is not unlike one just below it.
        return float(max(first.strength, second.strength) > 2 * BLANK)
    least = _least_unlikeness(first, second, None)
    if least > SURELY_ALIKE:
        (x, y), _ = cv2.phaseCorrelate(first.even.astype(np.float32), second.even.astype(np.float32), _HANN)
        shift = np.full((HEIGHT, WIDTH, 2), (x, y), np.float32)
        least = min(least, _least_unlikeness(first, second, shift))
    return least


def similarity(first: Array, second: Array, noise: float) -> float:
    """Structural similarity of edges (h, w) in [-1, 1], weighted by their contrast.

    Σ w (2 cov + c) / (var₁ + var₂ + c) / Σ w with w = max(σ₁, σ₂), the moments in Gaussian windows, and
    c = 0.02 + noise², `noise` being the standard deviation of noise in the edges.
    """
    mean_1, mean_2 = _window(first), _window(second)
    var_1 = np.maximum(_window(first * first) - mean_1 * mean_1, 0)
    var_2 = np.maximum(_window(second * second) - mean_2 * mean_2, 0)
    cov = _window(first * second) - mean_1 * mean_2
    weight = np.sqrt(np.maximum(var_1, var_2)) + 1e-3
    floor = 0.02 + noise * noise
    return float((weight * (2 * cov + floor) / (var_1 + var_2 + floor)).sum() / weight.sum())


def fades(strengths: Sequence[float]) -> bool:
    """Whether edges gain strength at every step away from a boundary, for two steps or more."""
    # Blank frames have no strength to gain: their noise is clamped at the limit.
    strengths = [max(strength, BLANK) for strength in strengths]
    return len(strengths) > 2 and all(near < FADE * far for near, far in pairwise(strengths))


class CutDetector:
    """Decides for each frame whether a new shot begins there, once the `AHEAD` frames after it are known.

    With U the unlikeness of two frames, frame i is a cut if

        X = min U(i - a, i + b) >= 1/2 over 1 <= a <= 3 and 0 <= b <= 2, and
        1 - X <= 0.6 (1 - max(min U(j, k) over i - 3 <= j < k < i, min U(j, k) over i <= j < k <= i + 2)),

    the second line without blank frames and, where there are any, with k - j = 2 only; if it is not part of a
    fade; and if the same does not hold for either of the two frames before it. The first frame of a clip is never
    a cut. Frames before i - `HISTORY` have no influence and are not kept.
    """

    def __init__(self):
        self._outlines: deque[Outline] = deque(maxlen=BEFORE + 1 + AHEAD)
        # Entry n is the unlikeness of outline n and the one before it.
        self._steps: deque[float] = deque(maxlen=BEFORE + 1 + AHEAD)
        self._recent: deque[bool] = deque([False, False], maxlen=2)
        self._undecided = 0

    def push(self, content: Tensor) -> bool | None:
        """Take the next frame, RGB (1, 3, H, W) in [0, 1], and return the flag of the one `AHEAD` before it.

        None for the first `AHEAD` frames, as no frame is that far before them.
        """
        seen = outline(content)
        self._steps.append(unlikeness(self._outlines[-1], seen) if self._outlines else 0.0)
        self._outlines.append(seen)
        self._undecided += 1
        return self._decide() if self._undecided > AHEAD else None

    def flush(self) -> list[bool]:
        """Return the flags of the last frames, decided from the frames there are, and reset."""
        flags = [self._decide() for _ in range(self._undecided)]
        self._outlines.clear()
        self._steps.clear()
        self._recent.extend([False, False])
        return flags

    def _decide(self) -> bool:
        """Return the flag of the oldest undecided frame."""
        here = len(self._outlines) - self._undecided
        self._undecided -= 1
        begins = self._begins(here)
        first_of_several = begins and not any(self._recent)
        self._recent.append(begins)
        return first_of_several

    def _begins(self, here: int) -> bool:
        """Whether the frame at index `here` of those kept can be the first of a shot."""
        if here == 0 or self._steps[here] < LEAST_UNLIKENESS:
            return False
        known = list(self._outlines)
        before, after = known[max(0, here - BEFORE) : here], known[here : here + 1 + AHEAD]
        if fades([seen.strength for seen in reversed(before)]) or fades([seen.strength for seen in after]):
            return False
        # Frames around a blank flash are farther apart, and are compared with pairs as far apart.
        apart = 2 if any(seen.blank for seen in (*before, *after)) else 1
        within = max(_least_within(side, apart) for side in (before, after))
        least = max(LEAST_UNLIKENESS, 1 - MOST_LIKENESS * (1 - within))
        return all(unlikeness(old, new) >= least for old in reversed(before) for new in after)


def mark_cuts(
    frames: Iterator[Frame], detector: CutDetector, known: Sequence[int] | None = None
) -> Iterator[tuple[Frame, bool]]:
    """Yield each frame and whether a new shot begins there, in order, `AHEAD` frames behind the reader.

    `known` are the cuts as frame numbers of the source; with them nothing is detected or delayed.
    A run that resumes at frame k gets the flags of an uninterrupted one if it reads from k - `HISTORY` on and
    skips the frames before k. If reading fails, the frames read until then are yielded first.
    """
    if known is not None:
        cuts = frozenset(known)
        yield from ((frame, frame.source_index in cuts) for frame in frames)
        return
    waiting: deque[Frame] = deque()
    try:
        for frame in frames:
            waiting.append(frame)
            flag = detector.push(frame.content)
            if flag is not None:
                yield waiting.popleft(), flag
    except Exception:
        yield from zip(waiting, detector.flush(), strict=True)
        raise
    yield from zip(waiting, detector.flush(), strict=True)


_HANN = cv2.createHanningWindow((WIDTH, HEIGHT), cv2.CV_32F)
_PLACES = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), -1).astype(np.float32)

# OpenCV's value for "no initial flow"; its type hints do not allow it.
_NO_START: Any = None


def _least_within(side: Sequence[Outline], apart: int) -> float:
    """Return the least unlikeness of two frames on one side of a boundary, `apart` or more apart; 0 for none."""
    pairs = combinations(enumerate(side), 2)
    compared = [
        unlikeness(old, new)
        for (j, old), (k, new) in pairs
        if k - j >= apart and not (old.blank or new.blank)
    ]
    return min(compared, default=0.0)


def _least_unlikeness(first: Outline, second: Outline, shift: Array | None) -> float:
    """Return the lesser unlikeness of both orders; `shift` (64, 96, 2) is the initial flow."""
    back = None if shift is None else -shift
    return min(_unlikeness_moved(second, first, shift), _unlikeness_moved(first, second, back))


def _unlikeness_moved(source: Outline, target: Outline, start: Array | None) -> float:
    """Return 1 - similarity of the target's edges and the source's, warped by target(p) ≈ source(p + flow)."""
    # A new object each time, because it keeps buffers from its last call.
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    start = _NO_START if start is None else start
    places = _PLACES + search.calc(target.even, source.even, start)
    moved = cv2.remap(source.edges, places, _NO_START, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    noise = NOISE / min(source.strength, target.strength)
    return min(1.0, 1.0 - similarity(moved, target.edges, noise))


def _window(values: Array) -> Array:
    return cv2.GaussianBlur(values, (0, 0), WINDOW)
