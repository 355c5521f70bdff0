"""Mend what a badly behaved or killed agent has left in .git, so that the next git works again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from gitorch.core.names import MAIN_TASK_PATH
from gitorch.git import leftovers, refs
from gitorch.git.process import GitError, complaint
from gitorch.git.repository import Repository
from gitorch.guard.index import flag_again, user_index
from gitorch.guard.restore import open_folders
from gitorch.guard.snapshot import Snapshot, mark_of

# what git says of an index that it could not even look into
_UNREAD: Final = ("index file open failed", "cannot stat the open index", "unable to map index file")
_SHARED: Final = "/sharedindex."  # a part of the index, where it is split
_LATE: Final = 2.0  # seconds: clocks of files are coarse
_OPERATIONS: Final = (
    *("MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "AUTO_MERGE", "SQUASH_MSG"),
    *("CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD", "sequencer", "rebase-merge", "rebase-apply"),
    *("BISECT_LOG", "BISECT_START", "BISECT_NAMES", "BISECT_TERMS", "BISECT_EXPECTED_REV", "BISECT_ANCESTORS_OK"),
)


def mend(repository: Repository, before: Snapshot, *, since: float) -> None:
    """See that index, private index and locks can be worked with; `since` is when the invocation began."""
    repository.scratch.mkdir(exist_ok=True)
    repository.shared_scratch.mkdir(exist_ok=True)
    _put_place_back(repository, since)  # first: until then git may work elsewhere
    leftovers.clear(repository, since=since)
    open_folders(repository.root, MAIN_TASK_PATH)
    git = repository.git
    listed = git.attempt("ls-files", "-u", "-z") if mark_of(repository.index) != before.index_mark else None
    if listed is not None and listed.code != 0:
        gone = _SHARED in listed.err and "No such file" in listed.err
        if any(words in listed.err for words in _UNREAD) and not (gone or "Permission denied" in listed.err):
            raise GitError(f"{repository.index}: {complaint(listed.err)}", hint="try again: it may be whole")
        repository.index.unlink(missing_ok=True)  # what the user had staged is put back from the snapshot
        kept = user_index(repository)
        if git.attempt("ls-files", "-u", "-z", index=kept).code != 0:  # the same file, written in place
            kept.unlink(missing_ok=True)
            git.run("read-tree", before.staged, index=kept)
    if mark_of(before.index_file) != before.own_mark:
        before.index_file.unlink(missing_ok=True)
        git.run("read-tree", before.tree, index=before.index_file)
        flag_again(repository, before.index_file)


def _put_place_back(repository: Repository, since: float) -> None:
    """Take back what git's configuration has come to say of where the work tree is: no later git would find it.

    Of a linked one it says nothing, but of the main one, which may be bare.
    """
    config = repository.common_dir / "config"
    linked = repository.git_dir != repository.common_dir
    if linked or not config.exists() or config.stat().st_mtime < since - _LATE:
        return
    git = repository.git.also(repository.place)
    said = git.attempt("config", "--local", "-z", "--get-regexp", r"^core\.(bare|worktree)$").out
    for key, _, value in (os.fsdecode(pair).partition("\n") for pair in said.split(b"\0")):
        if key == "core.bare" and value != "false":
            git.run("config", "--local", "--replace-all", "core.bare", "false")
        elif key == "core.worktree" and not _is_same(repository.git_dir / value, repository.root):
            git.attempt("config", "--local", "--unset-all", "core.worktree")


def _is_same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


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
