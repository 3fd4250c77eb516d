"""Paintings with the content's colours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vst.errors import InputError
from vst.painting.colours import luminance
from vst.runs.record import read_record
from vst.video.reader import VideoReader
from vst.video.store import load_png

Paint = Callable[..., Path]


def painted(run: Path, index: int) -> torch.Tensor:
    return torch.from_numpy(load_png(run / "frames" / f"{index:06d}.png")).permute(2, 0, 1)[None] / 255


def test_luminance_leaves_the_colours_of_the_content(paint: Paint, tmp_path: Path, clip: Path) -> None:
    run = paint(tmp_path / "run", "colours=luminance", "model=mse", "video.frames=2", "beta=1e6")
    for index, frame in enumerate(VideoReader(clip, frames=2).read()):
        found, content = painted(run, index), frame.content
        inside = ((found > 0.01) & (found < 0.99)).all(1)
        chroma = (found - luminance(found)) - (content - luminance(content))
        assert float(chroma.abs().amax(1)[inside].max()) < 0.01, "but for what is cut off"
        assert inside.float().mean() > 0.8
        assert float((luminance(found) - luminance(content)).abs().mean()) > 0.005, "it is painted"


def test_matched_colours_are_nearer_to_the_contents(paint: Paint, tmp_path: Path, clip: Path) -> None:
    means = {}
    for colours in ("style", "matched"):
        run = paint(tmp_path / colours, f"colours={colours}", "model=mse", "video.frames=1", "beta=1e5")
        means[colours] = painted(run, 0).mean((2, 3))
        assert read_record(run).provenance.config["colours"] == colours  # ty: ignore[unresolved-attribute]
    [frame] = VideoReader(clip, frames=1).read()
    content = frame.content.mean((2, 3))
    away = {colours: float((mean - content).abs().max()) for colours, mean in means.items()}
    assert away["matched"] < away["style"] / 2


def test_shots_have_their_own_style_image(paint: Paint, tmp_path: Path) -> None:
    options = ["colours=matched", "model=naive", "cuts=[2]"]
    run = paint(tmp_path / "whole", *options)
    alone = paint(tmp_path / "alone", *options, "video.start=2", "video.frames=2")
    for index in range(2):
        found, wanted = (
            load_png(p / "frames" / f"{i:06d}.png") for p, i in ((alone, index), (run, index + 2))
        )
        np.testing.assert_array_equal(found, wanted)


def test_frames_that_are_not_painted_alike_are_not_painted_at_once(paint: Paint, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="lanes is 2, and what frames are painted like changes along this clip"
    ):
        paint(tmp_path, "colours=matched", "model=naive", "cuts=[2]", "lanes=2")


def test_other_colours_are_refused(paint: Paint, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="colours=grey is not known; choose one of: style, luminance, matched"
    ):
        paint(tmp_path, "colours=grey")
