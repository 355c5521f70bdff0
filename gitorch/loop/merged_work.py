"""What a merge makes of the work product: all files but MAIN_TASK and the task files, which other rules join."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from gitorch.core.names import MAIN_TASK_FILE, TASKS_DIR, parse_task_file, quote
from gitorch.errors import GitorchError
from gitorch.git import trees
from gitorch.git.objects import TREE_MODE, Entry
from gitorch.git.process import GitError
from gitorch.git.repository import Repository
from gitorch.guard import snapshot
from gitorch.ledger.audit import is_state
from gitorch.loop.rewind import check_clean

_LISTED: Final = 5
_AT_ONCE: Final = 1000  # paths on one command line
_CONFLICT: Final = 1
_USAGE: Final = 129
# git wants somebody and a date for commits that nobody will ever see
_NOBODY: Final = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "gitorch"), ("EMAIL", "gitorch@localhost"), ("DATE", "@0 +0000"))
}
Changes = dict[str, "Entry | None"]


def by_git(repository: Repository, ours: str, theirs: str, began: Sequence[str]) -> Changes:
    """Merge two commits' files as git does, and give what changes against the first.

    The workflow's own files are taken out before, so that git neither finds conflicts in them nor takes them for
    renamed ones.

    Raises:
        GitorchError: some files are in conflict.
    """
    several = len(began) > 1
    parents = [_bare(repository, base, _parents(repository, base) if several else []) for base in began]
    sides = [_bare(repository, side, parents) for side in (ours, theirs)]
    options = ("--write-tree", "-z", "--name-only", "--no-messages")
    done = repository.git.attempt("merge-tree", *options, *sides)
    if done.code == _USAGE:
        raise GitError(
            "this git is too old to merge beside the work tree; 2.38 or newer can",
            hint="use git merge, then gitorch merge --resolve",
        )
    if done.code not in (0, _CONFLICT):
        repository.git.check(done, "merge-tree")
    tree, *conflicts = [os.fsdecode(part) for part in done.out.split(b"\0") if part]
    if done.code == _CONFLICT:
        raise GitorchError(in_conflict(conflicts))
    return _changes(repository, ours, tree)


def in_conflict(paths: Iterable[str]) -> str:
    """Say that some paths are in conflict."""
    return f"in conflict: {listed(sorted(set(paths)))}"


def listed(paths: Sequence[str]) -> str:
    """Name some paths, not too many."""
    more = f" and {len(paths) - _LISTED} more" if len(paths) > _LISTED else ""
    return ", ".join(map(quote, paths[:_LISTED])) + more


def _changes(repository: Repository, ours: str, tree: str) -> Changes:
    changed = trees.diff(repository, _bare_tree(repository, ours), tree)
    return {path: after for path, (_, after) in changed.items()}


def _bare_tree(repository: Repository, commit: str) -> str:
    entries = repository.objects.tree(f"{commit}:{TASKS_DIR}")
    own: Changes = {
        f"{TASKS_DIR}/{name}": None
        for name, entry in entries.items()
        if entry.mode != TREE_MODE and (name == MAIN_TASK_FILE or parse_task_file(name) is not None)
    }
    return repository.store.edit_tree(repository.objects.tree_of(commit), own)


def _bare(repository: Repository, commit: str, parents: Sequence[str]) -> str:
    """Store a commit without the workflow's own files; no ref will ever name it."""
    listed = [option for parent in parents for option in ("-p", parent)]
    tree = _bare_tree(repository, commit)
    return repository.git.run("commit-tree", *listed, tree, stdin=b"", env=_NOBODY).decode().strip()


def _parents(repository: Repository, commit: str) -> list[str]:
    found = repository.objects.commit(commit)
    parents = found.parents if found is not None else ()
    return [each for each in parents if repository.objects.commit(each, named=True)]


class Staged(NamedTuple):
    """What the index holds while a merge of git's is under way.

    Attributes:
        own: the workflow's own files, each with what its stages hold.
        unmerged: other files that are still in conflict.
    """

    own: dict[str, list[tuple[str, Entry]]]
    unmerged: list[str]


def read_index(repository: Repository) -> Staged:
    """Read what a merge of git's has left in the index."""
    own: dict[str, list[tuple[str, Entry]]] = {}
    unmerged: set[str] = set()
    for line in repository.git.run("ls-files", "-s", "-z").split(b"\0"):
        about, _, raw = line.partition(b"\t")
        if not raw:
            continue
        mode, oid, stage = about.decode().split(" ")
        path = os.fsdecode(raw)
        if is_state(path):
            own.setdefault(path, []).append((stage, Entry(mode, oid)))
        elif stage != "0":
            unmerged.add(path)
    return Staged(own, sorted(unmerged))


def as_staged(repository: Repository, ours: str, staged: Staged) -> Changes:
    """Give what changes against a commit as the index holds it, the workflow's own files left aside."""
    index = repository.scratch / "merge.index"
    snapshot.copy_index(repository.index, index)
    lines = b"".join(b"0 %s\t%s\0" % (repository.null_oid.encode(), os.fsencode(path)) for path in staged.own)
    try:
        repository.git.run("update-index", "-z", "--index-info", stdin=lines, index=index)
        return _changes(repository, ours, repository.git.line("write-tree", index=index))
    finally:
        index.unlink(missing_ok=True)


def check_room(repository: Repository, paths: Iterable[str]) -> None:
    """Refuse to write over files with uncommitted changes, untracked ones that stand in the way among them.

    Raises:
        GitorchError: naming some of them.
    """
    wanted = dict.fromkeys(paths)
    for path in list(wanted):
        for above in (path[:at] for at, char in enumerate(path) if char == "/"):
            place = repository.root / above
            if place.is_symlink() or place.is_file():
                wanted[above] = None
    every = list(wanted)
    for at in range(0, len(every), _AT_ONCE):
        check_clean(repository, every[at : at + _AT_ONCE])
