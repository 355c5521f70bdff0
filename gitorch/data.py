"""Where the files lie that ship with gitorch: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

from gitorch.errors import GitorchError

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """Give the folder of shipped data of a kind: `templates` or `hooks`."""
    for place in (_PACKAGE / "shipped" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise GitorchError(f"gitorch's own {name} are missing", hint="install gitorch anew")
