"""Moving refs: never to an object that a power cut could still take."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gitorch.git.process import Completed
from gitorch.git.repository import Repository


def move(
    repository: Repository,
    ref: str,
    to: str,
    *,
    was: str | None = None,
    why: str = "",
    deref: bool = True,
    also: Mapping[str, str | None] = MappingProxyType({}),
) -> Completed:
    """Move a ref, or make it; gives what came of it.

    Args:
        repository: where.
        ref: a full ref, or HEAD for the branch that it points to.
        to: the object that it is to name. It, and all that was written before, is on the disk before the ref moves.
        was: where the ref has to be now; whatever it is where None.
        why: what the reflog says of it.
        deref: whether to move what a symbolic ref points to, rather than itself.
        also: other refs that move with it or not at all, and what each is to name; None takes one away.

    Raises:
        GitorchError: the disk has not taken the object.
    """
    repository.sync()
    options = [*(["--no-deref"] if not deref else []), *(["-m", why] if why else [])]
    lines = [f"update {ref}\0{to}\0{was or ''}\0"]
    lines += [f"delete {name}\0\0" if oid is None else f"update {name}\0{oid}\0\0" for name, oid in also.items()]
    return _update(repository, *options, "-z", "--stdin", stdin="".join(lines).encode())


def keep(repository: Repository, ref: str, to: str) -> None:
    """Have a ref of gitorch's own name an object, wherever it is now.

    Raises:
        GitError: it cannot be written.
    """
    repository.git.check(move(repository, ref, to), "update-ref")


def drop(repository: Repository, ref: str) -> bool:
    """Take a ref away; tells whether it is gone."""
    return _update(repository, "-d", ref).code == 0


def _update(repository: Repository, *args: str, stdin: bytes = b"") -> Completed:
    """Run `git update-ref`; a ref's file is on the disk before it takes its name, for else a power cut empties it."""
    synced = ("-c", "core.fsync=reference") if repository.syncs else ()
    return repository.git.attempt(*synced, "update-ref", *args, stdin=stdin)
