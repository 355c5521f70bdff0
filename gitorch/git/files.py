"""Writing files and listing folders, with errors that say which: the system does not tell of what it cannot write."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from gitorch.errors import GitorchError

_HINT: Final = "is there room, and are rights there?"


def write(path: Path, data: bytes) -> None:
    """Write a file.

    Raises:
        GitorchError: it cannot be written.
    """
    try:
        path.write_bytes(data)
    except OSError as error:
        raise GitorchError(f"{path}: cannot be written: {error.strerror}", hint=_HINT) from None


def replace(path: Path, data: bytes, *, hint: str = _HINT, synced: bool = False) -> None:
    """Replace a file whole, so that no reader ever sees half of it; if it is synced, not after a power cut either.

    Raises:
        GitorchError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name[:200]}.new")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise GitorchError(f"{path}: cannot be written: {error.strerror}", hint=hint) from None


def listed(folder: Path) -> list[Path]:
    """List a folder, sorted; empty where there is none, or where we may not look.

    Raises:
        OSError: it cannot be listed just now: a glob would say that nothing is in it.
    """
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        if os.access(folder, os.R_OK | os.X_OK):
            raise
        return []
