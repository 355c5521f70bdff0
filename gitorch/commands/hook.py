"""`gitorch hook`, called by git's hooks."""

from __future__ import annotations

from gitorch.errors import Exit, GitorchError
from gitorch.git.repository import open_repository
from gitorch.loop import hook


def run(*, folder: str, name: str) -> int:
    """Do what a hook of a name has to do."""
    if name != "pre-commit":
        raise GitorchError(f"there is no hook {name!r}", code=Exit.USAGE)
    repository = open_repository(folder)
    try:
        hook.check_staged(repository)
    finally:
        repository.close()
    return Exit.OK
