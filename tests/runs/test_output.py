"""What is written of the painted clip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vst.errors import InputError
from vst.runs.settings import resolve
from vst.video.reader import VideoReader
from vst.video.store import load_png

Paint = Callable[..., Path]


def frames(run: Path) -> np.ndarray:
    return np.stack([load_png(file) for file in sorted((run / "frames").glob("*.png"))])


def test_a_lossless_clip_has_the_pixels_of_the_frames(paint: Paint, tmp_path: Path) -> None:
    run = paint(tmp_path, "model=naive", "evaluations=1", "output.codec=ffv1")
    found = [
        frame.content[0].permute(1, 2, 0).numpy() * 255 for frame in VideoReader(run / "stylized.mkv").read()
    ]
    np.testing.assert_array_equal(np.round(found), frames(run))
    assert (run / "stylized.mp4").is_file(), "for browsers"


@pytest.fixture
def cut_out(tmp_path: Path) -> Path:
    """Three pictures of something that has a soft edge, and nothing around it."""
    rows, columns = np.mgrid[:32, :48]
    (tmp_path / "pictures").mkdir()
    for index in range(3):
        distance = np.hypot(rows - 16, columns - 20 - 2 * index)
        shades = np.stack([rows * 7, columns * 5, 255 - rows * 7, (14 - distance).clip(0, 4) * 255 / 4], -1)
        Image.fromarray(shades.round().astype(np.uint8)).save(tmp_path / "pictures" / f"{index}.png")
    return tmp_path / "pictures"


@pytest.mark.parametrize("passes", [1, 2])
def test_what_is_transparent_stays_so(paint: Paint, tmp_path: Path, cut_out: Path, passes: int) -> None:
    options = ["video=pictures", f"video.path={cut_out}", "model=mse", f"passes={passes}", "beta=1e5"]
    run = paint(tmp_path / "run", *options, "output.codec=ffv1")
    shown = frames(run).astype(float)
    for index, frame in enumerate(VideoReader(run / "stylized.mkv").read()):
        given = np.array(Image.open(cut_out / f"{index}.png"))
        found = load_png(run / "frames" / f"{index:06d}.png", transparent=True)
        np.testing.assert_array_equal(found[..., 3], given[..., 3])
        assert frame.opacity is not None
        np.testing.assert_array_equal(np.round(frame.opacity[0, 0].numpy() * 255), given[..., 3])
        opaque = given[..., 3] == 255
        assert np.abs(found[opaque, :3].astype(float) - given[opaque, :3]).mean() > 1, "it is painted"
        assert (shown[index][given[..., 3] == 0] == 255).all(), (
            "over white, for whoever shows no transparency"
        )


def test_a_run_of_pictures_knows_when_one_is_another(paint: Paint, tmp_path: Path, cut_out: Path) -> None:
    options = ["video=pictures", f"video.path={cut_out}", "model=naive", "evaluations=0"]
    run = paint(tmp_path / "run", *options)
    assert paint(run, *options, f"resume={run}") == run
    (cut_out / "1.png").write_bytes((cut_out / "2.png").read_bytes())
    with pytest.raises(InputError, match=r"what video\.path names has changed"):
        paint(run, *options, f"resume={run}")


def test_other_codecs_are_refused(compose: Callable) -> None:
    with pytest.raises(InputError, match=r"output.codec=av1 is not known; choose one of: h264, prores, ffv1"):
        resolve(compose("output.codec=av1"))
