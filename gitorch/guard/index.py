"""The user's index: as it was before an invocation, what has become of it, and what no tree can tell put back."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gitorch.git.objects import SUBMODULE_MODE
from gitorch.git.repository import Repository
from gitorch.git.trees import Diff, diff
from gitorch.guard.snapshot import Snapshot, copy_index, mark_of


def user_index(repository: Repository) -> Path:
    """Give where the user's index is kept as it was before an invocation."""
    return repository.scratch / "user.index"


def keep_user_index(repository: Repository) -> None:
    """Keep the user's index as it is now; git never writes into one, but puts another in its place."""
    kept = user_index(repository)
    kept.unlink(missing_ok=True)
    try:
        os.link(repository.index, kept)
    except OSError:  # there is none, or the file system has no links
        copy_index(repository.index, kept)


def restaged(repository: Repository, before: Snapshot) -> Diff:
    """List what has changed in the user's index since a snapshot; paths in conflict count as taken out."""
    if mark_of(repository.index) == before.index_mark:
        return {}
    _, unmerged, tree = present_index(repository)
    return {**{os.fsdecode(path): (None, None) for path in unmerged}, **diff(repository, before.staged, tree)}


def present_index(repository: Repository) -> tuple[Path, set[bytes], str]:
    """Copy the user's index as it is now, without paths in conflict; gives the copy, those paths, and its tree."""
    copy = repository.scratch / "staged.index"
    copy_index(repository.index, copy)
    out = repository.git.run("ls-files", "-u", "-z", index=copy)
    unmerged = {line.partition(b"\t")[2] for line in out.split(b"\0") if line}
    if unmerged:
        lines = b"".join(b"0 %s\t%s\0" % (repository.null_oid.encode(), path) for path in unmerged)
        repository.git.run("update-index", "-z", "--index-info", stdin=lines, index=copy)
    done = repository.git.attempt("write-tree", index=copy)
    if done.code != 0:
        _take_out_missing(repository, copy)
        done = repository.git.attempt("write-tree", index=copy)
    return copy, unmerged, repository.git.check(done, "write-tree").decode().strip()


def _take_out_missing(repository: Repository, copy: Path) -> None:
    """Take entries out of the user's index, and of a copy, whose files are not in the repository: no git can commit."""
    listed = repository.git.run("ls-files", "-s", "-z", index=copy).split(b"\0")
    entries = [line.partition(b"\t") for line in listed if line and not line.startswith(SUBMODULE_MODE.encode())]
    missing = repository.objects.missing({about.split(b" ")[1] for about, _, _ in entries})
    paths = b"".join(path + b"\0" for about, _, path in entries if about.split(b" ")[1] in missing)
    for index in (copy, None):
        repository.git.run("update-index", "--force-remove", "-z", "--stdin", stdin=paths, index=index)


def skipped(repository: Repository, made: Diff) -> frozenset[str]:
    """List files that are gone from the work tree because a sparse checkout leaves them out now."""
    gone = [path for path, (_, new) in made.items() if new is None]
    if not gone:
        return frozenset()
    listed = repository.git.run("ls-files", "-t", "-z").split(b"\0")
    return frozenset(gone) & {os.fsdecode(line[2:]) for line in listed if line.startswith(b"S ")}


def put_marks_back(repository: Repository, before: Snapshot) -> bool:
    """Take marks of `git add -N` away that the user had not set; tells whether their index has changed at all.

    No tree can tell of these marks. Call it before a record is added, which changes the index too.
    """
    if mark_of(repository.index) == before.index_mark:
        return False
    copy, _, tree = present_index(repository)
    new = _intended(repository, copy, tree) - _intended(repository, user_index(repository), before.staged)
    if new:
        listed = b"".join(path + b"\0" for path in new)
        repository.git.attempt("update-index", "--force-remove", "-z", "--stdin", stdin=listed)
    return True


def _intended(repository: Repository, index: Path, tree: str) -> set[bytes]:
    """List what an index has and its tree has not."""
    known = {*repository.git.run("ls-files", "-z", index=index).split(b"\0")}
    return known - {*repository.git.run("ls-tree", "-r", "-z", "--name-only", tree).split(b"\0")}


def put_flags_back(repository: Repository, *, of_files_here: bool = False) -> None:
    """Set `assume-unchanged` and `skip-worktree` in the user's index as they were, once a record has been added.

    Where only those `of_files_here` count, files stay left out that a sparse checkout leaves out now.
    """
    kept = user_index(repository)
    if kept.exists():
        was, now = _flags(repository, kept), _flags(repository, repository.index)
        if of_files_here:
            was, now = (_of_files_here(repository, each) for each in (was, now))
        _flag(repository, None, was, now)


def flag_again(repository: Repository, index: Path) -> None:
    """Set the flags of the user's index in one of ours that was made anew from a tree, which knows of none."""
    kept = user_index(repository)
    _flag(repository, index, _flags(repository, kept if kept.exists() else repository.index), {})


def unflagged(repository: Repository, paths: Sequence[str]) -> Path | None:
    """Copy the user's index without flags that keep git from looking at some files; None where there are none here."""
    listed = repository.git.run("ls-files", "-v", "-z", "--", *paths).split(b"\0")
    flags = _of_files_here(repository, _read_flags(listed))
    if not flags:
        return None
    copy = repository.scratch / "unflagged.index"
    copy_index(repository.index, copy)
    _flag(repository, copy, {}, flags)
    return copy


def _of_files_here(repository: Repository, flags: Mapping[bytes, str]) -> dict[bytes, str]:
    return {path: each for path, each in flags.items() if os.path.lexists(repository.root / os.fsdecode(path))}


def _flag(repository: Repository, index: Path | None, wanted: Mapping[bytes, str], now: Mapping[bytes, str]) -> None:
    for letter, option in (("a", "assume-unchanged"), ("s", "skip-worktree")):
        for there, here, prefix in ((wanted, now, ""), (now, wanted, "no-")):
            paths = [path for path, flags in there.items() if letter in flags and letter not in here.get(path, "")]
            if paths:
                known = {*repository.git.run("ls-files", "-z", index=index).split(b"\0")}  # at another git would stop
                listed = b"".join(path + b"\0" for path in paths if path in known)
                args = ("update-index", f"--{prefix}{option}", "-z", "--stdin")
                repository.git.attempt(*args, stdin=listed, index=index)


def _flags(repository: Repository, index: Path) -> dict[bytes, str]:
    """List the flagged paths of an index: `a` stands for assume-unchanged, `s` for skip-worktree."""
    return _read_flags(repository.git.run("ls-files", "-v", "-z", index=index).split(b"\0"))


def _read_flags(listed: Iterable[bytes]) -> dict[bytes, str]:
    found = {}
    for line in listed:
        flags = ("a" if line[:1].islower() else "") + ("s" if line[:1] in (b"S", b"s") else "")
        if flags:
            found[line[2:]] = flags
    return found


def intend_again(repository: Repository, before: Snapshot) -> None:
    """Mark again what the user had marked by `git add -N` where the mark is gone."""
    if not before.intended:
        return
    known = repository.git.run("ls-files", "-z", "--", *before.intended).split(b"\0")
    gone = [path for path in before.intended if os.fsencode(path) not in known and (repository.root / path).is_file()]
    if gone:
        repository.git.attempt("add", "-N", "--", *gone)


def forget_times(repository: Repository, paths: Sequence[str]) -> None:
    """Let the user's index find out anew whether files are as it has them: of another size they pass for changed."""
    wanted = {os.fsencode(path) for path in paths}
    known = repository.git.run("ls-files", "-s", "-z").split(b"\0")
    listed = b"".join(line + b"\0" for line in known if line.partition(b"\t")[2] in wanted)
    repository.git.attempt("update-index", "-z", "--index-info", stdin=listed)
    names = b"".join(path + b"\0" for path in wanted)
    repository.git.attempt("add", "--refresh", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=names)
