"""One invocation, found by what a person types: its place in a history, all of it, the difference that it made.

Whoever names one, for `show`, `rewind` or `fork`, names it by

- its id: 32 hex digits, of which the first 6 or more are enough, in either case; or
- a commit: an id, whole or cut short, a branch, a tag, `HEAD~3`, whatever git knows.

An id goes before a commit that is so called too. It is looked for in one revision's history first, then everywhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from gitorch.core.audit import Invocation
from gitorch.core.names import quote
from gitorch.core.record import Record
from gitorch.errors import Exit, GitorchError
from gitorch.git.commit import Commit
from gitorch.git.process import GitError
from gitorch.git.repository import Repository
from gitorch.ledger.audit import is_state, read_invocations
from gitorch.ledger.blame import Origins, records_of
from gitorch.ledger.history import record_of, way_back

_ID: Final = re.compile("[0-9a-f]{6,32}")
_LISTED: Final = 3
_BRANCHES: Final = ("refs/heads", "refs/remotes", "refs/tags")
_PATHS: Final = 500  # in one call of git diff-tree: a command line is only so long
# what ends, or does not stand among, events by hand that set up what comes next
_CLOSING: Final = frozenset(
    {"begin", "end", "recover", "update", "start", "answer", "rewind", "adopt", "merge", "abandon", "archive"}
)


class Place(NamedTuple):
    """A point in a history: a commit, and the invocation that it ends, if it ends one."""

    commit: str
    invocation: str | None

    @property
    def shown(self) -> str:
        """How to name it to people."""
        return f"invocation {self.invocation[:10]}" if self.invocation is not None else f"commit {self.commit[:10]}"


def find_place(repository: Repository, name: str, rev: str = "HEAD") -> Place:
    """Find the point in a history at which an invocation ended; a commit that is no record of one is its own point.

    Raises:
        GitorchError: nothing is so called, several invocations are, or it has not ended yet.
    """
    named = _named(repository, name, rev)
    if named is None:
        raise GitorchError(
            f"{quote(name)} is not an invocation or a commit", hint="list them: gitorch audit", code=Exit.USAGE
        )
    if isinstance(named, Commit):
        record = record_of(named.message)
        found = None
        if record is not None and record.invocation is not None:
            found = _by_id(repository, record.invocation, _tip(repository, named.oid, rev))
        if found is None:
            return Place(named.oid, None)
        named = found
    if not named.ended:  # here; a branch that has gone on from its midst may hold the end
        named = _elsewhere(repository, named.id, named.tip) or named
    where = Place(named.newest, named.id)
    if not named.ended:
        raise GitorchError(f"{where.shown} has not ended", hint="choose one that has: gitorch audit")
    return where


def find(repository: Repository, name: str, rev: str = "HEAD") -> Invocation | None:
    """Find an invocation whole, by its id or by any commit that belongs to it, one of work by hand too.

    Gives None where nothing is so called.

    Raises:
        GitorchError: several invocations are so called, or the commit belongs to none.
    """
    named = _named(repository, name, rev)
    if isinstance(named, Commit):
        return _by_commit(repository, named, rev)
    return None if named is None else _between(repository, named)


class _Records(NamedTuple):
    """Where the records of an invocation are: the oldest and the newest in the history of a tip."""

    id: str
    oldest: str
    newest: str
    tip: str
    ended: bool


def _named(repository: Repository, name: str, rev: str) -> _Records | Commit | None:
    """Tell what a name means; both ways of looking an invocation up begin here."""
    if _ID.fullmatch(name.lower()):
        found = _by_id(repository, name.lower(), rev)
        if found is not None:
            return found
    if not name or name.startswith("-") or not name.isprintable():
        return None
    return repository.objects.commit(name)


def _by_id(repository: Repository, prefix: str, rev: str) -> _Records | None:
    here = repository.objects.commit(rev) is not None and _among(repository, prefix, rev, rev)
    return here or _elsewhere(repository, prefix, rev)


def _elsewhere(repository: Repository, prefix: str, rev: str) -> _Records | None:
    """Look in all that a revision's history does not hold."""
    known = ("--not", rev) if repository.objects.commit(rev) is not None else ()
    found = _among(repository, prefix, rev, "--all", *known)
    return None if found is None else found._replace(tip=_tip(repository, found.newest, rev))


def _among(repository: Repository, prefix: str, tip: str, *revs: str) -> _Records | None:
    ids: dict[str, _Records] = {}
    for commit, record in records_of(repository, {prefix}, *revs):
        name, begins = record.invocation or "", record.event == "begin"
        newest = ids.get(name) or _Records(name, commit, commit, tip, ended=not begins)
        ids[name] = newest._replace(oldest=commit) if begins else newest
        if begins and len(prefix) == len(name):
            break
    if len(ids) > 1:
        hint = ", ".join(sorted(ids)[:_LISTED])
        raise GitorchError(f"{len(ids)} invocations begin with {prefix}", hint=f"use more of its id: {hint}")
    found = next(iter(ids.values()), None)
    if found is None or found.ended:
        return found
    # git goes by the clock: where that was put back meanwhile, an end may be listed after its begin
    later = records_of(repository, {found.id}, f"^{found.oldest}", *revs)
    end = next((commit for commit, record in later if record.event != "begin"), None)
    return found if end is None else found._replace(newest=end, ended=True)


def _tip(repository: Repository, commit: str, rev: str) -> str:
    """Give a revision whose history holds a commit: this one, else a branch, else the commit itself."""
    if repository.descends(rev, commit):
        return rev
    options = ("--count=1", "--format=%(objectname)", f"--contains={commit}")
    return repository.git.run("for-each-ref", *options, *_BRANCHES).decode().strip() or commit


def _between(repository: Repository, records: _Records) -> Invocation | None:
    """Fold the history from an invocation's first record to its last; one that is open goes on to the tip."""
    first = repository.objects.commit(records.oldest)
    if first is None:
        return None
    found = read_invocations(repository, records.newest if records.ended else records.tip, *_before(first))
    return next((each for each in found if each.id == records.id), None)


def _before(commit: Commit) -> list[str]:
    return [f"^{parent}" for parent in commit.parents[:1]]


def _by_commit(repository: Repository, commit: Commit, rev: str) -> Invocation:
    record = record_of(commit.message)
    begin = Origins(repository).begin_of(commit, record)
    wanted = record.invocation if record is not None else None
    if wanted is None and begin is not None:
        wanted = begin.record.invocation
    tip = _tip(repository, commit.oid, rev)
    records = None if wanted is None else _by_id(repository, wanted, tip)
    found = _by_hand(repository, commit, record, tip) if records is None else _between(repository, records)
    if found is None:
        raise GitorchError(f"commit {commit.oid[:10]} belongs to no invocation", hint=f"see git show {commit.oid[:10]}")
    return found


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
