"""Commits made while an agent ran: its own, and those of others beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from gitorch.core.fold import Fold
from gitorch.git.commit import Commit
from gitorch.git.objects import Entry
from gitorch.git.repository import Repository
from gitorch.git.trees import Diff, diff
from gitorch.guard.branch import BY_US, OPEN
from gitorch.ledger.history import READ_LOG, recent, record_of

if TYPE_CHECKING:
    from gitorch.ledger.problems import Report

_MARK: Final = "gitorch-agent"
_REFLOG: Final = 200  # entries that are looked at first
_MOST: Final = 2**31 - 1
_LINE: Final = 4096  # bytes; one of ours is shorter
_RECORD: Final = "gitorch("  # so the reflog names records; resets to the same commit are named otherwise
_RENAMED: Final = "Branch: renamed "  # git's words, whoever did it
_ALONE: Final = frozenset({"start", "begin", "end", "recover", "rewind", "merge", "abandon", "archive"})


def reflog_mark(invocation: str) -> str:
    """Give the `GIT_REFLOG_ACTION` by which the reflog shows which commits an agent made itself."""
    return f"{_MARK} {invocation}"


class Made(NamedTuple):
    """What happened to the branch during an invocation.

    Attributes:
        tip: where the branch is, or shall be put because its commits are made anew.
        head: where HEAD is now.
        commits: the commits since `begin`, oldest first; where the branch cannot be accepted, those of others alone.
        own: those of them that the agent made, by what the reflog says.
        fault: why the branch cannot be accepted as it is, None where it can.
        fold: what the history up to here has led to.
    """

    tip: str
    head: str
    commits: Sequence[Commit]
    own: frozenset[str]
    fault: str | None
    fold: Fold


def inspect(repository: Repository, *, begin: str, branch: str | None, invocation: str) -> Made:
    """Look at what became of the branch since `begin`."""
    head = repository.objects.commit("HEAD")
    fold = recent(repository.objects, begin).fold
    seen = _by_whom(repository, begin, invocation)
    fault = None
    if repository.branch() != branch:
        fault = "the agent went to another branch"
        seen = seen._replace(others=[*seen.others, *_added_to(repository, branch, begin, seen)])
    elif head is None or (head.oid != begin and not repository.descends(head.oid, begin)):
        fault = "the agent rewrote the branch's history"
    elif seen.dropped:
        fault = "the agent took commits of others off the branch"
    elif head.oid == begin:
        return Made(begin, begin, [], frozenset(), None, fold)
    if fault is not None or head is None:
        tip = head.oid if head is not None else begin
        return Made(tip, tip, seen.others, frozenset(), fault, fold)
    ids = repository.git.line("rev-list", "--reverse", "--topo-order", f"{begin}..{head.oid}").split()
    commits = [commit for oid in ids if (commit := repository.objects.commit(oid, named=True)) is not None]
    report, fold = _verified(repository, begin, head.oid)
    return Made(head.oid, head.oid, commits, seen.own, _state_fault(report, commits), fold)


def _verified(repository: Repository, begin: str, tip: str) -> tuple[Report, Fold]:
    from gitorch.ledger.verify import verify_since  # noqa: PLC0415 - as a rule nobody commits beside a step

    return verify_since(repository, begin, tip)


def _state_fault(report: Report, commits: Sequence[Commit]) -> str | None:
    """Say what is wrong with records and states: moved without a record, forged, begun or ended inside."""
    if not report.ok:
        return f"a commit made meanwhile breaks the record: {report.problems[0].problem}"
    for commit in commits:
        record = record_of(commit.message)
        if record is not None and record.event in _ALONE:
            return f"a record of {record.event} was made inside an invocation"
    return None


class _Seen(NamedTuple):
    """What the reflog says: the agent's own commits, those of others oldest first, and whether it dropped of those."""

    own: frozenset[str]
    others: list[Commit]
    dropped: bool


def _by_whom(repository: Repository, begin: str, invocation: str) -> _Seen:
    """Read from the reflog which commits came through a git that the agent started, and which not."""
    if _is_last_in_reflog(repository, begin):
        return _Seen(frozenset(), [], dropped=False)
    own: set[str] = set()
    dropped: set[str] = set()
    others: list[str] = []
    newer: tuple[str, bool] | None = None
    for oid, action in _moves_since(repository, begin):
        if newer is not None and oid:
            came = repository.git.line("rev-list", "--topo-order", newer[0], f"^{oid}", f"^{begin}").split()
            if newer[1]:
                own.update(came)
                dropped.update(repository.git.line("rev-list", oid, f"^{newer[0]}", f"^{begin}").split())
            else:
                others += came
        newer = (oid, action in OPEN or action.startswith(reflog_mark(invocation)))
    kept = [commit for each in reversed(others) if (commit := repository.objects.commit(each, named=True)) is not None]
    return _Seen(frozenset(own), kept, not dropped.isdisjoint(others))


def _added_to(repository: Repository, branch: str | None, begin: str, seen: _Seen) -> list[Commit]:
    """List what others have added to a branch that HEAD has left, oldest first: from another worktree, say."""
    tip = None if branch is None else repository.objects.commit(branch)
    if tip is None or not repository.descends(tip.oid, begin):
        return []
    known = {*seen.own, *(commit.oid for commit in seen.others)}
    ids = repository.git.line("rev-list", "--reverse", "--topo-order", f"{begin}..{tip.oid}").split()
    found = (repository.objects.commit(oid, named=True) for oid in ids if oid not in known)
    return [commit for commit in found if commit is not None]


def _moves_since(repository: Repository, begin: str) -> list[tuple[str, str]]:
    """List where HEAD has been since an invocation began, newest first, and what brought it there; that last of all."""
    head = repository.objects.commit("HEAD")
    moves: list[tuple[str, str]] = []
    for limit in (_REFLOG, _MOST):
        logged = _reflog(repository, limit)
        moves = []
        for oid, action in logged:
            if not moves and head is not None and oid != head.oid:
                continue  # git has written it down, and could not move the branch then
            moves.append((oid, action))
            if (oid == begin and action.startswith(_RECORD)) or (action.startswith(BY_US) and action not in OPEN):
                return moves
        if len(logged) < limit:
            break
    return moves


def _reflog(repository: Repository, limit: int) -> list[tuple[str, str]]:
    """List where HEAD has been, newest first, and what brought it there."""
    # unread, the agent's commits would be taken for those of others
    done = repository.git.ask(*READ_LOG, "-g", "-n", str(limit), "-z", "--format=%H %gs", "HEAD", "--")
    pairs = (line.strip("\n").partition(" ") for line in os.fsdecode(done.out).rstrip("\n\0").split("\0"))
    return [(oid, action) for oid, _, action in pairs]


def is_moved_by_agent(repository: Repository, begin: str, invocation: str) -> bool:
    """Tell whether the agent, a git that says nothing in the log, or we, have brought HEAD to where it is."""
    moves = (move for move in _reflog(repository, _REFLOG) if not move[1].startswith(_RENAMED))
    oid, action = next(moves, ("", ""))
    if not oid:
        return False
    unlogged = not action or (oid == begin and action.startswith(_RECORD))
    return unlogged or action.startswith((BY_US, reflog_mark(invocation)))


def _is_last_in_reflog(repository: Repository, begin: str) -> bool:
    """Tell whether HEAD has not moved since a record was added, which is the rule; its log's last line says so."""
    try:
        with (repository.git_dir / "logs" / "HEAD").open("rb") as log:
            log.seek(-min(_LINE, log.seek(0, os.SEEK_END)), os.SEEK_END)
            last = os.fsdecode(log.read().rstrip(b"\n").rpartition(b"\n")[2])
    except OSError:
        return False
    who, _, action = last.partition("\t")
    return who.split(" ")[1:2] == [begin] and action.startswith(_RECORD)


def touches(repository: Repository, commits: Sequence[Commit], is_yours: Callable[[str, Entry | None], bool]) -> bool:
    """Tell whether any of the commits has something of the user's uncommitted work."""
    return any(is_yours(path, new) for commit in commits for path, (_, new) in _changes(repository, commit).items())


def _changes(repository: Repository, commit: Commit) -> Diff:
    return diff(repository, repository.objects.tree_of(commit.parents[0]), commit.tree) if commit.parents else {}


def replay(
    repository: Repository,
    onto: str,
    commits: Sequence[Commit],
    keep: Callable[[Commit, Diff], Mapping[str, Entry | None]],
) -> str:
    """Make commits anew on another base, each with just the changes that `keep` leaves it.

    One that had changes and keeps none is left out; so are merges, whose parts stand in the line already.
    Author, date and message stay as they were. Gives the new tip.
    """
    tip = onto
    for commit in commits:
        if len(commit.parents) != 1:
            continue
        changes = _changes(repository, commit)
        edits = keep(commit, changes)
        if changes and not edits:
            continue
        base = repository.objects.commit(tip)
        tree = repository.store.edit_tree(base.tree if base else None, edits)
        tip = _recommit(repository, commit, tree, tip)
    return tip


def _recommit(repository: Repository, commit: Commit, tree: str, parent: str) -> str:
    found = repository.git.run(*READ_LOG, "-1", "--date=raw", "--format=%an%x00%ae%x00%ad", commit.oid, "--")
    name, email, date = os.fsdecode(found).rstrip("\n").split("\0")
    author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": f"@{date}"}
    sign = ["-S"] if repository.flag("commit.gpgsign") else []
    args = ("-c", "i18n.commitEncoding=UTF-8", "commit-tree", *sign, "-p", parent, tree)
    return repository.git.run(*args, stdin=commit.message.encode(), env=author).decode().strip()


def made_anew(repository: Repository, begin: str, made: Made, tip: str) -> Made:
    """Give what happened to the branch as it would be with its commits made anew."""
    report, fold = _verified(repository, begin, tip)
    return made._replace(tip=tip, fault=_state_fault(report, []), fold=fold)
