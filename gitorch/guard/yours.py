"""What of a work tree is the user's own: uncommitted work as it was before an invocation, in a snapshot or in none."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from gitorch.git import trees
from gitorch.git.objects import EMPTY_BLOBS, Entry
from gitorch.git.repository import Repository
from gitorch.git.trees import Diff
from gitorch.guard.snapshot import Snapshot


class Yours(NamedTuple):
    """The user's own uncommitted work.

    Attributes:
        root: the work tree.
        before: how it was before the invocation.
        prior: how it differed from the last commit.
        staged: how the index did.
        ignored: what lay there and was ignored; folders have a slash at their end.
        free: the task's folder: what lay there uncounted is most likely what an earlier attempt has left.
    """

    root: Path
    before: Snapshot
    prior: Diff
    staged: Diff
    ignored: frozenset[str]
    free: str | None

    def why_spared(self, path: str) -> str | None:
        """Tell why a file that lay there is in no snapshot, so that nobody knows what was in it; None where it is."""
        if self.free is not None and path.startswith(self.free + "/"):
            return None
        if path in self.ignored or any(f"{folder}/" in self.ignored for folder in _folders(path)):
            return "it lay there before, and was ignored"
        held = next((self.before.held[each] for each in (path, *_folders(path)) if each in self.before.held), None)
        return None if held is None or held.left else f"it lay there before, and was held back: {held.reason}"

    def spared(self, paths: Iterable[str]) -> dict[str, str]:
        """List those of some paths that are in no snapshot, and why."""
        return {path: why for path in paths if (why := self.why_spared(path)) is not None}

    def moved_away(self, made: Diff) -> frozenset[str]:
        """List the blobs of the user's uncommitted files that are no more where they were, or were held there."""
        gone = {old.oid for path, (old, new) in made.items() if path in self.prior and old is not None and new is None}
        held = {one.oid for path, one in self.before.held.items() if not os.path.lexists(self.root / path)}
        return frozenset((gone | held) - {"", *EMPTY_BLOBS})

    def holds(self, path: str, entry: Entry | None, moved: frozenset[str]) -> bool:
        """Tell whether a change is of the user's own work: by its path, or a file of theirs under another name."""
        if path in self.prior or path in self.staged or self.why_spared(path) is not None:
            return True
        return entry is not None and entry.oid in moved


def of(repository: Repository, before: Snapshot, *, begin: str, free: str | None) -> Yours:
    """Find what was the user's own before an invocation.

    Args:
        repository: where.
        before: the work tree before it.
        begin: the tree of the commit from which it began.
        free: the task's folder.
    """
    prior = trees.diff(repository, begin, before.tree)
    staged = trees.diff(repository, begin, before.staged)
    return Yours(repository.root, before, prior, staged, frozenset(before.ignored), free)


def under_other_names(made: Diff, yours: Yours) -> Mapping[str, str]:
    """List changed files with the very content of a file of the user's own that is no more where it was."""
    moved = yours.moved_away(made)
    return {
        path: "it is your own uncommitted file under another name"
        for path, (_, new) in made.items()
        if path not in yours.prior and new is not None and new.oid in moved
    }


def _folders(path: str) -> Iterator[str]:
    """Give the folders that a path is in."""
    return (path[:at] for at, char in enumerate(path) if char == "/")
