from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vst.bounds import Few
from vst.features.layers import LAYERS
from vst.features.precision import Asked, Precision, fastest_precision
from vst.features.tiles import Unkept, divide, look_at_tiles
from vst.features.weights import Filters


class Activations(dict[str, Tensor]):
    """Activations by layer, each (L, C, h, w); those that are `unkept` can be had tile by tile alone."""

    def __init__(self, kept: Mapping[str, Tensor], unkept: Mapping[str, Unkept] | None = None):
        super().__init__(kept)
        self.unkept = dict(unkept or {})


class VGG19(nn.Module):
    """The convolutions of VGG-19, giving the activations of named layers.

    `activations` says whether a layer's activations are taken before its ReLU, as the paper's "Conv" says,
    or after it. `pooling` is VGG's own maximum, or the average that Gatys et al. found to paint smoother.
    `precision` is that of the convolutions, and of the activations that leave; `auto` is the fastest that the device
    computes itself, chosen with the first images or by `choose_precision`. Losses sum and compare in float32
    (`vst.losses.functional.full_precision`), because L-BFGS stalls on a loss that is rounded to bfloat16.
    `border` is what the convolutions see beyond an image: VGG-19's own zeros, which is mid grey, or its border pixels
    again. Seeing zeros, an optimised image has a bright line along its border.
    Large images are looked at in `tiles`, as many as asked for, or as their size asks for (`vst.features.tiles`).
    """

    def __init__(
        self,
        weights: Filters,
        activations: Literal["before_relu", "after_relu"] = "before_relu",
        pooling: Literal["max", "average"] = "max",
        precision: Asked = "float32",
        tiles: Few | Literal["auto"] = "auto",
        border: Literal["zeros", "replicate"] = "zeros",
    ):
        super().__init__()
        self.weights = weights
        self.before_relu = activations == "before_relu"
        self.pool = F.max_pool2d if pooling == "max" else F.avg_pool2d
        self.replicate = border == "replicate"
        self.tiles = None if tiles == "auto" else tiles
        self.precision: Precision | None = None
        """What is computed in; None until it is chosen."""
        for name, tensor in weights.tensors.items():
            # channels_last is the layout in which both cuDNN and oneDNN run these convolutions fastest
            layout = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
            self.register_buffer(_buffer(name), tensor.float().to(memory_format=layout), persistent=False)
        if precision != "auto":
            self._convert(precision)

    def choose_precision(self, device: torch.device, began_with: Precision | None = None) -> None:
        """Settle what `auto` is: what a run `began_with`, else what is fastest on the device."""
        if self.precision is None:
            self._convert(began_with or fastest_precision(device))

    def _convert(self, precision: Precision) -> None:
        self.precision = precision
        # A switch of the whole process, and not one around the forward pass: the backward pass obeys it too.
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
        for name in self.weights.tensors if precision == "bf16" else ():
            # 255 levels do not fit bfloat16's 8 bits: what the first layer sees stays float32
            if not name.startswith("input"):
                setattr(self, _buffer(name), getattr(self, _buffer(name)).to(torch.bfloat16))

    def forward(
        self, images: Tensor, layers: Iterable[str], summed: Container[str] = frozenset()
    ) -> Activations:
        """Return the activations of `layers`, each (L, C, h, w), of images (L, 3, H, W) in [0, 1].

        Of the layers that are only `summed` over their positions, the first one is unkept in tiled images: computing it
        anew costs less than a hundredth of the rest, and keeping it and its gradients as much memory as all others.
        """
        self.choose_precision(images.device)
        asked = set(layers)
        wanted = tuple(layer for layer in LAYERS if layer in asked)
        tiles = divide(*images.shape[-2:], wanted, self.tiles) if wanted else []
        if len(tiles) <= 1:
            return Activations(self._look(images, wanted))
        first = LAYERS[0]
        if first not in wanted or first not in summed:
            return Activations(look_at_tiles(self._look, images, wanted, tiles))
        rest = wanted[1:]
        kept = look_at_tiles(self._look, images, rest, tiles) if rest else {}
        return Activations(kept, {first: Unkept(images, self._look, first, tiles)})

    def _look(self, images: Tensor, wanted: Sequence[str]) -> dict[str, Tensor]:
        result: dict[str, Tensor] = {}
        x = self._convolve(images.contiguous(memory_format=torch.channels_last), "input", padding=0)
        for layer in LAYERS:
            if len(result) == len(wanted):
                break
            if layer.endswith("_1") and layer != "conv1_1":
                x = self.pool(x, 2)
            if self.replicate:
                x = F.pad(x, (1, 1, 1, 1), mode="replicate")
            convolved = self._convolve(x, layer, padding=0 if self.replicate else 1)
            x = F.relu(convolved)
            if layer in wanted:
                result[layer] = convolved if self.before_relu else x
        return result

    def _convolve(self, x: Tensor, name: str, padding: int) -> Tensor:
        weight: Tensor = getattr(self, f"{name}_weight")
        return F.conv2d(x.to(weight.dtype), weight, getattr(self, f"{name}_bias"), padding=padding)


def _buffer(name: str) -> str:
    return name.replace(".", "_")
