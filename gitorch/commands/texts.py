"""Text that an option holds, names a file with, or reads from standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from gitorch.core.names import quote
from gitorch.errors import Exit, GitorchError

_STDIN: Final = "-"
_MAX_BYTES: Final = 512 * 1024  # a task file with it stays within what may be read
_HINT: Final = "-d TEXT, -d @FILE, or -d - for standard input"


def read_text(value: str, folder: str) -> str:
    """Return the text of `-d TEXT`, `-d @FILE` (seen from the directory of -C) or `-d -`.

    Raises:
        GitorchError: it cannot be read, is too long, not UTF-8 text, or empty.
    """
    if value == _STDIN:
        what, data = "standard input", sys.stdin.buffer.read(_MAX_BYTES + 1)
    elif value.startswith("@"):
        what = quote(value[1:])
        try:
            with Path(folder, value[1:]).open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "not a valid path"
            raise GitorchError(f"{what} cannot be read: {why}", hint=_HINT, code=Exit.USAGE) from None
    else:
        return value
    if len(data) > _MAX_BYTES:
        raise GitorchError(f"{what} is larger than {_MAX_BYTES // 1024} KiB", hint=_HINT, code=Exit.USAGE)
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").strip()
    except UnicodeDecodeError as error:
        raise GitorchError(f"{what}: byte {error.start + 1} is not UTF-8 text", hint=_HINT, code=Exit.USAGE) from None
    if not text:
        raise GitorchError(f"{what} is empty", hint=_HINT, code=Exit.USAGE)
    return text
