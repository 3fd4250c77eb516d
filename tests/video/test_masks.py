from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vst.errors import ClipBroke, InputError
from vst.frames import ClipInfo, Frame
from vst.video.masks import Mask
from vst.video.reader import VideoReader
from vst.video.writer import write_video

HEIGHT, WIDTH = 24, 32


def info(frames: int, start: int = 0) -> ClipInfo:
    return ClipInfo("clip", frames, HEIGHT, WIDTH, Fraction(1, 25), Fraction(25), 0, frames, start=start)


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mask of six frames, each brighter than the one before."""
    path = tmp_path_factory.mktemp("masks") / "moving.mp4"
    frames = ((np.full((48, 64, 3), 40 * index, np.uint8), index) for index in range(6))
    write_video(path, frames, info(6))
    return path


def test_a_picture_is_the_mask_of_every_frame_at_the_size_of_the_clip(tmp_path: Path) -> None:
    halves = np.zeros((60, 80, 3), np.uint8)
    halves[:, 40:] = 255
    Image.fromarray(halves).save(tmp_path / "half.png")
    mask = Mask(tmp_path / "half.png", info(1000, start=5), "style.mask")
    assert not mask.moves
    found = mask.at(1004)
    assert found.shape == (1, 1, HEIGHT, WIDTH)
    assert float(found[..., : WIDTH // 2 - 2].max()) < 0.01
    assert float(found[..., WIDTH // 2 + 2 :].min()) > 0.99
    assert mask.at(5) is found


def test_grey_is_half_a_mask(tmp_path: Path) -> None:
    Image.new("L", (40, 30), 128).save(tmp_path / "grey.png")
    found = Mask(tmp_path / "grey.png", info(1), "style.mask").at(0)
    assert float(found.min()) == pytest.approx(128 / 255, abs=0.01)
    assert float(found.max()) == pytest.approx(128 / 255, abs=0.01)


@pytest.mark.parametrize("order", [[0, 1, 2, 5], [3, 3, 4], [5, 2, 0], [4, 5, 0, 1]])
def test_a_clip_is_the_mask_of_its_own_frames_in_any_order(moving: Path, order: list[int]) -> None:
    mask = Mask(moving, info(4, start=2), "style.mask")
    assert mask.moves
    for index in order:
        assert float(mask.at(index).mean()) == pytest.approx(40 * index / 255, abs=0.02)


def test_a_mask_that_cannot_be_used_is_named(tmp_path: Path, moving: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for path, frames, complaint in (
        (tmp_path / "none.png", 1, "does not exist; set styles.night.mask to a picture or a video"),
        (tmp_path / "none.png", 1, "does not exist; set styles.night.mask to a picture or a video"),
        (tmp_path, 1, "is a folder; set styles.night.mask to a picture or a video"),
        (tmp_path / "text.png", 1, "cannot be read as a picture or a video"),
        (moving, 7, "has 6 frames, and frames up to 6 of clip are painted"),
    ):
        with pytest.raises(InputError, match=complaint):
            Mask(path, info(frames), "styles.night.mask")


def test_a_mask_that_breaks_is_named(moving: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: VideoReader, first: int = 0) -> Iterator[Frame]:
        yield from ()
        raise ClipBroke(self.path, 3, "damaged")

    mask = Mask(moving, info(6), "style.mask")
    monkeypatch.setattr(VideoReader, "read", broken)
    with pytest.raises(InputError, match=r"the mask .*moving.mp4 breaks at frame 3"):
        mask.at(3)
