"""The branch that an invocation works on, put where it has to be: by settling, or as it was lost."""

from __future__ import annotations

from typing import Final

from gitorch.core.text import one_line
from gitorch.git import refs
from gitorch.git.process import GitError
from gitorch.git.repository import Repository

BY_US: Final = "gitorch: "  # so the reflog names what put_branch does; what came before that is settled
MADE_ANEW: Final = "commits made anew without your own changes"
TORN: Final = "back from a commit that a power cut has torn"
OPEN: Final = frozenset({BY_US + MADE_ANEW, BY_US + TORN})  # after these an agent's commits are still the agent's


class BranchMoved(GitError):
    """The branch went on between looking at it and putting it somewhere."""


def put_branch(repository: Repository, *, branch: str | None, to: str, now: str, why: str) -> None:
    """Put HEAD's branch where it shall be, if it still is where it was seen. `why` is for the reflog.

    Raises:
        BranchMoved: somebody moved it meanwhile.
        GitError: it cannot be moved.
    """
    why = BY_US + one_line(why)
    elsewhere = repository.branch()
    if elsewhere != branch:
        if branch is None:
            repository.git.check(refs.move(repository, "HEAD", to, why=why, deref=False), "update-ref")
            return
        repository.git.run("symbolic-ref", "-m", why, "HEAD", branch)
        there = repository.objects.commit("HEAD")
        now = there.oid if there is not None else repository.null_oid
        if there is None and elsewhere is not None and elsewhere.startswith(f"{branch}/"):
            refs.drop(repository, elsewhere)  # it stands where the branch's own file has to be
    if to == now:
        return
    done = refs.move(repository, "HEAD", to, was=now, why=why)
    if done.code != 0:
        there = repository.objects.commit("HEAD")
        moved = there is not None and there.oid not in (now, to)
        raise (BranchMoved if moved else GitError)(
            f"{repository.root}: the branch cannot be put back: {repository.git.why(done)}",
            hint="run the same command again",
        )


def put_lost_branch_back(repository: Repository, *, begin: str, branch: str | None) -> bool:
    """Put HEAD back on its branch, and that where it was, if HEAD names no commit any more; tells whether it was so."""
    if repository.objects.commit("HEAD") is not None:
        return False
    there = repository.objects.commit(branch) if branch is not None else None
    to = begin if there is None else there.oid
    put_branch(repository, branch=branch, to=to, now=repository.null_oid, why="the branch had been taken away")
    return True
