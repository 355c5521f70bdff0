"""Write the page to a file: whole or not at all, and never over a file that is not a report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from gitorch.core.names import quote
from gitorch.errors import GitorchError
from gitorch.report.page import MARK

DEFAULT: Final = "gitorch-report.html"
_HEAD: Final = 1000  # bytes within which a report says that it is one


def check(path: Path) -> None:
    """Refuse a path that a report cannot take.

    Raises:
        GitorchError: it holds something other than a report.
    """
    hint = "use another name: -o FILE"
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise GitorchError(f"{quote(str(path))} is not a regular file", hint=hint)
    if not path.exists():
        return
    with path.open("rb") as file:
        if MARK.encode() not in file.read(_HEAD):
            raise GitorchError(f"{quote(str(path))} exists and is not a report", hint=hint)


def write(path: Path, text: str) -> None:
    """Write a report.

    Raises:
        GitorchError: the path holds something other than a report.
    """
    check(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
