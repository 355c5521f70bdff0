"""Mend what a badly behaved or killed agent has left in .git, so that the next git works again."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from gitorch.git.locks import is_own_lock
from gitorch.git.repository import Repository
from gitorch.guard.snapshot import Snapshot, mark_of

_OPERATIONS: Final = (
    *("MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "AUTO_MERGE", "SQUASH_MSG"),
    *("CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD", "sequencer", "rebase-merge", "rebase-apply"),
    *("BISECT_LOG", "BISECT_START", "BISECT_NAMES", "BISECT_TERMS", "BISECT_EXPECTED_REV", "BISECT_ANCESTORS_OK"),
)


def mend(repository: Repository, before: Snapshot, *, since: float) -> None:
    """See that index, private index and locks can be worked with; `since` is when the invocation began."""
    repository.scratch.mkdir(exist_ok=True)
    repository.shared_scratch.mkdir(exist_ok=True)
    _break_locks(repository, since)
    git = repository.git
    if mark_of(repository.index) != before.index_mark and git.attempt("ls-files", "-u", "-z").code != 0:
        repository.index.unlink(missing_ok=True)  # what the user had staged is put back from the snapshot
    known = git.attempt("write-tree", index=before.index_file)
    if known.code != 0 or known.out.decode().strip() != before.tree:
        before.index_file.unlink(missing_ok=True)
        git.run("read-tree", before.tree, index=before.index_file)


def can_be_put_back(repository: Repository, before: Snapshot) -> bool:
    """Tell whether the objects of a snapshot are still there; only an agent that has pruned them can take them away."""
    return all(repository.objects.read(oid) is not None for oid in (before.tree, before.staged, *before.raw.values()))


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
        repository.git.attempt("update-ref", "-d", line)


def _break_locks(repository: Repository, since: float) -> None:
    """Take away locks made since then whose git is dead: while any git runs in this worktree they are left alone."""
    locks = [
        repository.git_dir / "index.lock",
        repository.git_dir / "HEAD.lock",
        repository.common_dir / "packed-refs.lock",
    ]
    branch = repository.branch()
    if branch is not None:
        locks.append(repository.common_dir / f"{branch}.lock")
    stale = [lock for lock in locks if _is_since(lock, since) and not is_own_lock(lock)]
    if stale and not _git_runs(repository.root):
        for lock in stale:
            lock.unlink(missing_ok=True)


def _is_since(path: Path, since: float) -> bool:
    try:
        return path.lstat().st_mtime >= since - 1
    except OSError:
        return False


def _git_runs(folder: Path) -> bool:
    """Tell whether a git process works in a folder; where that cannot be known, one may."""
    if not Path("/proc/self").exists():
        return True
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            if (entry / "comm").read_text().startswith("git") and int(entry.name) not in _children():
                there = Path(os.readlink(entry / "cwd"))  # noqa: PTH115 - a link of the kernel's, maybe to nowhere
                if there == folder or folder in there.parents:
                    return True
    return False


def _children() -> set[int]:
    """Give our own children: the git that reads objects for us holds no lock."""
    pid = os.getpid()
    found: set[int] = set()
    with suppress(OSError):
        found = {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    return found
