"""Folders for a moment's files, in a place of our own: what a killed process leaves there goes the next time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """Give a folder, empty, and take it away afterwards. Hold a lock under which nobody else uses it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
