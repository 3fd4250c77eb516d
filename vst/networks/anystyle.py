from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vst.assets import fetch
from vst.errors import InputError

STYLE_SIDE = 256
"""Side, in pixels, of the square in which the first network sees a painting."""

STEP = 4
"""The second network halves a frame twice, and doubles it twice."""


class AnyStyle:
    """Paints any frame in the style of any painting, without optimising.

    Two networks: one describes a painting by 100 numbers, from which the other takes its normalisation's means and
    deviations. Source: Ghiasi, Lee, Kudlur, Dumoulin & Shlens, "Exploring the structure of a real-time, arbitrary
    neural artistic stylization network" (2017); the weights are Magenta's, in 8 bits.

    They run on the CPU, on as many threads as torch does.
    """

    def __init__(self) -> None:
        onnxruntime, onnx = _module("onnxruntime"), _module("onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._describe, self._transform = (
            onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
            for network in (
                fetch("anystyle-describe").read_bytes(),
                _of_any_size(onnx.load(fetch("anystyle-transform"))),
            )
        )
        self._described: tuple[Tensor | None, NDArray[np.float32]] = None, np.empty(0, np.float32)

    def paint(self, content: Tensor, style: Tensor) -> Tensor:
        """Frames (L, 3, H, W) in the style of a painting (1, 3, h, w), all in [0, 1]: (L, 3, H, W)."""
        description = self._description(style)
        return torch.cat([self._painted(frame, description) for frame in content.split(1)])

    def _description(self, style: Tensor) -> NDArray[np.float32]:
        """The painting's 100 numbers, found once for the frames of a run."""
        seen, description = self._described
        if seen is not style:
            square = F.interpolate(_middle(style), (STYLE_SIDE, STYLE_SIDE), mode="bicubic", antialias=True)
            description = _run(self._describe, _channels_last(square.clamp(0, 1)))
            self._described = style, description
        return description

    def _painted(self, frame: Tensor, description: NDArray[np.float32]) -> Tensor:
        height, width = frame.shape[-2:]
        whole = F.pad(frame, (0, -width % STEP, 0, -height % STEP), mode="reflect")
        painted = torch.from_numpy(_run(self._transform, _channels_last(whole), description))
        return painted.permute(0, 3, 1, 2)[..., :height, :width].to(frame)


def _middle(style: Tensor) -> Tensor:
    """The largest square in the middle of a painting, which is what the network was trained on."""
    height, width = style.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return style[..., top : top + side, left : left + side]


def _channels_last(image: Tensor) -> NDArray[np.float32]:
    return image.detach().permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _run(session: Any, *inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    names = [one.name for one in session.get_inputs()]
    [output] = session.run(None, dict(zip(names, inputs, strict=True)))
    return output


def _of_any_size(model: Any) -> bytes:
    """A network that asks for frames of 384×384 pixels, although nothing else in it does, without that size."""
    for end in (model.graph.input[0], model.graph.output[0]):
        _, height, width, _ = end.type.tensor_type.shape.dim
        height.dim_param, width.dim_param = "height", "width"
    return model.SerializeToString()


def _module(name: str) -> Any:
    """An optional package, imported when it is needed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"anystyle needs the package {name}, which cannot be imported ({error}); pip install onnxruntime onnx"
        ) from error
