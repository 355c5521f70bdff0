"""The file that a command is told to write."""

from __future__ import annotations

import os
from pathlib import Path

from gitorch.core.names import quote
from gitorch.errors import GitorchError


def target_file(root: Path, folder: str, target: str) -> Path:
    """Give the path of a file to write, as seen from the folder that a command works in.

    Raises:
        GitorchError: it is named as one of the repository's, and a link of the repository's leads out of it.
    """
    top = root.resolve()
    named = Path(os.path.normpath(Path(folder).resolve() / target))
    if named.is_relative_to(top) and not named.resolve().is_relative_to(top):
        raise GitorchError(f"{quote(target)} leads out of the repository by a link", hint="use another name: -o FILE")
    return Path(folder, target)
