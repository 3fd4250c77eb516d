"""A run's directory: its lock, and the paths in it."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vst.errors import InputError
from vst.files import ASIDE, refuse_link
from vst.video.codecs import CODECS, Codec, CodecName

FOLDERS = ("frames", "keyframes", "previews", "checkpoints", "wandb", "tensorboard", ".hydra", ".training")
"""The folders that a run or a training fills."""

_made: set[Path] = set()
"""Directories that this process has made, or Hydra for it."""

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
"""How a file system answers that has no locks."""


def about_to_make(directory: Path) -> None:
    """Remember which directories, this one or those above it, are not there before it is made."""
    directory = directory.absolute()
    _made.update(folder for folder in (directory, *directory.parents) if not folder.exists())


def remove_if_empty(directory: Path) -> None:
    """Remove a directory, and those above it, as far as they were made for a run and hold nothing.

    An empty directory that was there before is the user's.
    """
    directory = directory.absolute()
    for folder in (directory, *directory.parents):
        if folder not in _made or not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()
        _made.discard(folder)


def remove_empty() -> None:
    """Remove all directories that were made for runs and hold nothing."""
    for directory in sorted(_made, key=lambda made: len(made.parts), reverse=True):
        remove_if_empty(directory)


@contextmanager
def locked(directory: Path, purpose: str, option: str) -> Generator[None]:
    """Lock a directory for one process, and remove it at the end if it was made for this and is still empty.

    In error messages, `purpose` names what uses the directory, and `option` the option that names another one.
    """
    about_to_make(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(lock_path(directory))
        # a report that looks whether a run goes on holds the lock for a moment
        lock.acquire(timeout=1)
    except Timeout as error:
        raise InputError(
            f"{directory} is in use by another {purpose}; wait for it, or name another directory with {option}"
        ) from error
    except (OSError, NotImplementedError) as error:  # the latter from older versions of filelock
        reason = getattr(error, "strerror", None) or str(error)
        if getattr(error, "errno", errno.ENOSYS) in _NO_LOCKS:
            lock_path(directory).unlink(missing_ok=True)
            remove_if_empty(directory)
            raise InputError(
                f"{directory} is on a file system without locks ({reason}), where two could write to it at once; name "
                f"a directory on another one with {option}"
            ) from error
        raise InputError(
            f"{directory} cannot be written ({reason}); name another directory with {option}"
        ) from error
    try:
        yield
    finally:
        # removed while it is still locked: later, another process's lock file could be removed
        lock_path(directory).unlink(missing_ok=True)
        lock.release()
        remove_if_empty(directory)


def make_own(run: Path) -> None:
    """Make sure that a run writes only into its own directory, and remove what it was writing when it was killed.

    Raises `InputError` for a folder that is a link, as there may be one in a directory from elsewhere.
    """
    folders = [run / name for name in FOLDERS]
    folders += [
        folder for folder in (run / "checkpoints").rglob("*") if folder.is_dir() or folder.is_symlink()
    ]
    for folder in folders:
        refuse_link(folder)
    for folder in (run, *folders):
        for file in folder.glob(".*"):
            if file.suffix in (ASIDE, ".pictures") and not file.is_dir():
                file.unlink()


def lock_path(run: Path) -> Path:
    """Path of the lock file of the run in a directory. A killed run may leave the file behind, unlocked."""
    return run / ".lock"


def checkpoint_path(run: Path) -> Path:
    """Path of the checkpoint of the run in a directory."""
    return run / "checkpoints" / "last.ckpt"


def clip_paths(run: Path, codec: CodecName) -> dict[Path, Codec]:
    """Paths of the painted clips of the run in a directory: the one that browsers play, and one of that codec."""
    names: tuple[CodecName, ...] = ("h264", codec)
    return {run / f"stylized{CODECS[name].suffix}": CODECS[name] for name in names}


def frame_path(run: Path, index: int) -> Path:
    """Path of a painted frame of the run in a directory, by its index in the stretch."""
    return run / "frames" / f"{index:06d}.png"
