"""What a power cut has torn of what an agent's own gits wrote: the index, and the branch.

Git by default syncs nothing of a commit made by hand or by an agent: no object, no index, no branch. Torn objects have
been put aside by whoever got the write lock first; here goes what still names one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gitorch.git import refs
from gitorch.git.objects import SUBMODULE_MODE
from gitorch.git.repository import Repository
from gitorch.git.torn import boot_id
from gitorch.guard.branch import BY_US, TORN
from gitorch.guard.index import user_index
from gitorch.guard.snapshot import Snapshot, mark_of

_SUBMODULE: Final = SUBMODULE_MODE.encode()  # its commit is in another repository
_MOVES: Final = 2000  # entries of a branch's log that are looked at


def mend_torn(
    repository: Repository, before: Snapshot | None, *, begin: str, branch: str | None, boot: str | None
) -> None:
    """Put index and branch back to what is whole, if the machine has started anew. Call it with the write lock held.

    Args:
        repository: where.
        before: the snapshot taken before the invocation, None where it had not come so far.
        begin: the commit from which it began, which was synced, and all before it.
        branch: the ref that HEAD pointed to, None where it was detached.
        boot: what told in which run of the machine it began.
    """
    if boot == boot_id():
        return
    if before is not None and mark_of(repository.index) != before.index_mark:
        _mend_index(repository)  # first: what it names, git takes for whole
    for ref in dict.fromkeys((branch or "HEAD", "HEAD")):
        _mend_ref(repository, ref, begin)


def _mend_index(repository: Repository) -> None:
    """Give paths of which the index names a torn file what they had before; new ones leave it."""
    now, was = (_entries(repository, index) for index in (repository.index, user_index(repository)))
    missing = _missing(repository, {line.split(b" ")[1] for path, line in now.items() if was.get(path) != line})
    torn = [path for path, line in now.items() if line.split(b" ")[1] in missing]
    if torn:
        none = b"0 " + repository.null_oid.encode() + b" 0"
        lines = b"".join(was.get(path, none) + b"\t" + path + b"\0" for path in torn)
        repository.git.run("update-index", "-z", "--index-info", stdin=lines)


def _entries(repository: Repository, index: Path) -> dict[bytes, bytes]:
    """List the files of an index by path; nothing of one that cannot be read, which has to be made anew as a whole."""
    listed = repository.git.attempt("ls-files", "-s", "-z", index=index).out.split(b"\0")
    pairs = (line.partition(b"\t")[::2] for line in listed if line and not line.startswith(_SUBMODULE))
    return {path: entry for entry, path in pairs}


def _missing(repository: Repository, oids: Iterable[bytes]) -> set[bytes]:
    listed = b"".join(oid + b"\n" for oid in oids)
    found = repository.git.run("cat-file", "--batch-check=", stdin=listed)
    return {line.split(b" ")[0] for line in found.splitlines() if line.endswith(b" missing")}


def _mend_ref(repository: Repository, ref: str, begin: str) -> None:
    """Put a ref back to the last commit that is whole, and let its log forget what is not."""
    emptied = _take_away_if_empty(repository.common_dir / ref)
    now = "" if emptied else repository.git.attempt("rev-parse", "-q", "--verify", ref).out.decode().strip()
    named = [*_named_since(repository, ref, begin), *([now] if now else [])]
    torn = {oid for oid in {*named} - {begin} if not _is_whole(repository, oid, begin)}
    if emptied or now in torn:
        to = next((oid for oid in reversed(named) if oid not in torn), begin)
        repository.git.check(refs.move(repository, ref, to, was=now or None, why=BY_US + TORN), "update-ref")
    if torn:
        repository.git.attempt("reflog", "expire", "--expire=never", "--expire-unreachable=never", "--stale-fix", ref)


def _take_away_if_empty(file: Path) -> bool:
    """Take a ref's file away that names nothing: git would not even move it."""
    if not file.is_file() or file.read_bytes().strip(b"\0\n"):
        return False
    file.unlink()
    return True


def _named_since(repository: Repository, ref: str, begin: str) -> list[str]:
    """List what a ref's log says that it has named since an invocation began, oldest first.

    The end of a log may not have reached the disk: so the commit from which an entry comes counts too.
    """
    folder = repository.git_dir if ref == "HEAD" else repository.common_dir
    try:
        log = Path(folder, "logs", ref).read_bytes().splitlines()[-_MOVES:]
    except OSError:
        return []
    named = [oid.decode() for line in log for oid in line.split(b" ", 2)[:2] if oid.isalnum()]
    return named[named.index(begin) + 1 :] if begin in named else []


def _is_whole(repository: Repository, commit: str, begin: str) -> bool:
    """Tell whether all that a commit has more than another is there."""
    return repository.git.ask("rev-list", "--objects", "--quiet", commit, f"^{begin}").code == 0
