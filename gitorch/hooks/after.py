"""Saying after a merge, a rebase or an amended commit that the record does not fit any more, and what to run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gitorch import output
from gitorch.core.names import TASKS_DIR
from gitorch.core.text import one_line
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.hooks.pushed import judge, told
from gitorch.ledger.problems import Report

_SHORT: Final = 10
_SQUASH: Final = "1"
_REFLOG: Final = "the branch as it was is still in `git reflog`"
_ADOPT: Final = f"`gitorch verify` tells all, `gitorch adopt` records what the trees say; {_REFLOG}"
_JOIN: Final = (
    "`gitorch merge BRANCH` joins two states with a record of it, and "
    f"`gitorch merge --resolve` after conflicts; {_REFLOG}"
)


def post_merge(repository: Repository, args: list[str]) -> None:
    """Look at what a merge has brought; git goes on whatever it is."""
    with _whatever_happens():
        if args[:1] == [_SQUASH]:
            _look_at_index(repository)
            return
        before = repository.objects.commit("ORIG_HEAD")
        _look(repository, before.oid if before is not None else None)


def post_rewrite(repository: Repository, args: list[str]) -> None:  # noqa: ARG001 - whatever has rewritten them
    """Look at the commits that have been written anew."""
    with _whatever_happens():
        anew = [line.split(" ")[1] for line in told() if " " in line]
        first = repository.objects.commit(anew[0], named=True) if anew else None
        if first is not None:
            _look(repository, first.parents[0] if first.parents else None)


@contextmanager
def _whatever_happens() -> Iterator[None]:
    """Keep to words: what git has done is done."""
    try:
        yield
    except GitorchError as error:
        output.note(f"gitorch: the record could not be looked at: {one_line(error.message)}")


def _look(repository: Repository, since: str | None) -> None:
    report = judge(repository, "HEAD", *([f"^{since}"] if since is not None else []))
    if not report.ok:
        _say(repository, report)


def _say(repository: Repository, report: Report) -> None:
    commit, problem = report.problems[0]
    more = f" (and {len(report.problems) - 1} more)" if len(report.problems) > 1 else ""
    output.note(f"gitorch: the record does not fit any more at {commit[:_SHORT]}: {one_line(problem)}{more}")
    found = repository.objects.commit(commit)
    output.note(f"gitorch: {_JOIN if found is not None and len(found.parents) > 1 else _ADOPT}")


def _look_at_index(repository: Repository) -> None:
    """Report it while there is no commit yet: a squash takes the files of the other side, not its records."""
    if repository.git.attempt("diff", "--cached", "--quiet", "--no-ext-diff", "--", TASKS_DIR).code == 1:
        output.note(f"gitorch: the squash holds changes of {TASKS_DIR}; commit it, and they are recorded as one change")
