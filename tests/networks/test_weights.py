from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from vst.errors import InputError
from vst.networks.transformation import TransformationNetwork
from vst.networks.weights import FORMAT, Trained, open_network, save_network, trained_network

TRAINED = Trained(
    width=4,
    blocks=1,
    style="wave",
    style_sha256="5e",
    size=256,
    steps=12,
    losses={"content": 3.5},
    backbone="80",
    version="0.1",
    options={"eta": 0.0, "data": ["clip «é».mp4"]},
)


@pytest.fixture
def network() -> TransformationNetwork:
    torch.manual_seed(1)
    return TransformationNetwork(4, 1)


@pytest.fixture
def saved(network: TransformationNetwork, tmp_path: Path) -> Path:
    save_network(tmp_path / "network.safetensors", network, TRAINED)
    return tmp_path / "network.safetensors"


def test_what_is_saved_is_opened_and_paints_the_same(network, saved):
    opened, image = open_network(saved), torch.rand(1, 3, 20, 24)
    assert torch.equal(opened(image), network(image))
    assert not any(part.requires_grad for part in opened.parameters())
    assert trained_network(saved) == TRAINED


def metadata(**changes: object) -> dict[str, str]:
    return {"format": FORMAT, "trained": json.dumps({**asdict(TRAINED), **changes})}


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="does not exist; set network to a file"):
        open_network(tmp_path / "none.safetensors")


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\xff" * 64])
def test_what_is_no_safetensors_is_refused(tmp_path, content):
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(InputError, match="is not a network that"):
        open_network(tmp_path / "other")


@pytest.mark.parametrize(
    "said",
    [
        None,
        {"format": "another"},
        {"format": FORMAT},
        {"format": FORMAT, "trained": "[1"},
        metadata(width="wide"),
        metadata(width=100_000),
        metadata(blocks=-1),
    ],
)
def test_weights_that_do_not_say_where_they_come_from_are_refused(saved, said):
    save_file(load_file(saved), saved, said)
    with pytest.raises(InputError, match="is not a network that"):
        open_network(saved)


@pytest.mark.parametrize("change", ["missing", "added", "shape", "nan", "another network"])
def test_damaged_weights_are_refused(saved, change):
    tensors, said = load_file(saved), metadata()
    if change == "missing":
        del tensors["last.bias"]
    elif change == "added":
        tensors["more"] = torch.zeros(1)
    elif change == "shape":
        tensors["last.bias"] = torch.zeros(1)
    elif change == "nan":
        tensors["last.bias"] = torch.tensor([0.0, torch.nan, 0.0])
    else:
        said = metadata(width=256, blocks=64)
    save_file(tensors, saved, said)
    with pytest.raises(InputError, match="is damaged: its weights are not those of a network of width"):
        open_network(saved)


def test_a_truncated_file_is_refused(saved):
    saved.write_bytes(saved.read_bytes()[:-4])
    with pytest.raises(InputError, match="is not a network that"):
        open_network(saved)


def test_a_drawn_painting_has_no_hash(network, tmp_path):
    drawn = replace(TRAINED, style="swirls", style_sha256=None)
    save_network(tmp_path / "drawn", network, drawn)
    assert trained_network(tmp_path / "drawn") == drawn
