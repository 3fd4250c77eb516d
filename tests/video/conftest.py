from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from numpy.typing import NDArray

RATE = 44100


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real clips beside the repository."""
    folder = Path(__file__).resolve().parents[2].parent / "shared"
    if not (folder / "clips").is_dir():
        pytest.skip("the real clips are not beside the repository")
    return folder


def noise(count: int, height: int = 48, width: int = 64) -> list[NDArray[np.uint8]]:
    """Return images (H, W, 3) of noise, the same each time."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(count)]


def _sine(seconds: float, channels: int) -> NDArray[np.int16]:
    wave = np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE)) / RATE)
    return np.repeat((wave * 16000).astype(np.int16), channels).reshape(1, -1)


def make_clip(
    path: Path,
    images: Sequence[NDArray],
    codec: str = "libx264",
    pixels: str = "yuv420p",
    given: str = "rgb24",
    times: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    sound: str | None = None,
    container_options: dict[str, str] | None = None,
    prepare: Callable | None = None,
    title: str = "",
    options: dict[str, str] | None = None,
) -> Path:
    """Write a clip at 25 frames a second, or at the times given, with a sine as its sound.

    `prepare` may set what it likes of the video stream before the first frame.
    """
    with av.open(str(path), "w", options=container_options or {}) as output:
        output.metadata["title"] = title
        stream = output.add_stream(codec, rate=25, options=options)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = time_base
        if prepare:
            prepare(stream)
        audio = output.add_stream(sound, rate=RATE) if sound else None
        assert audio is None or isinstance(audio, AudioStream)
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format=given)
            frame.pts, frame.time_base = times[number] if times else number, time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if audio:
            samples = av.AudioFrame.from_ndarray(_sine(len(images) / 25, 2), format="s16", layout="stereo")
            samples.sample_rate, samples.pts, samples.time_base = RATE, 0, Fraction(1, RATE)
            output.mux(audio.encode(samples))
            output.mux(audio.encode(None))
    return path


def clip_without_its_end(folder: Path) -> Path:
    """A clip of five frames as a broken copy leaves it: its header promises more than there is."""
    whole = make_clip(folder / "whole.mkv", noise(5, 32, 48), "mjpeg", "yuvj420p")
    cut = folder / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    return cut
