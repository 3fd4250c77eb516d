"""Failures that the user can act on."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager

DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})
"""Errors of the disk that is written to."""


class VstError(Exception):
    """A failure that the user can act on: one sentence that names the thing, says what is wrong and what to do."""

    status = 1


class InputError(VstError):
    """An option or an input cannot be used; nothing has been written."""

    status = 2


class ClipBroke(VstError):  # noqa: N818 - an event, not an error of this program
    """The clip became unreadable part-way; the frames painted up to there are kept."""

    def __init__(self, clip: object, source_frame: int, reason: str):
        super().__init__(
            f"{clip} breaks at frame {source_frame} ({reason}); the frames before it are painted and kept, "
            f"so repair the clip, or ask for fewer frames with video.frames"
        )
        self.source_frame = source_frame


class Pruned(VstError):  # noqa: N818 - an event, not an error of this program
    """A search stopped the run because its settings are not promising; the frames painted up to there are kept."""


class OutOfMemory(VstError):  # noqa: N818 - as the conditions above
    """The machine or its GPU has too little memory; what is painted is kept."""

    def __init__(self, what: str, remedy: str):
        super().__init__(f"there is not enough memory for {what}; {remedy}")


@contextmanager
def memory_for(what: str, remedy: str) -> Generator[None]:
    """Raise `OutOfMemory` where the block fails for want of memory."""
    try:
        yield
    except Exception as error:
        if ran_out_of_memory(error):
            raise OutOfMemory(what, remedy) from error
        raise


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory could not be had: on a GPU, by PyTorch on the CPU, NumPy, OpenCV or C++."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    said = (
        "allocate memory",
        "not enough memory",
        "Insufficient memory",
        "bad_alloc",
        "failed to map segment",
    )
    return any(sentence in str(error) for sentence in said)


def failure(error: VstError | OSError) -> tuple[str, int]:
    """The message and the exit status for a run's failure that the user can act on."""
    if isinstance(error, VstError):
        return str(error), error.status
    reason, name = error.strerror or str(error), file_of(error)
    details = f"{name}: {reason}" if name else reason
    if error.errno in DISK_ERRORS:
        return (
            f"the run could not be written ({details}); free or repair the disk, and resume the run",
            InputError.status,
        )
    return f"{details}; name another file or directory, or correct this one", InputError.status


def file_of(error: OSError) -> str | None:
    """The file that an error is about: of two, one of which was copied to the other, the one that was written."""
    return error.filename2 or error.filename
