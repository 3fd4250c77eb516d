"""A run's directory: where things lie in it, and who works there."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vst.errors import InputError


@contextmanager
def locked(directory: Path, purpose: str, option: str) -> Generator[None]:
    """Hold a directory for one process; leave none behind that was made for what could not begin.

    `purpose` says in a refusal what works there, `option` what would name another directory.
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
        # removed while it is locked, or another's lock would be
        lock_path(directory).unlink(missing_ok=True)
        lock.release()
        if created and directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()


def lock_path(run: Path) -> Path:
    """Where the lock of the run in a directory lies; one that nobody holds may be what a killed run has left."""
    return run / ".lock"


def checkpoint_path(run: Path) -> Path:
    """Where the checkpoint of the run in a directory lies."""
    return run / "checkpoints" / "last.ckpt"
