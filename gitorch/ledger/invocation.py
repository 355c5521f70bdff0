"""One invocation, found by its id or a commit of it, and the difference that it made."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from gitorch.core.audit import Invocation
from gitorch.core.message import Record
from gitorch.core.names import quote
from gitorch.errors import Exit, GitorchError
from gitorch.git.objects import Commit
from gitorch.git.process import GitError
from gitorch.git.repository import Repository
from gitorch.ledger.audit import is_state, read_invocations
from gitorch.ledger.blame import Origins, records_of
from gitorch.ledger.history import record_of, way_back

_ID: Final = re.compile("[0-9a-f]{6,32}")
_PATHS: Final = 500  # in one call of git diff-tree: a command line is only so long
# what ends, or does not stand among, events by hand that set up what comes next
_CLOSING: Final = frozenset({"begin", "end", "recover", "update", "start", "answer", "rewind", "adopt", "merge"})


def find(repository: Repository, name: str, rev: str = "HEAD") -> Invocation | None:
    """Find an invocation by the first 6 or more digits of its id, or by a commit that belongs to it.

    Gives None where no id and no commit is so called.

    Raises:
        GitorchError: several are so called, or the commit belongs to none.
    """
    if _ID.fullmatch(name.lower()) and repository.objects.commit(rev) is not None:
        found = _by_id(repository, name.lower(), rev)
        if found is not None:
            return found
    if not name or name.startswith("-") or not name.isprintable():
        return None
    commit = repository.objects.commit(name)
    return None if commit is None else _by_commit(repository, commit, rev)


def _by_id(repository: Repository, prefix: str, rev: str) -> Invocation | None:
    ids: dict[str, tuple[str, str]] = {}  # each with its newest and its oldest record's commit
    for commit, record in records_of(repository, {prefix}, rev):
        newest, _ = ids.get(record.invocation or "", (commit, commit))
        ids[record.invocation or ""] = (newest, commit)
        if record.event == "begin" and len(prefix) == len(record.invocation or ""):
            break
    if len(ids) > 1:
        hint = ", ".join(sorted(ids)[:3])
        raise GitorchError(f"{len(ids)} invocations begin with {prefix}", hint=f"give more of it: {hint}")
    for found, (newest, oldest) in ids.items():
        return _between(repository, found, oldest=oldest, newest=newest, rev=rev)
    return None


def _between(repository: Repository, wanted: str, *, oldest: str, newest: str, rev: str) -> Invocation | None:
    """Fold the history from an invocation's first record to its last; one that is open goes on to the revision."""
    first, last = repository.objects.commit(oldest), repository.objects.commit(newest)
    if first is None or last is None:
        return None
    record = record_of(last.message)
    end = rev if record is not None and record.event == "begin" else newest
    found = read_invocations(repository, end, *_before(first))
    return next((each for each in found if each.id == wanted), None)


def _before(commit: Commit) -> list[str]:
    return [f"^{parent}" for parent in commit.parents[:1]]


def _by_commit(repository: Repository, commit: Commit, rev: str) -> Invocation:
    record = record_of(commit.message)
    begin = Origins(repository).begin_of(commit, record)
    wanted = record.invocation if record is not None else None
    if wanted is None and begin is not None:
        wanted = begin.record.invocation
    tip = rev if _leads_to(repository, commit.oid, rev) else commit.oid
    found = _by_id(repository, wanted, tip) if wanted is not None else _by_hand(repository, commit, record, tip)
    if found is None:
        raise GitorchError(f"commit {commit.oid[:10]} belongs to no invocation", hint=f"see git show {commit.oid[:10]}")
    return found


def _leads_to(repository: Repository, commit: str, rev: str) -> bool:
    return repository.git.attempt("merge-base", "--is-ancestor", commit, rev).code == 0


def _by_hand(repository: Repository, commit: Commit, record: Record | None, tip: str) -> Invocation | None:
    """Fold what somebody did by hand, up to the next update, from the last record that ended something before it."""
    edge: list[str] = []
    alone = record is None  # an ordinary commit, until a record before it shows that it stands among others by hand
    for each in islice(way_back(repository.objects, commit.oid), 1, None):
        earlier = record_of(each.message)
        if earlier is not None and _closes(earlier):
            # with an open begin: what stands beside an invocation is told apart from what stands alone
            edge = _before(each) if earlier.event == "begin" else [f"^{each.oid}"]
            break
        alone = alone and earlier is None
    if alone:
        return None
    end = commit.oid if record is not None and _closes(record) else tip
    found = read_invocations(repository, end, *edge)
    return next((each for each in found if commit.oid in each.commits), None)


def _closes(record: Record) -> bool:
    return record.event in _CLOSING or (record.event == "decompose" and record.totals is not None)


def difference(repository: Repository, invocation: Invocation) -> Iterator[str]:
    """Give the lines of the difference that an invocation made, MAIN_TASK and task files left out.

    Settings and attributes of the repository start no program for it, and change nothing about its form.
    """
    first = repository.objects.commit(invocation.commits[0])
    if first is None:
        return
    before = first.parents[0] if first.parents else _empty_tree(repository)
    span = (before, invocation.commits[-1])
    out = repository.git.run("diff-tree", "-r", "--no-renames", "--name-only", "-z", *span)
    changed = [path for path in map(os.fsdecode, out.split(b"\0")) if path and not is_state(path)]
    for start in range(0, len(changed), _PATHS):
        yield from _patch(repository, span, changed[start : start + _PATHS])


def _patch(repository: Repository, span: tuple[str, str], paths: list[str]) -> Iterator[str]:
    options = ("-r", "-p", "-M", "--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short")
    process = repository.git.start("-c", "core.quotePath=false", "diff-tree", *options, *span, "--", *paths)
    with process:
        if process.stdout is None:
            raise GitError("git diff-tree was started without a pipe: this is a bug in gitorch")
        try:
            for line in process.stdout:
                yield line.decode(errors="replace").rstrip("\n")
        except GeneratorExit:
            process.kill()
            raise
    if process.returncode != 0:
        what = f"the difference from {quote(span[0])} to {quote(span[1])}"
        raise GitorchError(f"{what} cannot be read", hint="see git fsck", code=Exit.ERROR)


def _empty_tree(repository: Repository) -> str:
    return repository.git.run("hash-object", "-t", "tree", "--stdin", stdin=b"").decode().strip()
