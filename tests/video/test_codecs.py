from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from vst.frames import ClipInfo
from vst.video.codecs import CODECS, CodecName
from vst.video.reader import VideoReader
from vst.video.writer import write_video

FRAMES = 4
NTSC = Fraction(24000, 1001)


def pictures(height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """Smooth shades that move, and grow transparent to the right."""
    rows, columns = np.mgrid[:height, :width] / max(height, width)
    shades = [
        np.stack([rows, columns, 1 - rows, 1 - columns][:channels], -1) * (1 - 0.1 * i) for i in range(FRAMES)
    ]
    return (255 * np.stack(shades)).round().astype(np.uint8)


def written(path: Path, images: NDArray[np.uint8], name: CodecName) -> VideoReader:
    info = ClipInfo(
        "clip", FRAMES, *images.shape[1:3], 1 / (1000 * NTSC.limit_denominator()), NTSC, 0, 1000 * FRAMES
    )
    file = path / f"clip{CODECS[name].suffix}"
    frames = ((image, 1000 * index) for index, image in enumerate(images))
    assert write_video(file, frames, info, CODECS[name]).frames == FRAMES
    return VideoReader(file)


def levels(reader: VideoReader) -> NDArray[np.float32]:
    return np.concatenate([frame.content.permute(0, 2, 3, 1).numpy() for frame in reader.read()]) * 255


@pytest.mark.parametrize(("height", "width"), [(32, 48), (31, 45)])
def test_ffv1_keeps_every_pixel(tmp_path: Path, height: int, width: int) -> None:
    images = pictures(height, width, 3)
    np.testing.assert_array_equal(levels(written(tmp_path, images, "ffv1")).round(), images)


@pytest.mark.parametrize(("height", "width"), [(32, 48), (31, 45)])
def test_prores_looks_the_same_in_ten_bits(tmp_path: Path, height: int, width: int) -> None:
    images = pictures(height, width, 3)
    found = levels(written(tmp_path, images, "prores"))[:, :height, :width]
    np.testing.assert_allclose(found, images, atol=4)
    with av.open(str(tmp_path / "clip.mov")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.profile) == ("prores", "yuv422p10le", "HQ")


@pytest.mark.parametrize("name", ["prores", "ffv1"])
def test_transparency_is_kept_where_the_codec_can(tmp_path: Path, name: CodecName) -> None:
    images = pictures(32, 48, 4)
    frames = list(written(tmp_path, images, name).read())
    for frame, image in zip(frames, images, strict=True):
        assert frame.opacity is not None
        np.testing.assert_allclose(frame.opacity[0, 0].numpy() * 255, image[..., 3], atol=1)
        opaque = image[..., 3:] / 255
        over_white = image[..., :3] * opaque + 255 * (1 - opaque)
        np.testing.assert_allclose(frame.content[0].permute(1, 2, 0).numpy() * 255, over_white, atol=4)


@pytest.mark.parametrize("name", list(CODECS))
def test_every_codec_keeps_the_times(tmp_path: Path, name: CodecName) -> None:
    reader = written(tmp_path, pictures(32, 48, 3), name)
    assert reader.info.frame_rate == NTSC
    times = [float(frame.pts * reader.info.time_base) for frame in reader.read()]
    # Matroska counts in milliseconds
    assert times == pytest.approx([float(index / NTSC) for index in range(FRAMES)], abs=1e-3)


def test_opaque_frames_have_no_opacity(tmp_path: Path) -> None:
    images = pictures(32, 48, 4)
    images[..., 3] = 255
    assert all(frame.opacity is None for frame in written(tmp_path, images, "ffv1").read())
