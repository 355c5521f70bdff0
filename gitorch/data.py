"""Where files lie: those that ship with gitorch, in a checkout or in a wheel, and the user's own settings."""

from __future__ import annotations

import os
import shutil
import sys
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


def program() -> str | None:
    """Give the program that is running, for those who shall start it later; None where it is not to be found."""
    running = Path(os.path.abspath(sys.argv[0]))  # noqa: PTH100 - links are to stay
    beside = Path(sys.executable).parent / "gitorch"
    for place in (running.with_name("gitorch"), beside):
        if place.is_file() and os.access(place, os.X_OK):
            return str(place)
    return shutil.which("gitorch")
