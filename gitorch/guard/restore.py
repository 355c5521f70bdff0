"""Keep what a failed attempt left, and put the work tree and the index back as they were."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gitorch.git import refs
from gitorch.git.objects import FILE_MODE, Entry
from gitorch.git.repository import Repository
from gitorch.guard.snapshot import Diff, Snapshot


def rescue_ref(invocation: str) -> str:
    """Give the ref under which an invocation's leftovers are kept. It is local: clones do not get it."""
    return f"refs/gitorch/rescue/{invocation}"


def anchor_ref(invocation: str) -> str:
    """Give the ref that keeps the snapshot taken before an invocation until it ends."""
    return f"refs/gitorch/before/{invocation}"


def anchor(repository: Repository, invocation: str, snapshot: Snapshot, begin: str) -> str:
    """Keep a snapshot from git's garbage collection; gives the commit that holds it.

    Where there is no uncommitted work, that is the commit from which the invocation begins: the ref names it already.
    """
    if {snapshot.tree, snapshot.staged} == {repository.objects.tree_of(begin)} and not snapshot.raw:
        return begin
    edits = {f"gitorch-raw/{number}": Entry(FILE_MODE, oid) for number, oid in enumerate(snapshot.raw.values())}
    tree = repository.objects.edit_tree(snapshot.tree, edits) if edits else snapshot.tree
    parents = [begin]
    if snapshot.staged not in (snapshot.tree, repository.objects.tree_of(begin)):
        parents.append(_keep(repository, snapshot.staged, [begin], f"What was staged before invocation {invocation}"))
    commit = _keep(repository, tree, parents, f"The work tree before invocation {invocation}")
    refs.keep(repository, anchor_ref(invocation), commit)
    return commit


def rescue(repository: Repository, invocation: str, *, tree: str, before: str, tip: str) -> str:
    """Keep what an attempt made: its files as a commit on the snapshot before it and on the commits it made."""
    ref = rescue_ref(invocation)
    kept = repository.objects.commit(ref)  # by a process that was killed while it put things back
    earlier = [] if kept is None else [kept.oid]
    parents = list(dict.fromkeys([before, tip, *earlier]))
    refs.keep(repository, ref, _keep(repository, tree, parents, f"What invocation {invocation} left"))
    return ref


def _keep(repository: Repository, tree: str, parents: list[str], text: str) -> str:
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "gitorch"), ("EMAIL", "gitorch@localhost"))
    }
    options = [option for parent in parents for option in ("-p", parent)]
    out = repository.git.run("commit-tree", *options, tree, stdin=text.encode(), env=identity)
    return out.decode().strip()


def put_back(repository: Repository, changed: Diff, *, before: Snapshot, keep: Mapping[str, Entry | None]) -> None:
    """Put files back as the snapshot holds them; what `keep` names gets that version instead.

    Files that the user had changed come back byte for byte, others as git checks them out.
    """
    root = repository.root
    wanted = {path: keep.get(path, old) for path, (old, _) in changed.items()}
    for path, entry in wanted.items():
        if entry is None:
            _remove(root, path)
    present = [path for path, entry in wanted.items() if entry is not None]
    for path in present:
        _clear_way(root, path)
    if keep:
        lines = b"".join(
            b"%s %s 0\t%s\0" % (entry.mode.encode(), entry.oid.encode(), os.fsencode(path))
            for path, entry in keep.items()
            if entry is not None and path in wanted
        )
        repository.git.run("update-index", "-z", "--index-info", stdin=lines, index=before.index_file)
    listed = b"".join(os.fsencode(path) + b"\0" for path in present)
    if listed:
        repository.git.run("checkout-index", "-f", "-q", "-z", "--stdin", stdin=listed, index=before.index_file)
    exact = {*before.exact}
    for path in present:
        entry = wanted[path]
        oid = before.raw.get(path, entry.oid if entry is not None and path in exact else None)
        if oid is not None and path not in keep:
            _write(root / path, repository.objects.blob(oid))


def _write(file: Path, content: bytes) -> None:
    if file.read_bytes() != content:
        file.write_bytes(content)


def intend_again(repository: Repository, before: Snapshot) -> None:
    """Mark again what the user had marked by `git add -N` where the mark is gone."""
    if not before.intended:
        return
    known = repository.git.run("ls-files", "-z", "--", *before.intended).split(b"\0")
    gone = [path for path in before.intended if os.fsencode(path) not in known and (repository.root / path).is_file()]
    if gone:
        repository.git.attempt("add", "-N", "--", *gone)


def _remove(root: Path, path: str) -> None:
    target = root / path
    with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
        target.unlink()
    parent = target.parent
    while parent != root:
        try:
            parent.rmdir()  # only if it is empty
        except OSError:
            return
        parent = parent.parent


def _clear_way(root: Path, path: str) -> None:
    """Take away a link or file that stands where a folder of the path was, so that nothing is written through it."""
    parent = root
    for part in Path(path).parts[:-1]:
        parent = parent / part
        if parent.is_symlink() or parent.is_file():
            parent.unlink()
            return
