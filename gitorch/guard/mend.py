"""Mend what a badly behaved or killed agent has left in .git, so that the next git works again."""

from __future__ import annotations

import shutil
from typing import Final

from gitorch.git import leftovers, refs
from gitorch.git.process import GitError, complaint
from gitorch.git.repository import Repository
from gitorch.guard.snapshot import Snapshot, mark_of

# what git says of an index that it could not even look into
_UNREAD: Final = ("index file open failed", "cannot stat the open index", "unable to map index file")
_OPERATIONS: Final = (
    *("MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "AUTO_MERGE", "SQUASH_MSG"),
    *("CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD", "sequencer", "rebase-merge", "rebase-apply"),
    *("BISECT_LOG", "BISECT_START", "BISECT_NAMES", "BISECT_TERMS", "BISECT_EXPECTED_REV", "BISECT_ANCESTORS_OK"),
)


def mend(repository: Repository, before: Snapshot, *, since: float) -> None:
    """See that index, private index and locks can be worked with; `since` is when the invocation began."""
    repository.scratch.mkdir(exist_ok=True)
    repository.shared_scratch.mkdir(exist_ok=True)
    leftovers.clear(repository, since=since)
    git = repository.git
    listed = git.attempt("ls-files", "-u", "-z") if mark_of(repository.index) != before.index_mark else None
    if listed is not None and listed.code != 0:
        if any(words in listed.err for words in _UNREAD) and "Permission denied" not in listed.err:
            raise GitError(f"{repository.index}: {complaint(listed.err)}", hint="try again: it may be whole")
        repository.index.unlink(missing_ok=True)  # what the user had staged is put back from the snapshot
    if mark_of(before.index_file) != before.own_mark:
        before.index_file.unlink(missing_ok=True)
        git.run("read-tree", before.tree, index=before.index_file)


def can_be_put_back(repository: Repository, before: Snapshot) -> bool:
    """Tell whether the objects of a snapshot are still there; only an agent that has pruned them can take them away."""
    return all(_is_there(repository, oid) for oid in (before.tree, before.staged, *before.raw.values()))


def _is_there(repository: Repository, oid: str) -> bool:
    """Tell whether an object is there; one that could not be read just now is asked for once more."""
    return repository.objects.read(oid) is not None or repository.git.attempt("cat-file", "-e", oid).code == 0


def end_operation(repository: Repository) -> None:
    """Forget a merge, rebase or the like that the agent has left unfinished; files and branch are put back apart."""
    if repository.in_progress() is None:
        return
    for name in _OPERATIONS:
        path = repository.git_dir / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    for line in repository.git.attempt("for-each-ref", "--format=%(refname)", "refs/bisect").out.decode().split():
        refs.drop(repository, line)
