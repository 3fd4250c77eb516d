from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from vst.errors import InputError


@pytest.fixture
def cyclegan(script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    loaded = script("cyclegan")
    monkeypatch.setattr(loaded, "WIDTH", 2)
    return loaded


@pytest.mark.parametrize("affine", [False, True])
def test_a_generator_of_any_names_is_loaded_in_the_order_of_its_layers(
    cyclegan, tmp_path: Path, affine: bool
):
    torch.manual_seed(0)
    trained = cyclegan.generator(affine).eval()
    named = {
        f"model.{number}.{name}": tensor for number, (name, tensor) in enumerate(trained.state_dict().items())
    }
    torch.save({**named, "model.2.running_mean": torch.zeros(2)}, tmp_path / "net.pth")
    content = torch.rand(1, 3, 17, 22)
    painted = cyclegan.paint(cyclegan.load(tmp_path / "net.pth"), content)
    assert painted.shape == content.shape
    assert torch.equal(painted, cyclegan.paint(trained, content))
    assert 0 <= painted.min() < painted.max() <= 1


def test_another_network_is_refused(cyclegan, tmp_path: Path):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"net\.pth is no generator with 9 residual blocks"):
        cyclegan.load(tmp_path / "net.pth")
    with pytest.raises(InputError, match=r"none\.pth does not exist"):
        cyclegan.load(tmp_path / "none.pth")
