"""Where two histories parted, and what they had in common there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from gitorch.git.process import Git

_T = TypeVar("_T")
_NONE: Final = 1  # git's exit code where there is no such commit


def bases(git: Git, ours: str, *theirs: str) -> list[str]:
    """List the commits from which two others both went on, by their ids; usually there is one.

    Several on the other side stand for a merge of them.

    Raises:
        GitError: the history cannot be read.
    """
    done = git.ask("merge-base", "--all", ours, *theirs, answers=(0, _NONE))
    if done.code != _NONE:
        git.check(done, "merge-base")
    return sorted(done.out.decode().split())


def common(
    git: Git, found: Sequence[str], at: Callable[[str], _T], join: Callable[[_T, _T, _T], _T], nothing: _T
) -> _T:
    """Give what two histories had in common: where they parted at several commits, those are joined first.

    Args:
        git: where.
        found: the commits from which both went on.
        at: tells what there is at a commit.
        join: joins what two sides have, by what they began from, which it is given first.
        nothing: what histories without a common beginning have in common.
    """
    if not found:
        return nothing
    result = at(found[0])
    for number, commit in enumerate(found[1:], 1):
        below = bases(git, commit, *found[:number])
        result = join(common(git, below, at, join, nothing), result, at(commit))
    return result


def is_shallow(git: Git) -> bool:
    """Tell whether a part of the history is missing here, so that where two parted may be out of sight."""
    return git.line("rev-parse", "--is-shallow-repository") == "true"
