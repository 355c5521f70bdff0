"""Put the hooks into a repository, and take them out again; those of others stay and run first."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.hooks import found
from gitorch.hooks.found import CLIENT, SERVER, SHARED, Hook, Layout


class Elsewhere(GitorchError):
    """Hooks are looked for in a place that others write.

    Attributes:
        lines: what to put there, for people.
    """

    def __init__(self, message: str, lines: list[str], hint: str) -> None:
        super().__init__(message, hint=hint)
        self.lines = lines


def names_of(repository: Repository, *, server: bool) -> tuple[str, ...]:
    """Give the names of the hooks to install.

    Raises:
        GitorchError: nobody commits in a bare repository.
    """
    if repository.bare and not server:
        raise GitorchError(
            f"{repository.root} is a bare repository: nobody commits in it",
            hint="for the hook of a server: --server",
        )
    return SERVER if server else CLIENT


def status(repository: Repository, *, server: bool = False) -> tuple[Layout, list[Hook]]:
    """Tell where git looks for hooks, and how ours stand there."""
    where = found.layout(repository)
    return where, found.hooks(repository, names_of(repository, server=server), where)


def install(repository: Repository, *, server: bool = False) -> list[str]:
    """Install the hooks, all or none; says what was done.

    Raises:
        Elsewhere: core.hooksPath leads to a place that is not ours.
        GitorchError: it cannot be written.
    """
    where, hooks = status(repository, server=server)
    if not where.within:
        return _check_called(repository, where, hooks)
    texts = found.texts_of(hook.name for hook in hooks if hook.name != SHARED)
    said: list[str] = []
    with _all_or_none() as undo:
        where.folder.mkdir(parents=True, exist_ok=True)
        for hook in hooks:
            said += _install(hook, texts[hook.name], undo)
    names = [hook.name for hook in hooks if hook.name != SHARED and hook.state != "framework"]
    changed = any(hook.state not in found.GOOD for hook in hooks)
    if names:
        said.append(f"{'installed' if changed else 'in place'} in {where.folder}: {', '.join(names)}")
    return said


def uninstall(repository: Repository, *, server: bool = False) -> list[str]:
    """Take the hooks out, and put those of others back; says what was done.

    Raises:
        GitorchError: it cannot be written.
    """
    where = found.layout(repository)
    names = names_of(repository, server=server)
    said: list[str] = []
    folder = where.folder if where.within else repository.common_dir / "hooks"
    with _all_or_none() as undo:
        for name in names:
            said += _uninstall(folder, name, undo)
        if not any(_is_ours(folder / f"{name}{end}") for name in (*CLIENT, *SERVER) for end in ("", ".legacy")):
            said += _take_out(folder / SHARED, undo)
    if not where.within:
        called = [hook for hook in found.hooks(repository, names, where) if hook.state == "called"]
        said += [f"left: {_shown(repository, hook.path)} calls gitorch hook {hook.name}" for hook in called]
    return said or ["there was nothing of gitorch's"]


@contextmanager
def _all_or_none() -> Iterator[ExitStack]:
    """Collect how to take back what is being done, and do so where it cannot be done whole."""
    with ExitStack() as undo:
        try:
            yield undo
        except OSError as error:
            raise GitorchError(f"{error.filename}: {error.strerror}", hint="nothing was changed") from None
        undo.pop_all()


def _install(hook: Hook, text: bytes, undo: ExitStack) -> list[str]:
    said: list[str] = []
    if hook.state in found.GOOD:
        run = f"{hook.name} needs nothing: the pre-commit framework runs it, as its configuration says"
        return [run] if hook.state == "framework" else []
    if hook.path.is_dir():
        raise GitorchError(f"{hook.path} is a folder", hint="a hook belongs there: move it away")
    if hook.state == "edited" or (hook.state == "foreign" and hook.name == SHARED):
        said.append(_put_aside(hook.path, undo))
    elif hook.state == "foreign":
        said += _keep(hook, undo)
    if hook.behind:
        said.append(f"{hook.name} is the pre-commit framework's, which runs gitorch's first: {hook.path.name}")
    _write(hook.path, text, 0o755 if found.is_executable(hook.name) else 0o644, undo)
    return said


def _keep(hook: Hook, undo: ExitStack) -> list[str]:
    """Move a hook of somebody else's to where ours runs it."""
    kept = found.kept_path(hook.path.parent, hook.name)
    said = [_put_aside(kept, undo)] if os.path.lexists(kept) else []
    _move(hook.path, kept, undo)
    return [*said, f"the {hook.name} hook that was there is kept as {kept.name}, and runs first"]


def _uninstall(folder: Path, name: str, undo: ExitStack) -> list[str]:
    said: list[str] = []
    main, legacy = folder / name, folder / f"{name}.legacy"
    kept = found.kept_path(folder, name)
    home = legacy if found.kind(main) == "framework" else main
    for place in (main, legacy):
        if _is_ours(place):
            said += _take_out(place, undo)
            home = place
    if not os.path.lexists(kept):
        return said
    if os.path.lexists(home):
        return [*said, f"left: {kept.name}, since there is another {home.name}"]
    _move(kept, home, undo)
    return [*said, f"put back {home.name}"]


def _is_ours(path: Path) -> bool:
    return found.kind(path) in ("ours", "edited")


def _take_out(path: Path, undo: ExitStack) -> list[str]:
    what = found.kind(path)
    if what == "edited":
        return [_put_aside(path, undo)]
    if what != "ours":
        return []
    content, mode = path.read_bytes(), path.stat().st_mode
    path.unlink()
    undo.callback(_put, path, content, mode)
    return [f"removed {path.name}"]


def _put_aside(path: Path, undo: ExitStack) -> str:
    """Move what somebody has made of a file of ours out of the way, under a name that is free."""
    target = path.with_name(f"{path.name}.edited")
    number = 1
    while os.path.lexists(target):
        number += 1
        target = path.with_name(f"{path.name}.edited-{number}")
    _move(path, target, undo)
    return f"{path.name} was changed by somebody: it is kept as {target.name}, and runs no more"


def _move(path: Path, target: Path, undo: ExitStack) -> None:
    path.rename(target)
    undo.callback(target.rename, path)


def _write(path: Path, content: bytes, mode: int, undo: ExitStack) -> None:
    if os.path.lexists(path):  # an older one of ours
        undo.callback(_put, path, path.read_bytes(), path.stat().st_mode)
    else:
        undo.callback(path.unlink, missing_ok=True)
    _put(path, content, mode)


def _put(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole: git may start the hook at any time."""
    new = path.with_name(f".{path.name}.gitorch-new")
    try:
        new.write_bytes(content)
        new.chmod(mode & 0o777)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _check_called(repository: Repository, where: Layout, hooks: Iterable[Hook]) -> list[str]:
    """Say what to put where others write the hooks, unless it is all there.

    Raises:
        Elsewhere: it is not.
    """
    if where.off:
        message = f"core.hooksPath is {where.setting!r}: git runs no hooks here, and none was installed"
        raise Elsewhere(message, [], "take that setting away, then run: gitorch hooks install")
    missing = [hook for hook in hooks if hook.state != "called"]
    if not missing:
        return [f"nothing to install: the files in {_shown(repository, where.files)} call gitorch"]
    why = "core.hooksPath is" if where.setting else "the hooks folder leads to"
    program = f" ({where.program})" if where.program else ""
    lines = [f'{_shown(repository, hook.path)}:  gitorch hook {hook.name} "$@"' for hook in missing]
    hint = "put these lines into these files, before a line that ends them; gitorch writes none of them"
    if where.program is None:
        hint += "; new ones begin with #!/bin/sh and are executable"
    message = f"{why} {_shown(repository, where.folder)}{program}, outside of .git: no hook was installed"
    raise Elsewhere(message, lines, hint)


def _shown(repository: Repository, path: Path) -> str:
    return str(path.relative_to(repository.root)) if path.is_relative_to(repository.root) else str(path)
