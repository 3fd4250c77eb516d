"""A run's directory: its lock, and the paths in it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vst.errors import InputError
from vst.files import ASIDE, refuse_link

FOLDERS = ("frames", "keyframes", "checkpoints", "wandb", ".hydra")
"""The folders that a run fills."""


@contextmanager
def locked(directory: Path, purpose: str, option: str) -> Generator[None]:
    """Lock a directory for one process, and remove it at the end if it was created here and is still empty.

    In error messages, `purpose` names what uses the directory, and `option` the option that names another one.
    """
    try:
        created = not directory.exists() or not any(directory.iterdir())
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(lock_path(directory))
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(
            f"{directory} is in use by another {purpose}; wait for it, or name another directory with {option}"
        ) from error
    except OSError as error:
        raise InputError(
            f"{directory} cannot be written ({error.strerror}); name another directory with {option}"
        ) from error
    try:
        yield
    finally:
        # removed while it is still locked: later, another process's lock file could be removed
        lock_path(directory).unlink(missing_ok=True)
        lock.release()
        if created and directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()


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


def frame_path(run: Path, index: int) -> Path:
    """Path of a painted frame of the run in a directory, by its index in the stretch."""
    return run / "frames" / f"{index:06d}.png"
