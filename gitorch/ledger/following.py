"""What index and work tree do when the branch has moved to a record, and the journal by which it is done for certain.

The index is made anew in a file of ours, for just the record's paths, before the branch moves; then task files and
MAIN_TASK are moved and written, and the index takes the old one's place. The journal says all of this beforehand, so
that the next writer can finish what a killed one left half done. It can be done twice without harm.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from gitorch.core.names import TASKS_DIR
from gitorch.git import durable, files, leftovers
from gitorch.git.locks import hold_index
from gitorch.git.objects import Entry
from gitorch.git.process import GitError
from gitorch.git.repository import Repository

INDEX_WAIT: Final = 10.0  # seconds for another git to let go of the index
_LEFT_OUT: Final = "gnoring path"  # git's words for a path that no index may hold, as .git/config


class Follow(NamedTuple):
    """What is to be done."""

    commit: str
    renames: list[tuple[str, str]]
    writes: dict[str, str]  # path to blob
    removes: list[str]
    entries: dict[str, Entry | None]  # for the index
    checkout: list[str]  # paths to be checked out from the index


def holding_index(repository: Repository, patience: float) -> AbstractContextManager[None]:
    """Hold git's own lock on the index, waited for as many seconds as there is patience."""
    return hold_index(
        repository.index,
        repository.scratch,
        wait=patience,
        busy=leftovers.busy,
        is_gone=partial(leftovers.take_away, repository),
    )


def build_index(repository: Repository, follow: Follow) -> Path:
    """Make the user's index anew in a file of ours, changed in just the record's paths."""
    mine = repository.scratch / "index"
    try:
        shutil.copy2(repository.index, mine)  # with its time: by it git knows files edited in the instant of git add
    except FileNotFoundError:
        mine.unlink(missing_ok=True)
    lines = b"".join(
        (
            b"0 %s\t%s\0" % (repository.null_oid.encode(), os.fsencode(path))
            if entry is None
            else b"%s %s 0\t%s\0" % (entry.mode.encode(), entry.oid.encode(), os.fsencode(path))
        )
        for path, entry in sorted(follow.entries.items(), key=lambda item: item[1] is not None)
    )
    done = repository.git.attempt("update-index", "-z", "--index-info", stdin=lines, index=mine)
    if done.code != 0 or _LEFT_OUT in done.err:
        raise GitError(
            f"{repository.root}: git does not take all files: {repository.git.why(done)}", hint="nothing was recorded"
        )
    return mine


def follow(repository: Repository, plan: Follow, index: Path) -> None:
    """Let the work tree follow, and the index that was made take the place of the user's. Hold the index."""
    _move_files(repository, plan, index)
    _note_times(repository, plan, index)
    if repository.syncs:
        durable.sync_file(index)
    index.replace(repository.index)


def _move_files(repository: Repository, follow: Follow, index: Path) -> None:
    """Move and write the task files and MAIN_TASK in the work tree; edits of their bodies move along."""
    root = repository.root
    for old, new in follow.renames:
        with suppress(FileNotFoundError):
            (root / old).rename(root / new)
        if not (root / new).exists():  # a sparse checkout has left it out, or somebody has just deleted it
            entry = follow.entries.get(new)
            if entry is not None:
                _write_file(root / new, repository.objects.blob(entry.oid))
    for path in follow.removes:
        with suppress(NotADirectoryError):
            (root / path).unlink(missing_ok=True)
        _prune(root, path)
    if follow.checkout:
        listed = b"".join(os.fsencode(path) + b"\0" for path in follow.checkout)
        repository.git.run("checkout-index", "-f", "-q", "-u", "-z", "--stdin", stdin=listed, index=index)
    for path, oid in follow.writes.items():
        _write_file(root / path, repository.objects.blob(oid))


def _prune(root: Path, path: str) -> None:
    """Take away the folders that a file has left empty, but not `.tasks` itself."""
    for folder in Path(path).parents[:-1]:
        if folder == Path(TASKS_DIR):
            return
        try:
            (root / folder).rmdir()
        except OSError:
            return


def _note_times(repository: Repository, follow: Follow, index: Path) -> None:
    """Let the index know the files' times: without, `git diff-index` and sparse checkouts take them for changed."""
    there = [path for path, entry in follow.entries.items() if entry is not None and (repository.root / path).exists()]
    if there:
        listed = b"".join(os.fsencode(path) + b"\0" for path in there)
        options = ("--refresh", "--pathspec-from-file=-", "--pathspec-file-nul")
        repository.git.attempt("add", *options, stdin=listed, index=index)  # where it fails, git status finds out later


def _write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, data, hint="the record itself is safe")


def _journal(repository: Repository) -> Path:
    return repository.scratch / "append.json"


def write_down(repository: Repository, plan: Follow) -> None:
    """Write the journal."""
    files.replace(_journal(repository), json.dumps(plan).encode())


def forget(repository: Repository) -> None:
    """Take the journal away: all of it is done, or nothing has to be."""
    _journal(repository).unlink()


def finish_interrupted(repository: Repository) -> None:
    """Finish, or forget, what a writer was doing when it was killed. Call it with the write lock held."""
    path = _journal(repository)
    try:
        commit, renames, writes, removes, entries, checkout = json.loads(path.read_text())
    except FileNotFoundError:
        return
    except (OSError, ValueError):
        path.unlink(missing_ok=True)
        return
    plan = Follow(
        commit,
        [(old, new) for old, new in renames],
        writes,
        removes,
        {name: None if entry is None else Entry(*entry) for name, entry in entries.items()},
        checkout,
    )
    if repository.descends("HEAD", commit):
        with holding_index(repository, INDEX_WAIT):
            follow(repository, plan, build_index(repository, plan))
    path.unlink()
