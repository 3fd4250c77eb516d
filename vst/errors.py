"""Failures that the user can act on."""

from __future__ import annotations

import errno


class VstError(Exception):
    """A failure that the user can act on: one sentence that names the thing, what is wrong, what to do."""

    status = 1


class InputError(VstError):
    """Something that was asked for or handed in cannot be used; nothing has been written."""

    status = 2


class ClipBroke(VstError):  # noqa: N818 - what happened, not what went wrong in here
    """The clip stopped being readable in the middle; what is painted up to there is kept."""

    def __init__(self, clip: object, source_frame: int, reason: str):
        super().__init__(
            f"{clip} breaks at frame {source_frame} ({reason}); the frames before it are painted and kept, "
            f"so repair the clip, or ask for fewer frames with video.frames"
        )
        self.source_frame = source_frame


class Pruned(VstError):  # noqa: N818 - what happened, not what went wrong in here
    """A search gave the run up, because its settings are not worth it; what is painted up to there is kept."""


def failure(error: VstError | OSError) -> tuple[str, int]:
    """The sentence and the exit status for a run's failure that the user can act on."""
    if isinstance(error, VstError):
        return str(error), error.status
    reason = error.strerror or str(error)
    what = f"{error.filename}: {reason}" if error.filename else reason
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS):
        return (
            f"the run could not be written ({what}); free or repair the disk, and resume the run",
            InputError.status,
        )
    return f"{what}; name another file or directory, or correct this one", InputError.status
