"""Opening a video file, and choosing its picture and sound streams."""

from __future__ import annotations

from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from vst.errors import InputError

# Decoders that render text files as pictures: here a text file is a mistake, not a clip.
TEXT_CODECS = {"ansi", "bintext", "idf", "xbin"}

# Metadata in an old encoding is no reason to fail. PyAV from 19 on does not fail, and lacks this option.
ANY_METADATA = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


def open_clip(path: Path) -> InputContainer:
    """Open a file for reading its packets and frames."""
    # Absolute, so that no name can be taken for a protocol.
    return av.open(str(path.absolute()), **ANY_METADATA)  # ty: ignore[no-matching-overload]


LARGEST_PICTURE = 2**26
"""Pixels of the largest picture that is decoded, 8192 x 8192: one in floats takes 0.8 GB."""


def picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the first video stream that is not a cover picture, nor a still beside the clip, as an avif may have."""
    covers = Disposition.attached_pic | Disposition.timed_thumbnails
    streams = [stream for stream in container.streams.video if not stream.disposition & covers]
    if not streams:
        found = "sound but no pictures" if container.streams.audio else "no pictures"
        raise InputError(f"{path} has {found}; set video.path to a video")
    stream = min(streams, key=lambda stream: stream.frames == 1)
    codec = stream.codec_context
    if codec is None:
        raise InputError(f"{path} is in a format that no decoder here supports; convert it to H.264")
    if codec.name in TEXT_CODECS:
        raise InputError(f"{path} is a text file, not a video; set video.path to a video")
    if codec.width * codec.height > LARGEST_PICTURE:
        raise InputError(
            f"{path} has pictures of {codec.width}x{codec.height} pixels, more than the "
            f"{LARGEST_PICTURE / 1e6:.0f} million that are read; scale it down"
        )
    # pictures may turn out to be larger than their container says, and may grow
    codec.options = {**codec.options, "max_pixels": str(LARGEST_PICTURE)}
    return stream


def sound_stream(container: InputContainer) -> AudioStream | None:
    """Return the sound that a player chooses: the default track, or else the first, of those that can be decoded.

    A track may be announced whose codec is unknown, or which has no packets that would say its sample rate.
    """
    usable = [
        stream
        for stream in container.streams.audio
        if stream.codec_context is not None and stream.codec_context.sample_rate > 0
    ]
    return max(usable, key=lambda stream: bool(stream.disposition & Disposition.default), default=None)


def check_is_file(path: Path) -> None:
    """Raise an `InputError` for a path that cannot be a video, before it is opened."""
    if path.is_dir():
        raise InputError(f"{path} is a directory, not a video; set video.path to a file")
    if not path.exists():
        raise InputError(f"{path} does not exist; set video.path to a video")
    if not path.is_file():
        raise InputError(
            f"{path} is not a regular file, so it cannot be read twice; set video.path to a video"
        )
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty; fetch or export the video again")


def reason_of(error: av.FFmpegError) -> str:
    """FFmpeg's message of an error."""
    return error.strerror or type(error).__name__
