"""A run in which a network paints, and nothing is optimised."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from vst.runs.rows import read_curves, read_frames
from vst.styles import DrawnPainting
from vst.synthetic.paintings import swirls
from vst.video.reader import VideoReader
from vst.video.store import load_png, to_uint8

Paint = Callable[..., Path]


class Inverting:
    """A network that needs no weights."""

    def __init__(self) -> None:
        self.styles: list[Tensor] = []

    def paint(self, content: Tensor, style: Tensor) -> Tensor:
        self.styles.append(style)
        return 1 - content


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Inverting:
    network = Inverting()
    monkeypatch.setattr("vst.networks.anystyle.AnyStyle", lambda: network)
    return network


def test_the_painting_is_the_networks_and_is_measured(
    paint: Paint, tmp_path: Path, clip: Path, network: Inverting
) -> None:
    run = paint(tmp_path, "evaluations=0", "model=anystyle")
    frames = read_frames(run)
    for row, content in zip(frames, VideoReader(clip).read(), strict=True):
        painted = load_png(run / "frames" / f"{content.index:06d}.png")
        assert np.array_equal(painted, to_uint8(1 - content.content))
        assert (row["content"] or 0) > 0
        assert (row["style"] or 0) > 0
        assert row["evaluations"] == 0
    assert not read_curves(run)
    assert np.array_equal(network.styles[0].numpy(), DrawnPainting("swirls", swirls).at(48).image.numpy())


def test_the_optimisation_goes_on_from_the_networks_painting_at_the_frames_own_size(
    paint: Paint, tmp_path: Path, network: Inverting
) -> None:
    options = ["start=anystyle", "video.size=224", "video.frames=1"]
    measured = read_frames(paint(tmp_path / "start", "model=naive", "evaluations=0", *options))[0]
    curve = read_curves(paint(tmp_path / "run", "model=naive", "evaluations=3", *options))[0]
    assert {row["size"] for row in curve} == {224}
    assert curve[0]["total"] == pytest.approx(measured["total"], rel=0.02)
