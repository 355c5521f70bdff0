"""Keep what a failed attempt left, and put the work tree and the index back as they were."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gitorch.git import files, refs
from gitorch.git.objects import FILE_MODE, SUBMODULE_MODE, Entry
from gitorch.git.repository import Repository
from gitorch.git.trees import Diff
from gitorch.guard.snapshot import Snapshot
from gitorch.ledger.append import writing


def rescue_ref(invocation: str) -> str:
    """Give the ref under which an invocation's leftovers are kept. It is local: clones do not get it."""
    return f"refs/gitorch/rescue/{invocation}"


def anchor_ref(invocation: str) -> str:
    """Give the ref that keeps the snapshot taken before an invocation until it ends."""
    return f"refs/gitorch/before/{invocation}"


def drop_stale_anchors(repository: Repository) -> None:
    """Take anchors away that no worktree's note on an invocation names: git failed, or died, between two refs.

    Call it with the write lock held.
    """
    folder = repository.common_dir / "refs/gitorch/before"
    names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208 - names alone
    if not names:
        return
    notes = [repository.common_dir, *files.listed(repository.common_dir / "worktrees")]
    noted = b"".join(note.read_bytes() for each in notes if (note := each / "gitorch/invocation.json").is_file())
    for name in names:
        if os.fsencode(name) not in noted:
            refs.drop(repository, anchor_ref(name))


def anchor(repository: Repository, invocation: str, snapshot: Snapshot, begin: str) -> str:
    """Keep a snapshot from git's garbage collection; gives the commit that holds it.

    Where there is no uncommitted work, that is the commit from which the invocation begins: the ref names it already.
    """
    if {snapshot.tree, snapshot.staged} == {repository.objects.tree_of(begin)} and not snapshot.raw:
        return begin
    edits = {f"gitorch-raw/{number}": Entry(FILE_MODE, oid) for number, oid in enumerate(snapshot.raw.values())}
    tree = repository.store.edit_tree(snapshot.tree, edits) if edits else snapshot.tree
    parents = [begin]
    if snapshot.staged not in (snapshot.tree, repository.objects.tree_of(begin)):
        parents.append(_keep(repository, snapshot.staged, [begin], f"What was staged before invocation {invocation}"))
    commit = _keep(repository, tree, parents, f"The work tree before invocation {invocation}")
    with writing(repository):
        refs.keep(repository, anchor_ref(invocation), commit)
    return commit


def rescue(repository: Repository, invocation: str, *, tree: str, before: str, tip: str) -> str:
    """Keep what an attempt made: its files as a commit on the snapshot before it and on the commits it made."""
    ref = rescue_ref(invocation)
    kept = repository.objects.commit(ref)  # by a process that was killed while it put things back
    earlier = [] if kept is None else [kept.oid]
    parents = list(dict.fromkeys([before, tip, *earlier]))
    with writing(repository):
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


def put_back(
    repository: Repository, changed: Diff, *, before: Snapshot, keep: Mapping[str, Entry | None], aside: Path
) -> list[str]:
    """Put files back as the snapshot holds them; what `keep` names gets that version instead.

    Files that the user had changed come back byte for byte, others as git checks them out. What stands in the way and
    is in no snapshot, as it is ignored or held back, goes to the folder `aside`; gives the paths of these.
    """
    root = repository.root
    moved: list[str] = []
    wanted = {path: keep.get(path, old) for path, (old, _) in changed.items()}
    for path, entry in wanted.items():
        if entry is None:
            _remove(root, path)
    present = [path for path, entry in wanted.items() if entry is not None]
    for path in present:
        is_submodule = (entry := wanted[path]) is not None and entry.mode == SUBMODULE_MODE
        moved += _clear_way(root, path, aside, unknown=changed[path][1] is None and not is_submodule)
    if keep:
        lines = b"".join(
            b"%s %s 0\t%s\0" % (entry.mode.encode(), entry.oid.encode(), os.fsencode(path))
            for path, entry in keep.items()
            if entry is not None and path in wanted
        )
        repository.git.run("update-index", "-z", "--index-info", stdin=lines, index=before.index_file)
    listed = b"".join(os.fsencode(path) + b"\0" for path in present)
    if listed:
        args = ("checkout-index", "-f", "-q", "-z", "--stdin")
        if repository.git.attempt(*args, stdin=listed, index=before.index_file).code != 0:
            for path in present:
                open_folders(root, path)
            repository.git.run(*args, stdin=listed, index=before.index_file)
    exact = {*before.exact}
    for path in present:
        entry = wanted[path]
        oid = before.raw.get(path, entry.oid if entry is not None and path in exact else None)
        if oid is not None and path not in keep:
            _write(root / path, repository.objects.blob(oid))
    return moved


def _write(file: Path, content: bytes) -> None:
    if file.read_bytes() != content:
        file.write_bytes(content)


def _remove(root: Path, path: str) -> None:
    target = root / path
    with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
        try:
            target.unlink()
        except PermissionError:
            open_folders(root, path)
            target.unlink()
    parent = target.parent
    while parent != root:
        try:
            parent.rmdir()  # only if it is empty
        except OSError:
            return
        parent = parent.parent


def open_folders(root: Path, path: str) -> None:
    """Let us write again into the folders on the way to a path, where somebody has taken that from us."""
    for parent in reversed(Path(path).parents[:-1]):
        with suppress(OSError):
            mode = (root / parent).lstat().st_mode
            if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
                (root / parent).chmod(stat.S_IMODE(mode) | stat.S_IRWXU)


def repositories(root: Path, changed: Diff) -> list[str]:
    """List each `.git` in a folder on the way to a new file: git does not see what else is new there."""
    new = [path for path, (old, _) in changed.items() if old is None]
    folders = {parent for path in new for parent in Path(path).parents[:-1]}
    return [str(folder / ".git") for folder in sorted(folders) if os.path.lexists(root / folder / ".git")]


def move_repositories_aside(root: Path, before: Snapshot, prior: Diff, aside: Path) -> list[str]:
    """Move away what has made repositories of folders with new files of the user's; gives the paths."""
    made = [path for path in repositories(root, prior) if path not in before.repositories]
    return [_move_aside(root, Path(path), aside) for path in made]


def _clear_way(root: Path, path: str, aside: Path, *, unknown: bool) -> list[str]:
    """Take away what stands where a file or one of its folders was, so that nothing is written through or over it.

    A link goes; anything else is in no snapshot, as files that are have been taken away before, and is moved aside.
    `unknown` tells that this holds for what is at the path itself too.
    """
    parts = Path(path).parts
    for number in range(1, len(parts)):
        parent = Path(*parts[:number])
        if (root / parent).is_symlink():
            (root / parent).unlink()
            return []
        if (root / parent).is_file():
            return [_move_aside(root, parent, aside)]
    with suppress(OSError):
        (root / path).rmdir()  # only if it is a folder, and empty
    if unknown and (root / path).exists() and not (root / path).is_symlink():
        return [_move_aside(root, Path(path), aside)]
    return []


def _move_aside(root: Path, path: Path, aside: Path) -> str:
    target = aside / path
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(root / path, target)
    return str(path)


def move_back(repository: Repository, after: Snapshot) -> set[str]:
    """Give files that were held before their names back where they were renamed; gives the names that they had."""
    found = set()
    for path, held in after.held.items():
        old = repository.root / held.was
        if held.was and not os.path.lexists(old):
            with suppress(OSError):
                old.parent.mkdir(parents=True, exist_ok=True)
                (repository.root / path).rename(old)
                found.add(path)
    return found
