"""Keep the agent's changes and the user's own apart, path by path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gitorch.git.objects import LINK_MODE, SUBMODULE_MODE, Entry
from gitorch.git.repository import Repository
from gitorch.git.scratch import emptied
from gitorch.git.trees import Diff

_Work = dict[str, "Entry | None"]


class Separation(NamedTuple):
    """What to commit, and what the user's index is to hold.

    Attributes:
        work: the agent's changes, as the commit shall hold these paths.
        staging: what the user's index shall hold where that is not what the commit holds.
        left: paths whose changes stay uncommitted in the work tree, with the reason.
        back: the user's own changes that the agent has just undone; they are to be put back.
        lost: paths where something of the user's own is no more in the work tree.
    """

    work: Mapping[str, Entry | None]
    staging: Mapping[str, Entry | None]
    left: Mapping[str, str]
    back: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()


def separate(
    repository: Repository,
    *,
    made: Diff,
    prior: Diff,
    committed: Diff,
    staged: Diff,
    restaged: Diff,
    renamed: Mapping[str, str],
) -> Separation:
    """Sort out whose changes are whose.

    Args:
        repository: where blobs are read and written.
        made: what changed in the work tree during the invocation.
        prior: how the work tree before it differed from the last commit: the user's uncommitted work.
        committed: what commits made meanwhile, and kept, have changed.
        staged: how the user's index before it differed from the last commit.
        restaged: what changed in the index during the invocation.
        renamed: changed paths that are the user's own nevertheless, and why.
    """
    heads = {path: committed[path][1] if path in committed else change[0] for path, change in prior.items()}
    back = frozenset(
        path for path in made.keys() & prior.keys() if _is_undone(made[path][1], heads[path], staged.get(path))
    )
    lost = frozenset(
        path
        for path in made.keys() & prior.keys() - back
        if not _survives(repository, made[path][0], head=prior[path][0], after=made[path][1])
    )
    work: _Work = {path: after for path, (_, after) in made.items() if path not in prior and path not in renamed}
    left = dict(renamed)
    for path in made.keys() & prior.keys() - back:
        before, after = made[path]
        if heads[path] is None:
            left[path] = "it was not committed before, so it is yours"
        elif isinstance(merged := merge(repository, base=before, ours=heads[path], theirs=after), Conflict):
            left[path] = "your own changes and the agent's stand in the same lines"
        else:
            work[path] = merged.entry
    for path in _in_the_way(work, left):
        left[path] = "it stands where an uncommitted file of yours stood"
        del work[path]
    own = {path: change for path, change in made.items() if path in work}
    index: _Work = {}
    for path in {**made, **restaged, **committed}:
        if path in committed and path not in own:
            index[path] = committed[path][1]
        elif path in staged:
            index[path] = _restage(repository, path, made=own, theirs=staged[path][1])
        elif path not in work:
            index[path] = _before(path, prior, restaged, made)
    return Separation(work, index, left, back, lost)


def _is_undone(after: Entry | None, head: Entry | None, staged: tuple[Entry | None, Entry | None] | None) -> bool:
    """Tell whether a file that the user had changed is again as it was committed or staged: the change was discarded.

    An untracked file that is gone is none of these; who took it away may have had a reason.
    """
    return (after == head and (head is not None or staged is not None)) or (staged is not None and after == staged[1])


def _in_the_way(work: _Work, left: Mapping[str, str]) -> list[str]:
    """List files in a folder, or a file in place of a folder, that a tree cannot hold beside what is left out of it."""
    above = {path[:at] for path in left for at, char in enumerate(path) if char == "/"}
    return [
        path
        for path, entry in work.items()
        if entry is not None
        and (path in above or any(path[:at] in left for at, char in enumerate(path) if char == "/"))
    ]


def _before(path: str, *diffs: Diff) -> Entry | None:
    return next(diff[path][0] for diff in diffs if path in diff)


def _survives(repository: Repository, mine: Entry | None, *, head: Entry | None, after: Entry | None) -> bool:
    """Tell whether the user's changes still stand in a file after the agent's."""
    if mine is None or after is None or head is None:
        return mine is None or after == mine
    merged = merge(repository, base=head, ours=after, theirs=mine)
    return isinstance(merged, Merged) and merged.entry == after


def _restage(repository: Repository, path: str, *, made: Diff, theirs: Entry | None) -> Entry | None:
    """Give what the user had staged, with the agent's changes to the file added if they fit."""
    if path not in made or theirs is None:
        return theirs
    before, after = made[path]
    merged = merge(repository, base=before, ours=theirs, theirs=after)
    return theirs if isinstance(merged, Conflict) else merged.entry


class Merged(NamedTuple):
    """Both sides' changes together; None where the file is gone."""

    entry: Entry | None


class Conflict(NamedTuple):
    """Both sides changed the same lines, or one changed what the other took away."""


def merge(repository: Repository, *, base: Entry | None, ours: Entry | None, theirs: Entry | None) -> Merged | Conflict:
    """Merge three versions of one file with git's own line merge, no driver of the repository's being asked."""
    if theirs in (base, ours):
        return Merged(ours)
    if base == ours:
        return Merged(theirs)
    if base is None or ours is None or theirs is None:
        return Conflict()
    if any(entry.mode in (LINK_MODE, SUBMODULE_MODE) for entry in (base, ours, theirs)):
        return Conflict()
    mode = theirs.mode if base.mode == ours.mode else ours.mode
    if base.oid in (ours.oid, theirs.oid) or ours.oid == theirs.oid:
        return Merged(Entry(mode, theirs.oid if base.oid == ours.oid else ours.oid))
    with emptied(repository.scratch / "merge") as folder:
        paths = [Path(folder, name) for name in ("ours", "base", "theirs")]
        for path, entry in zip(paths, (ours, base, theirs), strict=True):
            path.write_bytes(repository.objects.blob(entry.oid))
        done = repository.git.attempt("merge-file", "-p", "-q", *map(str, paths))
    if done.code != 0:
        return Conflict()
    return Merged(Entry(mode, repository.store.write_blob(done.out)))
