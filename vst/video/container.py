"""Opening a video file, and choosing its picture stream."""

from __future__ import annotations

from pathlib import Path

import av
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


def picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the first video stream that is not a cover picture."""
    for stream in container.streams.video:
        if stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails):
            continue
        if stream.codec_context is None:
            raise InputError(f"{path} is in a format that no decoder here supports; convert it to H.264")
        if stream.codec_context.name in TEXT_CODECS:
            raise InputError(f"{path} is a text file, not a video; set video.path to a video")
        return stream
    found = "sound but no pictures" if container.streams.audio else "no pictures"
    raise InputError(f"{path} has {found}; set video.path to a video")


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
