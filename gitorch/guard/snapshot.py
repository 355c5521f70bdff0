"""Snapshots: the whole work tree as a git tree, taken with a private copy of the index."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from gitorch.errors import GitorchError
from gitorch.git.objects import Entry
from gitorch.git.repository import Repository
from gitorch.guard.held import DEFAULT_MAX_FILE, Held, hold_reason, holds_token
from gitorch.ledger.append import files_of

Diff = Mapping[str, tuple[Entry | None, Entry | None]]
_NO_MODE: Final = "000000"


class Snapshot(NamedTuple):
    """The work tree at one moment.

    Attributes:
        tree: all files but the ignored and the held ones.
        index_file: the private index that the tree was written from.
        staged: the user's own index as a tree.
        held: files that are not in the tree although git would list them.
        raw: for files whose filters change their bytes, the blob with the bytes as they lay there.
        index_mark: what changes when the user's index does.
    """

    tree: str
    index_file: Path
    staged: str
    held: Mapping[str, Held]
    raw: Mapping[str, str]
    index_mark: tuple[int, ...] = ()


class _Found(NamedTuple):
    """What `git status` says of the work tree against an index."""

    changed: list[tuple[str, bool]]  # path, and whether git tracks it
    staged: bool


def take(repository: Repository, name: str, *, of: Path, task_dir: str | None) -> Snapshot:
    """Take a snapshot.

    Args:
        repository: whose work tree to look at.
        name: under which the private index is kept, beside the user's.
        of: the index to copy; paths that have not changed against it are not read again.
        task_dir: a folder whose files count although ignore rules would leave them out.

    Raises:
        GitorchError: the index has unmerged paths, or git cannot read the work tree.
    """
    index = repository.scratch / f"{name}.index"
    mark = _mark(of)
    try:
        shutil.copyfile(of, index)
    except FileNotFoundError:
        index.unlink(missing_ok=True)
    found = _scan(repository, index)
    git = repository.git
    staged = git.line("write-tree", index=index) if found.staged else repository.objects.tree_of("HEAD")
    max_file = int(repository.config.get("gitorch.maxfile", DEFAULT_MAX_FILE))
    own = files_of(repository, task_dir) if task_dir is not None else []
    wanted = dict(found.changed)
    quiet = [path for path in own if path not in wanted]  # unchanged, or ignored
    known = git.run("ls-files", "-z", "--", task_dir, index=index).split(b"\0") if task_dir and quiet else []
    wanted.update({path: os.fsencode(path) in known for path in quiet})
    held: dict[str, Held] = {}
    for path, tracked in wanted.items():
        reason = hold_reason(repository.root / path, tracked=tracked, max_file=max_file)
        if reason is not None and not (tracked and reason.by_content and _holds_a_token(repository, path)):
            held[path] = reason
    kept = [path for path in wanted if path not in held]
    if not kept:
        return Snapshot(staged, index, staged, held, {}, mark)
    listed = b"".join(os.fsencode(path) + b"\0" for path in kept)
    git.run("update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin=listed, index=index)
    tree = git.line("write-tree", index=index)
    return Snapshot(tree, index, staged, held, {}, mark)


def _holds_a_token(repository: Repository, path: str) -> bool:
    """Tell whether the last commit's version of a file has what looks like a token too: then it is known there."""
    there = None if "\n" in path else repository.objects.read(f"HEAD:{path}")
    return there is not None and holds_token(there.data)


def _scan(repository: Repository, index: Path) -> _Found:
    out = repository.git.run(
        "status",
        *("--porcelain=v2", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty"),
        index=index,
    )
    changed: list[tuple[str, bool]] = []
    staged = False
    for line in out.split(b"\0"):
        kind = line[:2]
        if kind == b"? ":
            changed.append((os.fsdecode(line[2:]).rstrip("/"), False))
        elif kind == b"1 ":
            fields = line.split(b" ", 8)
            staged = staged or fields[1][:1] != b"."
            if fields[1][1:] != b".":
                changed.append((os.fsdecode(fields[8]), fields[3] != _NO_MODE.encode()))
        elif kind == b"u ":
            path = os.fsdecode(line.split(b" ", 10)[10])
            raise GitorchError(f"{path} has conflicts that are not resolved", hint="resolve them and git add the file")
    return _Found(changed, staged)


def changes_in(repository: Repository, paths: Sequence[str]) -> dict[str, Entry | None]:
    """Give how some folders and files under `.tasks` differ from the last commit, ignored files too, held ones not."""
    index = repository.scratch / "paths.index"
    try:
        shutil.copyfile(repository.index, index)
    except FileNotFoundError:
        index.unlink(missing_ok=True)
    git = repository.git
    tracked = [os.fsdecode(path) for path in git.run("ls-files", "-z", "--", *paths).split(b"\0") if path]
    there = [
        each
        for path in paths
        for each in ([path] if (repository.root / path).is_file() else files_of(repository, path))
    ]
    max_file = int(repository.config.get("gitorch.maxfile", DEFAULT_MAX_FILE))
    listed = b"".join(
        os.fsencode(path) + b"\0"
        for path in dict.fromkeys([*tracked, *there])
        if hold_reason(repository.root / path, tracked=path in tracked, max_file=max_file) is None
    )
    git.run("update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin=listed, index=index)
    head = repository.objects.commit("HEAD")
    before = head.tree if head is not None else repository.objects.edit_tree(None, {})
    changed = diff(repository, before, git.line("write-tree", index=index))
    index.unlink(missing_ok=True)
    wanted = set(tracked) | set(there)
    return {path: after for path, (_, after) in changed.items() if path in wanted}


def diff(repository: Repository, before: str, after: str) -> Diff:
    """List the paths in which two trees differ, with what each holds there."""
    if before == after:
        return {}
    out = repository.git.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", before, after)
    tokens = iter(out.split(b"\0"))
    result: dict[str, tuple[Entry | None, Entry | None]] = {}
    for token in tokens:
        if not token.startswith(b":"):
            continue
        old_mode, new_mode, old, new, _ = token[1:].decode().split(" ")
        result[os.fsdecode(next(tokens))] = (
            None if old_mode == _NO_MODE else Entry(old_mode, old),
            None if new_mode == _NO_MODE else Entry(new_mode, new),
        )
    return result


def with_raw_bytes(repository: Repository, snapshot: Snapshot, paths: Mapping[str, Entry | None]) -> Snapshot:
    """Keep, for the user's changed files, their very bytes where git's filters would change them."""
    plain = [
        path
        for path, entry in paths.items()
        if entry is not None and entry.mode.startswith("100") and (repository.root / path).is_file()
    ]
    quotable = [path for path in plain if "\n" not in path]
    if not quotable:
        return snapshot
    oids = repository.objects.hash_files(quotable)
    raw = {}
    for path, oid in zip(quotable, oids, strict=True):
        entry = paths[path]
        if entry is not None and entry.oid != oid:
            raw[path] = oid
    return snapshot._replace(raw=raw)


def _mark(index: Path) -> tuple[int, ...]:
    try:
        info = index.stat()
    except FileNotFoundError:
        return ()
    return info.st_size, info.st_mtime_ns, info.st_ino


def staged_tree(repository: Repository, before: Snapshot) -> str:
    """Write the user's index, as it is now, as a tree; unmerged paths that an agent left count as not staged."""
    if _mark(repository.index) == before.index_mark:
        return before.staged
    copy = repository.scratch / "staged.index"
    try:
        shutil.copyfile(repository.index, copy)
    except FileNotFoundError:
        copy.unlink(missing_ok=True)
    done = repository.git.attempt("write-tree", index=copy)
    if done.code != 0:
        repository.git.run("reset", "-q", "--mixed", index=copy)
        done = repository.git.attempt("write-tree", index=copy)
    return done.out.decode().strip() or repository.objects.tree_of("HEAD")
