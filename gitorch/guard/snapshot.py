"""Snapshots: the whole work tree as a git tree, taken with a private copy of the index."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from gitorch.core.names import TASKS_DIR
from gitorch.errors import GitorchError
from gitorch.git.objects import Entry
from gitorch.git.repository import Repository
from gitorch.git.store import listable
from gitorch.guard import held as holding
from gitorch.guard.held import DEFAULT_MAX_FILE, Held, hold_reason, holds_token

_NO_MODE: Final = "000000"
_UNSEEN: Final = re.compile(r"^warning: could not open directory '(.*)': (.*)$", re.MULTILINE)  # git goes on without it


class Snapshot(NamedTuple):
    """The work tree at one moment.

    Attributes:
        tree: all files but the ignored and the held ones.
        index_file: the private index that the tree was written from.
        own_mark: what changes when that file does.
        staged: the user's own index as a tree.
        held: files that are not in the tree although git would list them.
        raw: for files whose filters change their bytes, the blob with the bytes as they lay there.
        index_mark: what changes when the user's index does.
        intended: paths that the user has marked by `git add -N`; no tree can tell.
        exact: files that lay there byte for byte as the tree has them; checking them out may change that.
        refused: files that git could not read in, and why; the tree has their bytes as they lay there.
        ignored: what lay there and was ignored, where that was asked for; folders have a slash at their end.
        repositories: what made a repository of a folder with new files: each a path that ends with `.git`.
    """

    tree: str
    index_file: Path
    own_mark: tuple[int, ...]
    staged: str
    held: Mapping[str, Held]
    raw: Mapping[str, str]
    index_mark: tuple[int, ...] = ()
    intended: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()


class _Found(NamedTuple):
    """What `git status` says of the work tree against an index."""

    changed: list[tuple[str, bool]]  # path, and whether git tracks it
    staged: bool
    intended: tuple[str, ...]
    ignored: tuple[str, ...]


def take(
    repository: Repository,
    name: str,
    *,
    of: Path,
    task_dir: str | None,
    whatever_lies_there: bool = False,
    held_before: Mapping[str, Held] | None = None,
) -> Snapshot:
    """Take a snapshot.

    Args:
        repository: whose work tree to look at.
        name: under which the private index is kept, beside the user's.
        of: the index to copy; paths that have not changed against it are not read again.
        task_dir: a folder whose files count although ignore rules would leave them out.
        whatever_lies_there: take files too that git refuses to read in, by a filter or an encoding.
        held_before: files that an earlier snapshot held; under other names they are held again. None for the earlier
            one: it lists what is ignored too.

    Raises:
        GitorchError: the index has unmerged paths, or git cannot read the work tree.
    """
    index = repository.scratch / f"{name}.index"
    mark = mark_of(of)
    copy_index(of, index)
    found = _scan(repository, index, ignored=held_before is None)
    git = repository.git
    staged = git.line("write-tree", index=index) if found.staged else repository.objects.tree_of("HEAD")
    max_file = repository.size("gitorch.maxfile", DEFAULT_MAX_FILE)
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
    if held_before is None:
        left = holding.left_by_attempts(repository.scratch) if held else {}
        held = {path: one._replace(left=left.get(path) == one.mark) for path, one in held.items()}
        held = _with_ids(repository, held, max_file)
    else:
        held.update(_renamed(repository, wanted, held_before))
    kept = [path for path in wanted if path not in held]
    if not kept:
        return Snapshot(staged, index, mark_of(index), staged, held, {}, mark, found.intended, ignored=found.ignored)
    refused = _read_in_all(repository, index, kept) if whatever_lies_there else ()
    if not whatever_lies_there:
        read_in(repository, index, kept)
    tree = git.line("write-tree", index=index)
    return Snapshot(
        tree,
        index,
        mark_of(index),
        staged,
        held,
        {},
        mark,
        found.intended,
        refused=refused,
        ignored=found.ignored,
    )


def _renamed(repository: Repository, paths: Iterable[str], held_before: Mapping[str, Held]) -> dict[str, Held]:
    """Find files that were held before under another name, which one may not tell from their own."""
    names = {held.mark: path for path, held in held_before.items()}
    found = {}
    for path in paths if names else ():
        with suppress(OSError):
            mark = holding.mark_of((repository.root / path).lstat())
            if names.get(mark, path) != path:
                found[path] = Held(f"it was {names[mark]}, and is held back as that was", mark, was=names[mark])
    return found


def _with_ids(repository: Repository, held: Mapping[str, Held], max_file: int) -> dict[str, Held]:
    """Add the ids that the blobs of held files would have, without storing any."""
    plain = [
        path
        for path, one in held.items()
        if one.mark[0] <= max_file and "\n" not in path and os.access(repository.root / path, os.R_OK)
    ]

    def hash_all(paths: list[str]) -> list[str]:
        listed = b"".join(map(listable, paths))
        return repository.git.run("hash-object", "--no-filters", "--stdin-paths", stdin=listed).decode().split()

    oids = _of_those_there(repository, plain, hash_all)
    return {**held, **{path: held[path]._replace(oid=oid) for path, oid in oids.items()}}


def _of_those_there(
    repository: Repository, paths: Sequence[str], oids_of: Callable[[list[str]], list[str]]
) -> dict[str, str]:
    """Give the ids that files have; those that somebody takes away meanwhile, as editors do, have none."""
    while True:
        paths = [path for path in paths if (repository.root / path).is_file()]
        try:
            return dict(zip(paths, oids_of(paths), strict=True)) if paths else {}
        except (GitorchError, FileNotFoundError):
            if all((repository.root / path).is_file() for path in paths):
                raise


def files_of(repository: Repository, folder: str) -> list[str]:
    """List the paths of all plain files in a folder under `.tasks` of the work tree, ignored ones too."""
    top = repository.root / folder
    found: list[str] = []
    if top.is_symlink():
        return found

    def unseen(error: OSError) -> None:
        _refuse_unseen(Path(error.filename), error.strerror or str(error))

    for base, folders, names in os.walk(top, onerror=unseen):
        folders[:] = sorted(name for name in folders if not (Path(base) / name / ".git").exists())
        found += [os.path.relpath(os.path.join(base, name), repository.root) for name in sorted(names)]  # noqa: PTH118
    return [path for path in found if path.startswith(TASKS_DIR + "/")]


def copy_index(index: Path, to: Path) -> None:
    """Copy an index with its time, by which git knows which files were edited in the very instant they were read in."""
    try:
        shutil.copy2(index, to)
    except FileNotFoundError:
        to.unlink(missing_ok=True)


def read_in(repository: Repository, index: Path, paths: Iterable[str]) -> None:
    """Let an index hold some paths as the work tree does: their present content, or nothing."""
    folders: dict[Path, bool] = {repository.root: True}
    there = {path: _is_there(repository.root / path, folders) for path in paths}
    # what is gone goes first and by name: git looks for no file behind a link that took its folder's place
    gone = b"".join(
        b"0 %s\t%s\0" % (repository.null_oid.encode(), os.fsencode(path))
        for path, is_there in there.items()
        if not is_there
    )
    if gone:
        repository.git.run("update-index", "-z", "--index-info", stdin=gone, index=index)
    listed = b"".join(os.fsencode(path) + b"\0" for path, is_there in there.items() if is_there)
    if listed:
        repository.git.run("update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin=listed, index=index)


def _read_in_all(repository: Repository, index: Path, paths: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Read paths in, those that git refuses byte for byte; gives what it said of these."""
    try:
        read_in(repository, index, paths)
    except GitorchError:
        refused = {path: said for path in paths if (said := _refusal(repository, index, path)) is not None}
    else:
        return ()
    lines = []
    for path in refused:
        file = repository.root / path
        oid = repository.store.write_blob(file.read_bytes())
        mode = b"100755" if file.stat().st_mode & stat.S_IXUSR else b"100644"
        lines.append(b"%s %s 0\t%s\0" % (mode, oid.encode(), os.fsencode(path)))
    repository.git.run("update-index", "-z", "--index-info", stdin=b"".join(lines), index=index)
    return tuple(refused.items())


def _refusal(repository: Repository, index: Path, path: str) -> str | None:
    try:
        read_in(repository, index, [path])
    except GitorchError as error:
        if not os.access(repository.root / path, os.R_OK):
            raise
        return error.message
    return None


def _is_there(path: Path, folders: dict[Path, bool]) -> bool:
    """Tell whether git could hold what lies at a path: a file or link, in folders that are no links."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return (stat.S_ISREG(mode) or stat.S_ISLNK(mode)) and _is_reached(path.parent, folders)


def _is_reached(folder: Path, folders: dict[Path, bool]) -> bool:
    if folder not in folders:
        folders[folder] = not folder.is_symlink() and _is_reached(folder.parent, folders)
    return folders[folder]


def _holds_a_token(repository: Repository, path: str) -> bool:
    """Tell whether the last commit's version of a file has what looks like a token too: then it is known there."""
    there = None if "\n" in path else repository.objects.read(f"HEAD:{path}")
    return there is not None and holds_token(there.data)


def _scan(repository: Repository, index: Path, *, ignored: bool) -> _Found:
    options = ["--porcelain=v2", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty"]
    options += ["--ignored=matching"] if ignored else []
    done = repository.git.attempt("status", *options, index=index)
    out = repository.git.check(done, "status")
    for folder, why in _UNSEEN.findall(done.err):
        _refuse_unseen(repository.root / folder, why)
    changed: list[tuple[str, bool]] = []
    intended: list[str] = []
    left_out: list[str] = []
    staged = False
    for line in out.split(b"\0"):
        kind = line[:2]
        if kind == b"? ":
            changed.append((os.fsdecode(line[2:]).rstrip("/"), False))
        elif kind == b"! ":
            left_out.append(os.fsdecode(line[2:]))
        elif kind == b"1 ":
            fields = line.split(b" ", 8)
            staged = staged or fields[1][:1] != b"."
            if fields[1][1:] != b".":
                changed.append((os.fsdecode(fields[8]), fields[3] != _NO_MODE.encode()))
            if fields[1] == b".A":
                intended.append(os.fsdecode(fields[8]))
        elif kind == b"u ":
            path = os.fsdecode(line.split(b" ", 10)[10])
            raise GitorchError(f"{path} has conflicts that are not resolved", hint="resolve them and git add the file")
    return _Found(changed, staged, tuple(intended), tuple(left_out))


def _refuse_unseen(folder: Path, why: str) -> None:
    """Refuse to go on where a folder could not be listed just now: its files would pass for new ones later.

    One that we may not list is no matter: what is in it stays out of sight.

    Raises:
        GitorchError: it could be listed.
    """
    if os.access(folder, os.R_OK | os.X_OK):
        raise GitorchError(f"{folder}: cannot be listed: {why}", hint="try again; if it happens again look at the disk")


def with_raw_bytes(repository: Repository, snapshot: Snapshot, paths: Mapping[str, Entry | None]) -> Snapshot:
    """Keep, for the user's changed files, their very bytes where git's filters would change them."""
    plain = [path for path, entry in paths.items() if entry is not None and entry.mode.startswith("100")]
    lying = _of_those_there(repository, [path for path in plain if "\n" not in path], repository.store.hash_files)
    lying |= _of_those_there(
        repository,
        [path for path in plain if "\n" in path],
        lambda some: [repository.store.write_blob((repository.root / path).read_bytes()) for path in some],
    )
    if not lying:
        return snapshot
    raw = {path: oid for path, oid in lying.items() if (entry := paths[path]) is not None and entry.oid != oid}
    return snapshot._replace(raw=raw, exact=tuple(path for path in lying if path not in raw))


def mark_of(index: Path) -> tuple[int, ...]:
    """Give what changes when an index file does: git puts another in its place. A chmod, or a link to it, is none."""
    try:
        info = index.stat()
    except FileNotFoundError:
        return ()
    return info.st_size, info.st_mtime_ns, info.st_ino
