"""Lock files that a dead git has left behind: told from those that somebody holds, and taken away if there is no doubt.

Git writes nothing into a lock file that tells whose it is, and closes it while a hook or an editor runs: that no
process has it open proves nothing. So a lock counts as a leftover only if it is our user's, has not changed for a
while, lies where all who could hold it can be seen from here, no process has it open, and no git works in this
repository. In doubt it stays.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from gitorch.git import files
from gitorch.git.locks import Busy, is_own_lock
from gitorch.git.repository import Repository
from gitorch.git.sight import sees_all

QUIET: Final = 5.0  # seconds that a lock has to be as it is before anybody asks whose it is
_PAUSE: Final = 0.5  # seconds, where all that an agent has started is dead
_POLL: Final = 0.02
_ASK: Final = 1.0  # seconds between two looks at all processes
_KERNELS: Final = frozenset({"step.lock", "write.lock"})  # ours: these files stay, and the kernel tells who holds them
_LOCKLESS: Final = frozenset(
    {b"cat-file", b"fsmonitor--daemon", b"hash-object", b"mktree"}
)  # they run for long, and hold no lock


def free(repository: Repository, *, wait: float, index: bool = False) -> None:
    """See that no lock is in the way of moving the branch; those of living ones are waited for.

    Args:
        repository: where.
        wait: for how many seconds.
        index: whether the index's lock must be out of the way too, because git itself is to take it.

    Raises:
        Busy: one is held, or may be.
    """
    deadline = time.monotonic() + wait
    own = [repository.git_dir / "index.lock"] if index else []
    for lock in (*own, *_of_others(repository)):
        _wait(repository, lock, deadline)


def clear(repository: Repository, *, since: float) -> None:
    """Take away what an invocation has left that began at `since` and of which nothing lives any more."""
    for lock in (repository.git_dir / "index.lock", *_of_others(repository), *_of_own_refs(repository)):
        with suppress(OSError):
            mark = lock.lstat()
            if mark.st_mtime >= since - 1:
                age = time.time() - mark.st_ctime
                time.sleep(max(0.0, min(_PAUSE, _PAUSE - age)))
                take_away(repository, lock, quiet=_PAUSE / 2)


def clear_own_refs(repository: Repository) -> None:
    """Take away locks on refs that none but gitorch writes, and holds the write lock for: call it with that held."""
    for lock in _of_own_refs(repository):
        take_away(repository, lock, quiet=0.0)


def in_the_way(repository: Repository) -> bool:
    """Tell whether there is a lock that keeps the branch from being moved."""
    return any(map(_is_there, _of_refs(repository)))


def busy(lock: Path) -> Busy:
    """Say that a lock is in the way."""
    return Busy(
        f"{lock} is held by another git process",
        "wait until it has ended; if no git runs here any more, the file is a leftover and may be removed",
    )


def take_away(repository: Repository, lock: Path, *, quiet: float | None = None) -> bool:
    """Take a lock away if it certainly is a leftover; tells whether it is gone."""
    quiet = QUIET if quiet is None else quiet
    try:
        mark = lock.lstat()
        if not stat.S_ISREG(mark.st_mode) or mark.st_uid != os.geteuid() or is_own_lock(lock):
            return False
        if abs(time.time() - mark.st_ctime) < quiet or not sees_all(repository.git_dir):
            return False
        if _is_in_use(lock, mark, _places(repository)):
            return False
        now = lock.lstat()  # who has made it anew since would be a living one
        if (now.st_ino, now.st_ctime_ns) == (mark.st_ino, mark.st_ctime_ns):
            lock.unlink()
            return True
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _wait(repository: Repository, lock: Path, deadline: float) -> None:
    asked = -_ASK
    while _is_there(lock):
        now = time.monotonic()
        if now - asked >= _ASK or now >= deadline:
            asked = now
            if take_away(repository, lock):
                return
        if now >= deadline:
            raise busy(lock)
        time.sleep(_POLL)


def _is_there(lock: Path) -> bool:
    return os.path.lexists(lock)


def _of_others(repository: Repository) -> Iterator[Path]:
    yield from _of_refs(repository)
    yield from _of_scratch(repository)


def _of_refs(repository: Repository) -> Iterator[Path]:
    yield repository.git_dir / "HEAD.lock"
    yield repository.common_dir / "packed-refs.lock"
    with suppress(OSError, UnicodeError):
        head = (repository.git_dir / "HEAD").read_text().strip()
        if head.startswith("ref: "):
            yield repository.common_dir / f"{head.removeprefix('ref: ')}.lock"


def _of_scratch(repository: Repository) -> Iterator[Path]:
    """List locks on our private indexes."""
    with suppress(OSError):
        for name in sorted(os.listdir(repository.scratch)):  # noqa: PTH208 - names are all we want
            if name.endswith(".lock") and name not in _KERNELS:
                yield repository.scratch / name


def _of_own_refs(repository: Repository) -> list[Path]:
    return sorted((repository.common_dir / "refs" / "gitorch").rglob("*.lock"))


def _places(repository: Repository) -> list[str]:
    """List the folders of this repository: its git folder and all its worktrees."""
    found = {repository.root, repository.git_dir, repository.common_dir}
    if repository.common_dir.name == ".git":
        found.add(repository.common_dir.parent)
    for linked in files.listed(repository.common_dir / "worktrees"):
        with suppress(FileNotFoundError, NotADirectoryError, UnicodeError):
            found.add(Path((linked / "gitdir").read_text().strip()).parent)
    return sorted({os.path.realpath(place) for place in found})


def _is_in_use(lock: Path, mark: os.stat_result, places: list[str]) -> bool:
    """Tell whether any process may hold a lock of our user's."""
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are all we want
        if name.isdigit() and int(name) != os.getpid():
            try:
                if _may_hold(Path("/proc", name), lock, mark, places):
                    return True
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
    return False


def _may_hold(process: Path, lock: Path, mark: os.stat_result, places: list[str]) -> bool:
    if process.stat().st_uid != mark.st_uid:
        return False  # the file would be its user's
    if (process / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] in "ZX":
        return False
    name = (process / "comm").read_text(errors="replace").strip()
    is_git = name == "git" or name.startswith("git-")
    try:
        return _has_open(process, lock, mark) or (is_git and _works_here(process, places))
    except PermissionError:
        return is_git


def _has_open(process: Path, lock: Path, mark: os.stat_result) -> bool:
    for fd in os.listdir(process / "fd"):  # noqa: PTH208 - names are all we want
        link = process / "fd" / fd
        with suppress(FileNotFoundError):
            if os.path.basename(os.readlink(link)) == lock.name:  # noqa: PTH115, PTH119 - a link of the kernel's
                there = link.stat()
                if (there.st_dev, there.st_ino) == (mark.st_dev, mark.st_ino):
                    return True
    return False


def _works_here(process: Path, places: list[str]) -> bool:
    """Tell whether a git process may work in one of the folders."""
    words = (process / "cmdline").read_bytes().split(b"\0")
    if _subcommand(words) in _LOCKLESS:
        return False
    there = os.readlink(process / "cwd")  # noqa: PTH115 - a link of the kernel's, maybe to nowhere
    return _is_in(there, places) or any(
        not os.path.exists(named) or _is_in(named, places)  # noqa: PTH110 - a path may be relative to where it was
        for named in (os.path.realpath(os.path.join(there, told)) for told in _named(process, words))  # noqa: PTH118
    )


def _is_in(path: str, places: list[str]) -> bool:
    return any(path == place or path.startswith(place + "/") for place in places)


def _named(process: Path, words: list[bytes]) -> Iterator[str]:
    """Give the git folders that a process was told to work in, wherever it stands."""
    for word in (process / "environ").read_bytes().split(b"\0"):
        if word.startswith(b"GIT_DIR="):
            yield os.fsdecode(word[8:])
    for word, following in zip(words, [*words[1:], b""], strict=True):
        if word.startswith(b"--git-dir"):
            yield os.fsdecode(word.partition(b"=")[2] or following)


def _subcommand(words: list[bytes]) -> bytes:
    rest = iter(words[1:])
    for word in rest:
        if word in (b"-c", b"-C"):
            next(rest, b"")
        elif not word.startswith(b"-"):
            return word
    return b""
