"""The files of trained networks: safetensors, which cannot run code when it is read, and where a network comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vst.errors import InputError
from vst.files import write_bytes
from vst.networks.transformation import Blocks, TransformationNetwork, Width

FORMAT = "vst transformation network 1"


@dataclass(frozen=True)
class Trained:
    """Where a network comes from.

    `style` is the painting's name, `style_sha256` the hash of its file, None for a drawn one; `size` the longer side of
    the frames that it was trained on, in pixels; `losses` those of its last steps in the mean, before their weights;
    `backbone` the hash of VGG-19's weights, `version` that of vst, and `options` the resolved options of the training.
    """

    width: Width
    blocks: Blocks
    style: str
    style_sha256: str | None
    size: int
    steps: int
    losses: Mapping[str, float]
    backbone: str
    version: str | None
    options: Mapping[str, Any]


def save_network(path: Path, network: TransformationNetwork, trained: Trained) -> None:
    """Write a network and where it comes from, atomically."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    metadata = {"format": FORMAT, "trained": json.dumps(asdict(trained), ensure_ascii=False)}
    write_bytes(path, save(tensors, metadata))


def open_network(path: str | Path) -> TransformationNetwork:
    """The network in a file, ready to paint; raises `InputError` where there is none."""
    file = Path(path)
    trained, tensors = _read(file)
    # without memory of its own, which a file's few bytes of metadata could ask for by the gigabyte
    with torch.device("meta"):
        network = TransformationNetwork(trained.width, trained.blocks)
    wanted = {name: tensor.shape for name, tensor in network.state_dict().items()}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if wanted != found or not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise InputError(
            f"the network {file} is damaged: its weights are not those of a network of width {trained.width} with "
            f"{trained.blocks} blocks; restore the file, or train it anew"
        )
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    return network.requires_grad_(False).eval()


def trained_network(path: str | Path) -> Trained:
    """Where the network in a file comes from; raises `InputError` where there is none."""
    return _read(Path(path))[0]


def _read(file: Path) -> tuple[Trained, dict[str, Tensor]]:
    # slow to import, and not needed where there is no network
    from pydantic import TypeAdapter, ValidationError

    if not file.is_file():
        raise InputError(
            f"the network {file} does not exist; set network to a file that python -m vst.train wrote"
        )
    other = InputError(
        f"{file} is not a network that this version's python -m vst.train wrote; give its network.safetensors"
    )
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise other
            trained = TypeAdapter(Trained).validate_json(metadata["trained"])
            return trained, {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, KeyError, ValidationError) as error:
        raise other from error
