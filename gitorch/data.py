"""Where files lie: those that ship with gitorch, in a checkout or in a wheel, and the user's own settings."""

from __future__ import annotations

import os
from pathlib import Path

from gitorch.errors import GitorchError

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """Give the folder of shipped data of a kind: `templates` or `hooks`."""
    for place in (_PACKAGE / "shipped" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise GitorchError(f"gitorch's own {name} are missing", hint="install gitorch anew")


def user_folder() -> Path:
    """Give the folder that holds the user's own settings, as the XDG base directory specification has it."""
    base = os.environ.get("XDG_CONFIG_HOME")
    folder = Path(base) if base and Path(base).is_absolute() else Path("~/.config").expanduser()
    return folder / "gitorch"
