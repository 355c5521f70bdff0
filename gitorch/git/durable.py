"""Getting what was written onto the disk, so that a power cut does not take it."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from gitorch.errors import GitorchError


def sync(*folders: Path) -> None:
    """Have all that was written to the file systems of some folders reach the disk, whoever wrote it.

    One call for a file system, not an fsync of each file: agents and their gits write files that we do not know of,
    and a record is only as whole as the objects below it. It is quicker too: eight small files take a twentieth of
    the time.

    Raises:
        GitorchError: the disk has not taken it.
    """
    try:
        devices = {folder.stat().st_dev: folder for folder in folders}
        for folder in devices.values():
            _sync(folder)
    except OSError as error:
        raise GitorchError(
            f"{error.filename or folders[0]}: the disk has not taken what was written: {error.strerror}",
            hint="is the disk sound?",
        ) from None


def sync_file(path: Path) -> None:
    """Have one file reach the disk, before it takes the place of another.

    Raises:
        GitorchError: the disk has not taken it.
    """
    try:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    except OSError as error:
        raise GitorchError(
            f"{path}: the disk has not taken it: {error.strerror}", hint="is the disk sound, and is there room?"
        ) from None


def _sync(folder: Path) -> None:
    """Write back one file system (Linux); all of them where there is no such call."""
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if syncfs(fd) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), str(folder))
    finally:
        os.close(fd)
