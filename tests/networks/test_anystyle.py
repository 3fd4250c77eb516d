"""The network that paints in the style of any painting, held against the file as its authors published it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from vst.assets import fetch
from vst.errors import InputError
from vst.losses.target import Target
from vst.networks.anystyle import AnyStyle
from vst.painting.start import anystyle_start
from vst.synthetic.paintings import facets, swirls


@pytest.fixture(scope="module")
def network() -> AnyStyle:
    for package in ("onnxruntime", "onnx"):
        pytest.importorskip(package)
    try:
        return AnyStyle()
    except InputError as error:
        pytest.skip(f"the networks cannot be had: {error}")


def frame(height: int, width: int, lanes: int = 1) -> Tensor:
    """Smooth and coloured."""
    rows, columns = torch.arange(height)[:, None] / 17, torch.arange(width)[None] / 11
    waves = [
        torch.sin(rows + lane + channel) * torch.cos(columns - channel)
        for lane in range(lanes)
        for channel in range(3)
    ]
    return torch.stack(waves).view(lanes, 3, height, width) / 2 + 0.5


@pytest.mark.parametrize("size", [(16, 16), (33, 50), (64, 97)])
def test_a_frame_of_any_size_is_painted_at_its_own(network: AnyStyle, size: tuple[int, int]) -> None:
    content = frame(*size)
    painted = network.paint(content, swirls(80, 100, 0))
    assert painted.shape == content.shape
    assert painted.dtype == torch.float32
    assert 0 <= painted.min() < painted.max() <= 1
    assert (painted - content).abs().mean() > 0.05


def test_it_paints_what_the_published_file_paints_at_the_one_size_that_it_accepts(network: AnyStyle) -> None:
    import onnxruntime

    describe, transform = (
        onnxruntime.InferenceSession(str(fetch(f"anystyle-{name}")), providers=["CPUExecutionProvider"])
        for name in ("describe", "transform")
    )
    content, style = frame(384, 384), swirls(256, 256, 0)
    channels_last = [image.permute(0, 2, 3, 1).numpy() for image in (style, content)]
    [description] = describe.run(None, {"style_image": channels_last[0]})
    [painted] = transform.run(
        None, {"content_image": channels_last[1], "mobilenet_conv/Conv/BiasAdd": description}
    )
    ours = network.paint(content, style).permute(0, 2, 3, 1).numpy()
    # eight bits inside, whose rounding depends on the order of the sums
    assert np.abs(ours - painted).mean() < 0.01


def test_each_frame_is_painted_as_if_alone(network: AnyStyle) -> None:
    contents, style = frame(32, 48, lanes=2), swirls(80, 100, 0)
    together = network.paint(contents, style)
    for lane in range(2):
        assert torch.equal(together[lane : lane + 1], network.paint(contents[lane : lane + 1], style))


def test_it_paints_in_the_style_that_it_is_given_and_looks_at_it_once(
    network: AnyStyle, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, styles = frame(32, 48), (swirls(80, 100, 0), facets(80, 100, 0))
    asked = 0

    class Counting:
        def __init__(self, session: object):
            self.get_inputs, self._run = session.get_inputs, session.run

        def run(self, *arguments: object) -> object:
            nonlocal asked
            asked += 1
            return self._run(*arguments)

    monkeypatch.setattr(network, "_describe", Counting(network._describe))
    first = [network.paint(content, styles[0]) for _ in range(3)]
    assert asked == 1
    other = network.paint(content, styles[1])
    assert (other - first[2]).abs().mean() > 0.03
    assert torch.equal(network.paint(content, styles[0]), first[0])


def test_only_the_middle_of_a_long_painting_is_looked_at(network: AnyStyle) -> None:
    content, square = frame(32, 48), swirls(90, 90, 0)
    wide = torch.cat([facets(90, 40, 0), square, facets(90, 40, 1)], dim=3)
    assert torch.equal(network.paint(content, wide), network.paint(content, square))


class Painter:
    """Paints the style's mean colour."""

    def paint(self, content: Tensor, style: Tensor) -> Tensor:
        return style.mean((2, 3), keepdim=True).expand_as(content)


def test_the_start_is_the_networks_painting_in_the_first_pass_and_that_of_the_pass_before_in_later_ones() -> (
    None
):
    content, style, earlier = frame(16, 24, lanes=2), swirls(40, 50, 0), frame(16, 24, lanes=2) / 2
    first = Target(content, {}, None, style=style)
    later = Target(content, {}, None, earlier=earlier, style=style)
    start = anystyle_start(first, Generator(), network=Painter())
    assert torch.equal(start, style.mean((2, 3), keepdim=True).expand(2, 3, 16, 24))
    assert torch.equal(anystyle_start(later, Generator(), network=Painter()), earlier)


@pytest.mark.parametrize("package", ["onnxruntime", "onnx"])
def test_a_package_that_is_not_installed_is_named_before_anything_is_fetched(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setattr("vst.networks.anystyle.fetch", lambda name: pytest.fail(f"{name} was fetched"))
    for name in ("onnxruntime", "onnx"):
        monkeypatch.setitem(sys.modules, name, None if name == package else sys)
    with pytest.raises(
        InputError, match=rf"^anystyle needs the package {package}, .*; pip install onnxruntime onnx$"
    ):
        AnyStyle()
