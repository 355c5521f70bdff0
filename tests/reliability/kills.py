"""Run gitorch so that it is killed by SIGKILL at a chosen moment: at its n-th write or start of a program.

Nothing in gitorch knows of this. The process is a fork of the tests' own, in which Python itself tells (by its audit
events) before a file is written, moved, linked or removed and before a program is started.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from gitorch import output
from gitorch.__main__ import _run
from gitorch.agents import descendants

_MOVES: Final = frozenset(
    f"os.{name}" for name in ("rename", "remove", "link", "symlink", "mkdir", "rmdir", "truncate", "chmod", "utime")
)
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_READS: Final = frozenset(
    {
        *("cat-file", "rev-parse", "merge-base", "rev-list", "log", "ls-files", "ls-tree", "diff-tree", "status"),
        *("for-each-ref", "check-ref-format", "var", "version"),
    }
)
_READ_FORMS: Final = (("symbolic-ref", "-q"), ("config", "--list"))
STARTS: Final = "start"
OPENS: Final = "open"


class Point(NamedTuple):
    """A moment: before or after the n-th event, counted from 1; `during` is while a program that was started runs."""

    number: int
    when: str = "before"

    def __str__(self) -> str:
        return f"{self.when} {self.number}"


class Played(NamedTuple):
    """What a run came to; a code of -9 tells that it was killed."""

    code: int
    events: list[str]
    said: str


def points(events: Sequence[str]) -> list[Point]:
    """List all moments of a run that differ by what a dead process leaves: what is on the disk, and what still runs.

    After an event is before the next one, but for two: an opened file is empty, and a started program does its work.
    A git that only reads makes no difference.
    """
    found: list[Point] = []
    for number, event in enumerate(events, 1):
        if number == 1 or not _only_reads(events[number - 2]):
            found.append(Point(number))
        if _only_reads(event):
            continue
        if event.startswith(OPENS):
            found.append(Point(number, "after"))
        elif event.startswith(STARTS):
            found += [Point(number, "during"), Point(number, "after")]
    if events:
        found.append(Point(len(events), "after"))
    return list(dict.fromkeys(found))


def _only_reads(event: str) -> bool:
    words = event.split()
    return words[:2] == [STARTS, "git"] and (words[2] in _READS or tuple(words[2:4]) in _READ_FORMS)


def play(
    root: Path,
    *args: str,
    at: Point | None = None,
    after: float | None = None,
    together: bool = False,
    temporary: Path | None = None,
) -> Played:
    """Run gitorch in a process of its own, to be killed at a moment; where there is none such, it ends by itself.

    Args:
        root: where.
        args: its command line.
        at: the event at which it is killed.
        after: how many seconds from now it is killed instead, from outside.
        together: whether all that it has started is killed with it then.
        temporary: the folder for its temporary files.
    """
    with tempfile.TemporaryDirectory() as folder:
        log, said = Path(folder, "events"), Path(folder, "said")
        log.touch()
        said.touch()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads, which the child never uses
            pid = os.fork()
        if pid == 0:
            _child(root, args, at, temporary, log, said)
        if after is not None:
            _kill_later(pid, root, after, together=together)
        status = os.waitpid(pid, 0)[1]
        return Played(os.waitstatus_to_exitcode(status), log.read_text().splitlines(), said.read_text(errors="replace"))


def _kill_later(pid: int, root: Path, seconds: float, *, together: bool) -> None:
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    if together:
        kill_all_in(root, {os.getpid(), pid})


def kill_all_in(root: Path, spared: Collection[int] = ()) -> None:
    """Kill all that works in a folder."""
    for pid in working_in(root) - {*spared}:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def working_in(root: Path) -> set[int]:
    """List the processes whose folder is one, or below it."""
    found = set()
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and str((process / "cwd").readlink()).startswith(str(root)):
                found.add(int(process.name))
    return found


def _child(root: Path, args: Sequence[str], at: Point | None, temporary: Path | None, log: Path, said: Path) -> None:
    code = 99
    try:
        os.setsid()
        os.chdir(root)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        out = os.open(said, os.O_WRONLY | os.O_CREAT)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.stdout, sys.stderr = (os.fdopen(fd, "w", closefd=False) for fd in (1, 2))
        sys.dont_write_bytecode = True
        if temporary is not None:
            os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
        output.setup()
        descendants._adopts = False
        _watch(_Killer(at or Point(0), os.open(log, os.O_WRONLY | os.O_APPEND)))
        code = _run(list(args))
        sys.stdout.flush()
    finally:
        os._exit(code)


class _Killer:
    """Counts the events of its own process, and ends it at a moment."""

    def __init__(self, at: Point, log: int) -> None:
        self.at, self.log = at, log
        self.counted = 0
        self.marked: list[subprocess.Popen[bytes]] = []

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        shown = _shown(event, args)
        if shown is None:
            return
        self.counted += 1
        os.write(self.log, shown.replace("\n", " ").encode(errors="replace") + b"\n")
        if self.counted == self.at.number and self.at.when == "before":
            die()
        elif self.counted == self.at.number and not shown.startswith(STARTS):
            self.counted = -1_000_000  # what follows is our own
            _do(event, args)
            die()

    def started(self, start: Callable[..., None]) -> Callable[..., None]:
        def inner(process: subprocess.Popen[bytes], *args: Any, **kwargs: Any) -> None:
            was = self.counted
            start(process, *args, **kwargs)
            if was < self.at.number <= self.counted:
                if self.at.when == "during":
                    die()
                self.marked.append(process)

        return inner

    def ended(self, of: Callable[..., Any]) -> Callable[..., Any]:
        def inner(process: subprocess.Popen[bytes], *args: Any, **kwargs: Any) -> Any:
            given = of(process, *args, **kwargs)
            if process in self.marked and process.returncode is not None:
                die()
            return given

        return inner


def _watch(killer: _Killer) -> None:
    sys.addaudithook(killer.hear)
    patched: Any = subprocess.Popen
    patched.__init__ = killer.started(patched.__init__)
    for name in ("communicate", "wait", "poll"):
        setattr(patched, name, killer.ended(getattr(patched, name)))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _shown(event: str, args: tuple[Any, ...]) -> str | None:
    if event in _MOVES:
        return f"{event.removeprefix('os.')} {_path(args[0])}"
    if event == "open" and isinstance(args[2], int) and args[2] & _WRITES and not _is_device(args[0]):
        return f"{OPENS} {_path(args[0])}"
    if event == "subprocess.Popen":
        return f"{STARTS} {' '.join(map(os.fsdecode, args[1]))[:120]}"
    return None


def _path(value: Any) -> str:
    return os.fsdecode(value) if isinstance(value, str | bytes | os.PathLike) else str(value)


def _is_device(value: Any) -> bool:
    return isinstance(value, int) or _path(value).startswith(("/dev/", "/proc/"))


def _do(event: str, args: tuple[Any, ...]) -> None:
    """Do what is about to be done, as it would be."""
    if event == "open":
        os.open(args[0], args[2], 0o600)
    elif event in ("os.rename", "os.link", "os.symlink"):
        getattr(os, event.removeprefix("os."))(args[0], args[1])
    elif event == "os.remove":
        dir_fd = args[1] if len(args) > 1 and args[1] != -1 else None
        os.remove(args[0], dir_fd=dir_fd)
    elif event in ("os.mkdir", "os.rmdir"):
        getattr(os, event.removeprefix("os."))(args[0])


def tell(line: str) -> None:
    """Print a figure or a seed."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Room:
    """A folder that is made anew again and again as it was, at the very same place: paths are written down in it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.root = place / "repo"
        self.temporary = place / "tmp"
        self._kept = place.with_name(place.name + "-kept")
        self.temporary.mkdir(parents=True)

    def keep(self) -> None:
        """Remember how it is now."""
        shutil.copytree(self.place, self._kept, symlinks=True)

    def again(self) -> None:
        """Make it as it was remembered."""
        shutil.rmtree(self.place)
        subprocess.run(("cp", "-a", str(self._kept), str(self.place)), check=True)

    def play(self, *args: str, at: Point | None = None, after: float | None = None, together: bool = False) -> Played:
        return play(self.root, *args, at=at, after=after, together=together, temporary=self.temporary)
