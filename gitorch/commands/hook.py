"""`gitorch hook`, called by git's hooks and by those of coding agents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final

from gitorch.errors import Exit, GitorchError
from gitorch.git.repository import Repository, open_repository

# which module of `gitorch.hooks` has the function for a hook of git's; it is named like the hook
_OF_GIT: Final = {
    "pre-commit": "commit",
    "pre-merge-commit": "commit",
    "prepare-commit-msg": "commit",
    "commit-msg": "commit",
    "at-once": "commit",  # not git's: our own hooks ask it instead of the three, where no editor comes between
    "post-merge": "after",
    "post-rewrite": "after",
    "pre-push": "pushed",
    "pre-receive": "pushed",
}


def run(*, folder: str, args: Sequence[str]) -> int:
    """Do what a hook has to do; the first argument is its name, the others are what git gives it.

    Raises:
        GitorchError: it refuses what git is about to do.
    """
    name, *rest = args or ("",)
    if name == "pre-tool-use":
        from gitorch.commands import tool_hook  # noqa: PLC0415 - the hooks of git need none of it

        tool_hook.run(folder)
        return Exit.OK
    if name not in _OF_GIT:
        known = ", ".join((*_OF_GIT, "pre-tool-use"))
        raise GitorchError(f"there is no hook {name!r}", hint=f"there are {known}", code=Exit.USAGE)
    module = import_module(f"gitorch.hooks.{_OF_GIT[name]}")
    hook: Callable[[Repository, list[str]], None] = getattr(module, name.replace("-", "_"))
    repository = open_repository(folder, in_hook=True)
    try:
        hook(repository, rest)
    finally:
        repository.close()
    return Exit.OK
