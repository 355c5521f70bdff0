"""Moving refs: never to an object that a power cut could still take."""

from __future__ import annotations

from gitorch.git.process import Completed
from gitorch.git.repository import Repository


def move(
    repository: Repository, ref: str, to: str, *, was: str | None = None, why: str = "", deref: bool = True
) -> Completed:
    """Move a ref, or make it; gives what came of it.

    Args:
        repository: where.
        ref: a full ref, or HEAD for the branch that it points to.
        to: the object that it is to name. It, and all that was written before, is on the disk before the ref moves.
        was: where the ref has to be now; whatever it is where None.
        why: what the reflog says of it.
        deref: whether to move what a symbolic ref points to, rather than itself.

    Raises:
        GitorchError: the disk has not taken the object.
    """
    repository.sync()
    options = [*(["--no-deref"] if not deref else []), *(["-m", why] if why else [])]
    return repository.git.attempt("update-ref", *options, ref, to, *([was] if was is not None else []))


def keep(repository: Repository, ref: str, to: str) -> None:
    """Have a ref of gitorch's own name an object, wherever it is now.

    Raises:
        GitError: it cannot be written.
    """
    move(repository, ref, to).check("update-ref")


def drop(repository: Repository, ref: str) -> bool:
    """Take a ref away; tells whether it is gone."""
    return repository.git.attempt("update-ref", "-d", ref).code == 0
