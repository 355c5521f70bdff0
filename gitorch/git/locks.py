"""Locks: the kernel's for gitorch's own processes, and git's index.lock for everyone else's."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from gitorch.errors import Exit, GitorchError
from gitorch.git import files

_POLL: Final = 0.02  # seconds
_ASK: Final = 1.0  # seconds between two looks at who may hold a lock
_MARK: Final = b"gitorch "


class Busy(GitorchError):
    """A lock is held by a living process, and waiting for it took too long."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message, hint=hint, code=Exit.TRY_AGAIN)


@contextlib.contextmanager
def hold(path: Path, *, wait: float, busy: Busy) -> Iterator[None]:
    """Hold a lock of the kernel's on a file. It ends with the process, however that ends.

    Args:
        path: the file; made where it is missing, and left there.
        wait: how many seconds to wait for another holder.
        busy: what to raise when that was not enough.
    """
    fd = _open(path)
    try:
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise busy from None
                time.sleep(_POLL)
        yield
    finally:
        os.close(fd)


def is_held(path: Path) -> bool:
    """Tell whether a living process holds the lock on a file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # who may only read shall be told too
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise GitorchError(f"{path}: cannot be locked: {error.strerror}", hint="is the repository writable?") from None


@contextlib.contextmanager
def hold_index(
    index: Path, scratch: Path, *, wait: float, busy: Callable[[Path], Busy], is_gone: Callable[[Path], bool]
) -> Iterator[None]:
    """Hold git's own lock on an index, so that no other git writes it. Call it with the write lock held.

    The lock file says that it is ours, so that `break_stale_index_lock` knows one that a dead process left.

    Args:
        index: the index file.
        scratch: a folder of ours beside it.
        wait: how many seconds to wait for another holder.
        busy: makes what to raise when that was not enough.
        is_gone: asked now and then of a lock that is in the way; it may take it away.
    """
    lock = index.with_name(index.name + ".lock")
    mine = scratch / "lock-of-index"
    files.write(mine, _MARK + str(os.getpid()).encode() + b"\n")
    deadline = time.monotonic() + wait
    ask = time.monotonic()
    while True:
        try:
            os.link(mine, lock)
            break
        except FileExistsError:
            now = time.monotonic()
            if now >= min(ask, deadline):
                ask = now + _ASK
                if is_gone(lock):
                    continue
            if now >= deadline:
                raise busy(lock) from None
            time.sleep(_POLL)
        except OSError as error:
            raise GitorchError(f"{lock}: cannot be made: {error.strerror}", hint="is .git writable?") from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        mine.unlink(missing_ok=True)


def break_stale_index_lock(index: Path) -> None:
    """Take away an index.lock that a dead gitorch left. Call it with the write lock held: then its owner is dead."""
    lock = index.with_name(index.name + ".lock")
    if is_own_lock(lock):
        lock.unlink(missing_ok=True)


def is_own_lock(lock: Path) -> bool:
    """Tell whether a lock file was made by a gitorch."""
    with contextlib.suppress(OSError):
        return lock.stat().st_size < 64 and lock.read_bytes().startswith(_MARK)  # noqa: PLR2004 - ours is one short line
    return False
