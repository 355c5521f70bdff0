"""What a power cut has torn of what an agent's own gits wrote: the index, and refs with their logs.

Git by default syncs nothing of a commit made by hand or by an agent: no object, no index, no ref. Torn objects have
been put aside by whoever got the write lock first; here goes what still names one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from gitorch.git import files, refs
from gitorch.git.objects import SUBMODULE_MODE
from gitorch.git.process import GitError
from gitorch.git.repository import Repository
from gitorch.guard.branch import BY_US, TORN
from gitorch.guard.commits import reflog_mark
from gitorch.guard.index import user_index
from gitorch.guard.snapshot import Snapshot, mark_of

_FOUND: Final = "found after a power cut"
_SUBMODULE: Final = SUBMODULE_MODE.encode()  # its commit is in another repository
_MOVES: Final = 2000  # entries of a ref's log that are looked at
_LATE: Final = 2.0  # seconds: clocks of files are coarse
_STALE: Final = ("--expire=never", "--expire-unreachable=never", "--stale-fix")


def mend(
    repository: Repository,
    before: Snapshot | None,
    *,
    begin: str,
    branch: str | None,
    invocation: str,
    started: float,
) -> None:
    """Put index and refs back to what is whole after a power cut. Call it with the write lock held.

    Args:
        repository: where.
        before: the snapshot taken before the invocation, None where it had not come so far.
        begin: the commit from which it began, which was synced, and all before it.
        branch: the ref that HEAD pointed to, None where it was detached.
        invocation: its id.
        started: when it began, in seconds since 1970.
    """
    if before is not None and mark_of(repository.index) != before.index_mark:
        _mend_index(repository)  # first: what it names, git takes for whole
    if not _is_whole(repository, begin, begin=begin):
        return  # what was synced cannot be read either: git does not tell what is torn
    found = [*dict.fromkeys((branch or "HEAD", *_moved_since(repository, started), "HEAD"))]
    torn = [ref for ref in found if _mend_ref(repository, ref, begin, needed=ref in (branch, "HEAD"))]
    if torn or not all(_log(repository, ref, begin).whole for ref in found):
        for ref in found:
            if _log_file(repository, ref).exists():
                repository.git.check(repository.git.ask("reflog", "expire", *_STALE, ref), "reflog expire")
    if repository.branch() == branch:
        _tell_of_commits(repository, begin, invocation)


def _mend_index(repository: Repository) -> None:
    """Give paths of which the index names a torn file what they had before; new ones leave it."""
    if not _is_index_whole(repository):
        repository.index.unlink(missing_ok=True)  # what had been staged is put back from the snapshot
        return
    now, was = (_entries(repository, index) for index in (repository.index, user_index(repository)))
    missing = repository.objects.missing({line.split(b" ")[1] for path, line in now.items() if was.get(path) != line})
    torn = [path for path, line in now.items() if line.split(b" ")[1] in missing]
    if torn:
        none = b"0 " + repository.null_oid.encode() + b" 0"
        lines = b"".join(was.get(path, none) + b"\t" + path + b"\0" for path in torn)
        repository.git.run("update-index", "-z", "--index-info", stdin=lines)


def _is_index_whole(repository: Repository) -> bool:
    """Tell whether an index is what its last bytes say, the hash of all before; git itself does not look at them."""
    data = repository.index.read_bytes() if repository.index.exists() else b""
    kind = hashlib.sha1 if len(repository.null_oid) == 40 else hashlib.sha256  # noqa: PLR2004 - SHA-1's digits
    size = kind().digest_size
    told = data[-size:]
    if any(told) and kind(data[:-size], usedforsecurity=False).digest() != told:  # index.skipHash leaves zeros there
        return False
    return repository.git.ask("ls-files", "-s").code == 0


def _entries(repository: Repository, index: Path) -> dict[bytes, bytes]:
    """List the files of an index by path."""
    listed = repository.git.run("ls-files", "-s", "-z", index=index).split(b"\0")
    pairs = (line.partition(b"\t")[::2] for line in listed if line and not line.startswith(_SUBMODULE))
    return {path: entry for entry, path in pairs}


def _moved_since(repository: Repository, started: float) -> Iterator[str]:
    """List the refs whose files are not older than an invocation, whoever made them; ours are synced."""
    folders = [repository.common_dir / "refs"]
    for folder in folders:
        for path in files.listed(folder):
            ref = path.relative_to(repository.common_dir).as_posix()
            if path.is_dir():
                folders += [path] if ref != "refs/gitorch" else []
            elif path.is_file() and path.stat().st_mtime >= started - _LATE:
                yield ref


def _mend_ref(repository: Repository, ref: str, begin: str, *, needed: bool) -> bool:
    """Put a ref back to the last that is whole of what it has named; tells whether it was torn.

    One that never named anything whole is taken away, or put where the invocation began if it is needed.
    """
    if ref == "HEAD" and repository.branch() is not None:
        return False  # it is where its branch is
    file = repository.common_dir / ref
    emptied = ref != "HEAD" and file.is_file() and not file.read_bytes().strip(b"\0\n")
    now = "" if emptied else repository.git.ask("rev-parse", "-q", "--verify", ref, answers=(0, 1)).out.decode().strip()
    if _is_whole(repository, now, begin=begin) if now else not (emptied or needed):
        return False
    former = reversed(_log(repository, ref, begin).named)
    to = next((oid for oid in former if oid != now and _is_whole(repository, oid, begin=begin)), None)
    if to is None and not needed:
        file.unlink()
        _log_file(repository, ref).unlink(missing_ok=True)
        return True
    if emptied:
        file.unlink()  # no git moves a ref that is empty
    repository.git.check(refs.move(repository, ref, to or begin, was=now or None, why=BY_US + TORN), "update-ref")
    return True


class _Log(NamedTuple):
    """What a ref's log says that it has named, oldest first, and whether all of that is there."""

    named: list[str]
    whole: bool


def _log_file(repository: Repository, ref: str) -> Path:
    return Path(repository.git_dir if ref == "HEAD" else repository.common_dir, "logs", ref)


def _log(repository: Repository, ref: str, begin: str) -> _Log:
    """Read a ref's log since an invocation began, or all of it where it does not tell of that.

    The end of a log may not have reached the disk: so the commit from which an entry comes counts too, and what is no
    entry at its end is cut off, for git would write on behind it.
    """
    path = _log_file(repository, ref)
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return _Log([], whole=True)
    entries = data[: data.rstrip(b"\0").rfind(b"\n") + 1]
    if entries != data:
        files.replace(path, entries)
    pairs = [entry.split(b" ", 2)[:2] for entry in entries.splitlines()[-_MOVES:]]
    named = [oid for pair in pairs for oid in pair if oid.isalnum() and oid.strip(b"0")]
    named = named[named.index(begin.encode()) + 1 :] if begin.encode() in named else named
    missing = repository.objects.missing(named)
    there = [oid.decode() for oid in dict.fromkeys(reversed(named)) if oid not in missing][::-1]
    return _Log(there, whole=not missing and _is_whole(repository, *there, begin=begin))


def _tell_of_commits(repository: Repository, begin: str, invocation: str) -> None:
    """Have HEAD's log lead to where HEAD is: commits that it does not know of are taken for the agent's."""
    head = repository.objects.commit("HEAD")
    named = _log(repository, "HEAD", begin).named
    if head is None or head.oid in (begin, *named):
        return
    last = named[-1] if named else begin
    for to, was, why in ((last, head.oid, BY_US + TORN), (head.oid, last, f"{reflog_mark(invocation)}: {_FOUND}")):
        repository.git.check(refs.move(repository, "HEAD", to, was=was, why=why), "update-ref")


def _is_whole(repository: Repository, *commits: str, begin: str) -> bool:
    """Tell whether all that commits have more than another is there; gits since 2.45 pass over a lack of those."""
    if repository.objects.missing(map(str.encode, (*commits, begin))):
        return False
    options = ("--objects", "--quiet", "--missing=allow-promisor")
    args = ("-c", "core.commitGraph=false", "rev-list", *options, *commits, f"^{begin}")
    try:
        return repository.git.ask(*args).code == 0
    except GitError:
        return False
