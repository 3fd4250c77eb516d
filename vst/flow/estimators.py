from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from annotated_types import Interval
from torch import Tensor

from vst.bounds import Few
from vst.errors import InputError


@runtime_checkable
class FlowEstimator(Protocol):
    """Estimates the motion between two frames.

    Called with two batches of frames, RGB in [0, 1] of shape (L, 3, H, W), it returns the flow (L, 2, H, W) in
    pixels from the first to the second: first(p) ≈ second(p + flow(p)), always finite and deterministic.
    Backward flow of a frame is `estimator(content, previous_content)`, forward flow
    `estimator(previous_content, content)`.
    """

    @property
    def name(self) -> str:
        """Its name in a run's record."""
        ...

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the flow from first to second."""
        ...


@dataclass(frozen=True)
class Farneback:
    """Polynomial expansion (Farnebäck 2003) as in OpenCV, the usual reading of the paper's optical flow.

    The parameters are those of cv2.calcOpticalFlowFarneback: the pyramid's scale and levels, the averaging
    window in pixels, iterations per level, and the neighbourhood and Gaussian of the polynomials.
    """

    name: ClassVar[str] = "farneback"

    pyr_scale: Annotated[float, Interval(ge=0.1, le=0.95)] = 0.5
    levels: Few = 5
    winsize: Few = 15
    iterations: Few = 3
    poly_n: Annotated[int, Interval(ge=1, le=51)] = 5
    poly_sigma: Annotated[float, Interval(ge=0.1, le=50)] = 1.2

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the flow (L, 2, H, W) from first to second, (L, 3, H, W) in [0, 1]."""

        def estimate(first: np.ndarray, second: np.ndarray) -> np.ndarray:
            return cv2.calcOpticalFlowFarneback(
                first,
                second,
                _NO_START,
                self.pyr_scale,
                self.levels,
                self.winsize,
                self.iterations,
                self.poly_n,
                self.poly_sigma,
                0,
            )

        return _estimate_lanes(estimate, first, second)


@dataclass(frozen=True)
class DIS:
    """Dense inverse search (Kroeger et al. 2016), a fast method; preset "medium", "fast" or "ultrafast"."""

    name: ClassVar[str] = "dis"

    preset: str = "medium"

    def __post_init__(self):
        if self.preset not in _DIS_PRESETS:
            raise InputError(
                f"DIS flow has no preset {self.preset!r}; set flow.preset to one of {', '.join(_DIS_PRESETS)}"
            )

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the flow (L, 2, H, W) from first to second, (L, 3, H, W) in [0, 1]."""

        def estimate(first: np.ndarray, second: np.ndarray) -> np.ndarray:
            # A new object each time, because it keeps buffers; no initial flow, which would carry over the last motion.
            return cv2.DISOpticalFlow.create(_DIS_PRESETS[self.preset]).calc(first, second, _NO_START)

        # OpenCV sets the depth of the pyramid by the width alone, and crashes, reading outside the image,
        # where that leaves less than a patch of 8 pixels in height. Under 12 it raises an error or returns NaN.
        deepest = max(0, math.floor(math.log2(first.shape[-1] / 20)))
        return _estimate_lanes(estimate, first, second, least_height=max(12, 8 << deepest), least_width=12)


@dataclass(frozen=True)
class DeepFlow:
    """DeepFlow (Weinzaepfel et al. 2013) without its matching, as in OpenCV's contrib: slow and good."""

    name: ClassVar[str] = "deepflow"

    def __post_init__(self):
        _require_contrib("optflow", "createOptFlow_DeepFlow", "DeepFlow")

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the flow (L, 2, H, W) from first to second, (L, 3, H, W) in [0, 1]."""

        def estimate(first: np.ndarray, second: np.ndarray) -> np.ndarray:
            return cv2.optflow.createOptFlow_DeepFlow().calc(first, second, _NO_START)

        # On smaller frames its pyramid, of scale 0.95, has so few levels that it underestimates all motion.
        return _estimate_lanes(estimate, first, second, least_height=48, least_width=48)


@dataclass(frozen=True)
class SparseToDense:
    """A grid of points followed by pyramidal Lucas-Kanade, interpolated along the frame's edges (Revaud et al. 2015).

    On enlarged frames nearly as accurate as DeepFlow, in a third of its time (experiments/judges.md). Both steps are
    OpenCV's; its `calcOpticalFlowSparseToDense`, which joins them, reads beyond its memory where few points were
    followed. In frames of more than two megapixels the grid is as wide as the most points that OpenCV takes ask for.
    """

    name: ClassVar[str] = "sparse"

    step: Few = 8
    neighbours: Few = 128

    def __post_init__(self):
        _require_contrib("ximgproc", "createEdgeAwareInterpolator", "the edge-aware interpolation")

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the flow (L, 2, H, W) from first to second, (L, 3, H, W) in [0, 1]."""

        def estimate(first: np.ndarray, second: np.ndarray) -> np.ndarray:
            height, width = first.shape[:2]
            step = max(self.step, math.ceil(math.sqrt(height * width / _MOST_POINTS)))
            grid = np.mgrid[step // 2 : width : step, step // 2 : height : step]
            points = grid.reshape(2, -1).T.astype(np.float32)
            found, followed, _ = cv2.calcOpticalFlowPyrLK(first, second, points[:, None], _NO_START)
            kept = followed[:, 0] == 1
            if kept.sum() < _FEWEST_POINTS:  # the frame is plain
                return np.zeros((height, width, 2), np.float32)
            interpolator = cv2.ximgproc.createEdgeAwareInterpolator()
            interpolator.setK(int(min(self.neighbours, kept.sum() - 1)))
            # its filter afterwards gains nothing on enlarged frames
            interpolator.setUsePostProcessing(False)
            return interpolator.interpolate(first, points[kept], second, found[kept, 0])

        return _estimate_lanes(estimate, first, second, 64, 64, to_numpy=_to_colours)


_MOST_POINTS = 30_000
"""Points that are followed: OpenCV's interpolation takes fewer than 2¹⁵, which a frame of 2560×1440 would exceed."""

_FEWEST_POINTS = 16
"""Points that must be followed for their interpolation to mean anything."""

_DIS_PRESETS = {
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
}

# OpenCV's value for "no initial flow"; its type hints do not allow it.
_NO_START: Any = None


def _require_contrib(module: str, function: str, what: str) -> None:
    """Raise an `InputError` where this OpenCV lacks a function of its contrib modules."""
    # Some builds have the module without its functions.
    if not hasattr(getattr(cv2, module, None), function):
        raise InputError(
            f"{what} is missing from this OpenCV; uninstall opencv-python and install "
            "opencv-contrib-python, or choose another flow"
        )


def grey_levels(frames: Tensor) -> Tensor:
    """Convert RGB (L, 3, H, W) in [0, 1] to grey uint8 (L, H, W), rounded, by the weights of ITU-R BT.601."""
    weights = frames.new_tensor([0.299, 0.587, 0.114])[:, None, None]
    return (255 * (frames * weights).sum(dim=1)).round().clamp(0, 255).to(torch.uint8)


def _estimate_lanes(
    estimate: Callable[[np.ndarray, np.ndarray], np.ndarray],
    first: Tensor,
    second: Tensor,
    least_height: int = 1,
    least_width: int = 1,
    to_numpy: Callable[[Tensor], np.ndarray] | None = None,
) -> Tensor:
    """Run an algorithm lane by lane, on grey frames or on what `to_numpy` makes of them.

    Smaller frames are edge-padded, and the flow is cropped.
    """
    convert = to_numpy or _to_numpy
    height, width = first.shape[-2:]
    below, beside = max(0, least_height - height), max(0, least_width - width)
    margins = ((below // 2, below - below // 2), (beside // 2, beside - beside // 2))
    flows = [
        estimate(*(np.pad(image, (*margins, *[(0, 0)] * (image.ndim - 2)), mode="edge") for image in pair))
        for pair in zip(convert(first), convert(second), strict=True)
    ]
    top, left = margins[0][0], margins[1][0]
    flow = torch.from_numpy(np.stack(flows)[:, top : top + height, left : left + width])
    flow = flow.permute(0, 3, 1, 2).contiguous().nan_to_num(nan=0, posinf=0, neginf=0)
    return flow.to(device=first.device, dtype=first.dtype)


def _to_numpy(frames: Tensor) -> np.ndarray:
    return grey_levels(frames.detach()).cpu().numpy()


def _to_colours(frames: Tensor) -> np.ndarray:
    """BGR uint8 (L, H, W, 3), as OpenCV has colours."""
    levels = (255 * frames.detach()).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.flip(1).permute(0, 2, 3, 1).cpu().numpy())
