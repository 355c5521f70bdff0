"""Writing files, with errors that name the file: the system does not tell which one it could not write."""

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
