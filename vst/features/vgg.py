from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vst.features.layers import LAYERS
from vst.features.weights import Filters

Activations = dict[str, Tensor]
Precision = Literal["float32", "tf32", "bf16"]


class VGG19(nn.Module):
    """The convolutions of VGG-19, giving the activations of named layers.

    `activations` says whether a layer's activations are taken before its ReLU, as the paper's "Conv" says,
    or after it. `pooling` is VGG's own maximum, or the average that Gatys et al. found to paint smoother.
    `precision` is that of the convolutions on a GPU: `tf32` and `bf16` are faster; the activations that
    leave are float32 always, because L-BFGS stalls on a loss that is rounded to bfloat16.
    """

    def __init__(
        self,
        weights: Filters,
        activations: Literal["before_relu", "after_relu"] = "before_relu",
        pooling: Literal["max", "average"] = "max",
        precision: Precision = "float32",
    ):
        super().__init__()
        self.weights = weights
        self.before_relu = activations == "before_relu"
        self.pool = F.max_pool2d if pooling == "max" else F.avg_pool2d
        # A switch of the whole process, and not one around the forward pass: the backward pass obeys it too.
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
        for name, tensor in weights.tensors.items():
            # 255 levels do not fit bfloat16's 8 bits: what the first layer sees stays float32
            half = precision == "bf16" and not name.startswith("input")
            # channels_last is the layout in which both cuDNN and oneDNN run these convolutions fastest
            layout = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
            stored = tensor.to(torch.bfloat16 if half else torch.float32, memory_format=layout)
            self.register_buffer(name.replace(".", "_"), stored, persistent=False)

    def forward(self, images: Tensor, layers: Iterable[str]) -> Activations:
        """Return the activations of `layers`, each (L, C, h, w) float32, of images (L, 3, H, W) in [0, 1]."""
        wanted = set(layers)
        result: Activations = {}
        x = self._convolve(images.contiguous(memory_format=torch.channels_last), "input", padding=0)
        for layer in LAYERS:
            if len(result) == len(wanted):
                break
            if layer.endswith("_1") and layer != "conv1_1":
                x = self.pool(x, 2)
            convolved = self._convolve(x, layer, padding=1)
            x = F.relu(convolved)
            if layer in wanted:
                result[layer] = (convolved if self.before_relu else x).float()
        return result

    def _convolve(self, x: Tensor, name: str, padding: int) -> Tensor:
        weight: Tensor = getattr(self, f"{name}_weight")
        return F.conv2d(x.to(weight.dtype), weight, getattr(self, f"{name}_bias"), padding=padding)
