"""Loading the weights of VGG-19, and checking their number, shapes and values.

Weights are a dict of float32 tensors: `<layer>.weight` (O, I, 3, 3) and `<layer>.bias` (O,) of the 16
convolutions, and `input.weight` (3, 3, 1, 1) and `input.bias` (3,): the 1×1 convolution that maps RGB in
[0, 1] to the input that the first layer was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from annotated_types import Interval
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from vst.assets import cache_directory, fetch, file_hash
from vst.bounds import Seed
from vst.errors import InputError
from vst.features.layers import BLOCKS, LAYERS
from vst.files import atomic_write

WIDTH = BLOCKS[0][1]

Width = Annotated[int, Interval(ge=1, le=64)]
"""Channels of the first layer; those of the others are in proportion."""


@dataclass(frozen=True)
class Filters:
    """The tensors (see above), and their name and hash for a run's record."""

    name: str
    sha256: str
    tensors: dict[str, Tensor]


def filter_shapes(width: Width = WIDTH) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor that VGG-19's convolutions need, by name, or those of a network of less `width`."""
    shapes: dict[str, tuple[int, ...]] = {"input.weight": (3, 3, 1, 1), "input.bias": (3,)}
    channels = 3
    for layer in LAYERS:
        out = BLOCKS[int(layer[4]) - 1][1] * width // WIDTH
        shapes[f"{layer}.weight"] = (out, channels, 3, 3)
        shapes[f"{layer}.bias"] = (out,)
        channels = out
    return shapes


def normalised(path: str | Path | None = None) -> Filters:
    """VGG-19 with every filter's mean activation scaled to about 1 (Gatys et al. 2015, section 'Methods').

    `path` is a file of such weights; without it, the published one is fetched once.
    """
    file = Path(path) if path else fetch("vgg19-normalised")
    return Filters("vgg19-normalised", file_hash(_existing(file)), _in_order(file))


def torchvision(path: str | Path | None = None) -> Filters:
    """VGG-19 as torchvision trained it on ImageNet (`VGG19_Weights.IMAGENET1K_V1`).

    `path` is torchvision's file; without it, torchvision fetches the file (548 MB), and only the convolutions
    (80 MB) are cached. Its activations are scaled differently from the normalised network's, so the same α and β
    have other effects.
    """
    kept = cache_directory() / "vgg19-torchvision.safetensors"
    if path:
        tensors = _from_torchvision(_load(Path(path)), Path(path))
        return Filters("vgg19-torchvision", file_hash(Path(path)), tensors)
    try:
        tensors = load_file(kept)
    except (OSError, SafetensorError):  # not cached yet, or truncated
        tensors = _from_torchvision(_published_by_torchvision(), Path("vgg19-dcbb9e9d.pth"))
        with atomic_write(kept) as aside:
            save_file(tensors, aside)
    return Filters("vgg19-torchvision", file_hash(kept), _checked(tensors, kept))


def random(seed: Seed = 0, width: Width = WIDTH) -> Filters:
    """VGG-19's architecture with random weights (He et al. 2015, normal), which need no download.

    Random weights transfer colours and textures surprisingly well (He, Wang & Hopcroft 2016), but do not
    represent objects: a control, and a substitute where no trained weights are available. With a small `width` a run
    takes a fraction of the time, to try out all but the painting.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in filter_shapes(width).items():
        fan_in = shape[1] * shape[2] * shape[3] if len(shape) == 4 else 1
        drawn = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
        tensors[name] = drawn if name.endswith("weight") else torch.zeros(shape)
    # [0, 1] to about [-2, 2], as normalisation by ImageNet's statistics does.
    tensors["input.weight"], tensors["input.bias"] = torch.eye(3).view(3, 3, 1, 1) * 4, torch.full((3,), -2.0)
    narrower = "" if width == WIDTH else f", width {width}"
    return Filters("vgg19-random", f"seed {seed}{narrower}", tensors)


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise InputError(
            f"the weights file {file} does not exist; set backbone.weights.path to one, or leave it null to fetch it"
        )
    return file


def _load(file: Path) -> dict[str, Tensor]:
    """Read a dict of tensors without running any code that the file may contain."""
    _existing(file)
    try:
        tensors = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # on bad bytes torch's unpickler may raise anything, even IndexError
        raise InputError(f"the weights file {file} cannot be read as PyTorch weights; {_REMEDY}") from error
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in tensors.items()
    ):
        raise InputError(f"the weights file {file} does not contain tensors by name; {_REMEDY}")
    return tensors


_REMEDY = "give the file that the configuration names, or leave backbone.weights.path null to fetch it"


def _in_order(file: Path) -> dict[str, Tensor]:
    """Name the tensors of a file that lists them in network order: input, then the convolutions."""
    tensors = _load(file)
    names = list(filter_shapes())
    if len(tensors) != len(names):
        raise InputError(
            f"the weights file {file} has {len(tensors)} tensors where VGG-19 has {len(names)}; {_REMEDY}"
        )
    return _checked(dict(zip(names, tensors.values(), strict=True)), file)


def _from_torchvision(published: dict[str, Tensor], file: Path) -> dict[str, Tensor]:
    """Name the convolutions of torchvision's `features`, and write its normalisation as a convolution."""
    convolutions = {key: value for key, value in published.items() if key.startswith("features.")}
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    inputs = [torch.diag(1 / deviation).view(3, 3, 1, 1), -mean / deviation]
    names = list(filter_shapes())
    if len(convolutions) != len(names) - 2:
        raise InputError(
            f"the weights file {file} does not have the 16 convolutions of torchvision's VGG-19; {_REMEDY}"
        )
    return _checked(dict(zip(names, [*inputs, *convolutions.values()], strict=True)), file)


def _published_by_torchvision() -> dict[str, Tensor]:
    from torchvision.models import VGG19_Weights  # slow to import, and rarely needed

    try:
        return dict(VGG19_Weights.IMAGENET1K_V1.get_state_dict(progress=True, check_hash=True))
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"torchvision's VGG-19 could not be fetched ({error}); download it elsewhere and set "
            f"backbone.weights.path to it, or use backbone=vgg19"
        ) from error


def _checked(tensors: dict[str, Tensor], file: Path) -> dict[str, Tensor]:
    """Return the tensors as float32, having checked that each has its shape and is finite."""
    for name, shape in filter_shapes().items():
        found = tensors.get(name)
        if found is None or tuple(found.shape) != shape:
            has = "nothing" if found is None else f"a tensor of shape {tuple(found.shape)}"
            raise InputError(
                f"the weights file {file} has {has} for {name}, which needs shape {shape}; {_REMEDY}"
            )
        if not torch.isfinite(found).all():
            raise InputError(f"the weights file {file} has values that are not finite in {name}; {_REMEDY}")
    return {name: tensor.float() for name, tensor in tensors.items()}
