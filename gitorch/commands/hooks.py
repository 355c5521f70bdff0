"""`gitorch hooks install`, `uninstall` and `status`."""

from __future__ import annotations

from typing import Any, Final

from gitorch import output
from gitorch.errors import Exit
from gitorch.git.repository import Repository, open_repository
from gitorch.hooks import found
from gitorch.hooks import install as installer
from gitorch.hooks.found import Hook
from gitorch.hooks.install import Elsewhere
from gitorch.loop import proposal

_WORDS: Final = {
    "foreign": "another program's",
    "framework": "run by the pre-commit framework",
    "called": "called by this file",
    "edited": "changed by somebody",
}


def run(*, folder: str, what: str, server: bool = False, as_json: bool = False) -> int:
    """Install the hooks, remove them, or show their state."""
    repository = open_repository(folder)
    try:
        if what == "status":
            return _status(repository, server=server, as_json=as_json)
        proposal.refuse_inside(f"hooks {what}")
        change = _install if what == "install" else installer.uninstall
        for line in change(repository, server=server):
            output.say(line)
    finally:
        repository.close()
    return Exit.OK


def _install(repository: Repository, *, server: bool) -> list[str]:
    try:
        return installer.install(repository, server=server)
    except Elsewhere as error:
        for line in error.lines:
            output.note(line)
        raise  # it says what these lines are


def _status(repository: Repository, *, server: bool, as_json: bool) -> int:
    where, hooks = installer.status(repository, server=server)
    if as_json:
        output.document(
            ok=not where.off and all(hook.state in found.GOOD for hook in hooks),
            folder=str(where.folder),
            hooks_path=where.setting,
            program=where.program,
            hooks=[_row(hook) for hook in hooks],
        )
        return Exit.OK
    why = "git's own place" if where.setting is None else f"core.hooksPath is {where.setting!r}"
    output.say(f"git runs no hooks: {why}" if where.off else f"git looks for hooks in {where.folder}  ({why})")
    width = max(len(hook.name) for hook in hooks)
    for hook in hooks:
        output.say(f"{hook.name:<{width}}  {_WORDS.get(hook.state, hook.state)}{_more(hook)}")
    return Exit.OK


def _row(hook: Hook) -> dict[str, Any]:
    kept = str(hook.kept) if hook.kept else None
    return {"name": hook.name, "state": hook.state, "path": str(hook.path), "kept": kept, "behind": hook.behind}


def _more(hook: Hook) -> str:
    if hook.state == "called":
        return f": {hook.path}"
    parts = [f"after {hook.kept.name}"] if hook.kept else []
    if hook.behind and hook.state != "framework":
        parts.append(f"as {hook.path.name}, which the pre-commit framework runs first")
    return f"  ({'; '.join(parts)})" if parts else ""
