"""A small disk of our own, and what it holds if the power is cut now: just what has been synced to it, and no more.

The disk is a file with an ext4 in it, mounted by a loop device. What programs have written and not synced lies in the
kernel's memory and not in that file, since the file system is told to write nothing back by itself for ten minutes. So
a copy of the file is what a power cut would leave; mounting it replays the journal, as when a machine starts again.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from gitorch.git.torn import boot_id
from tests.reliability.kills import working_in

SIZE: Final = 48  # megabytes
_OPTIONS: Final = "loop,commit=600,noatime"
_STUCK: Final = 0.2  # seconds
_TOOLS: Final = ("mkfs.ext4", "mount", "umount", "losetup")


class Disk:
    """The disk, mounted at one place all its life, so that paths stay the same after a cut."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.image = folder / "disk.img"
        self.root = folder / "disk"
        self.root.mkdir()
        with self.image.open("wb") as file:
            file.truncate(SIZE << 20)
        _run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self.image))
        self._mount(self.image)

    def cut(self, name: str) -> Path:
        """Copy what is on the disk now, while nobody writes: the copy is of one moment."""
        copy = self.image.with_name(f"{name}.img")
        stopped = self._stop_all()
        try:
            _run("cp", "--sparse=always", str(self.image), str(copy))
        finally:
            _signal(stopped, signal.SIGCONT)
        return copy

    def _stop_all(self) -> set[int]:
        """Stop all that works on the disk, what it starts meanwhile too; gives the processes."""
        stopped: set[int] = set()
        deadline = time.monotonic() + _STUCK
        while moving := {pid for pid in working_in(self.root) if _state(pid) not in "TZX"}:
            _signal(moving - stopped, signal.SIGSTOP)
            stopped |= moving
            if time.monotonic() > deadline:  # one waits for the child that it has begun, and that is stopped
                _signal(stopped, signal.SIGCONT)
                time.sleep(_STUCK)
                return self._stop_all()
        return stopped

    def wake(self, copy: Path) -> None:
        """Start again after a cut: what the copy holds stands where the disk was. Nobody may be using that."""
        self.close()
        self._mount(copy)
        for repository in self.root.rglob(".git"):
            start_anew(repository.parent)

    def sync(self) -> None:
        """Have all that was written reach the disk."""
        _run("sync", "-f", str(self.root))

    def close(self) -> None:
        """Take the disk out."""
        _run("umount", str(self.root))

    def _mount(self, image: Path) -> None:
        _run("mount", "-o", _OPTIONS, str(image), str(self.root))


def start_anew(root: Path) -> None:
    """Have a repository look as if the machine had started since it was worked in."""
    mark, noted = root / ".git/gitorch/write.lock", root / ".git/gitorch/invocation.json"
    if mark.exists():
        times = mark.stat()
        mark.write_text("another boot\n")
        os.utime(mark, (times.st_atime, times.st_mtime))
    if noted.exists():
        noted.write_text(noted.read_text().replace(f'"{boot_id()}"', '"another boot"'))


def _signal(processes: Iterable[int], number: int) -> None:
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _state(pid: int) -> str:
    """Give a process's state as `proc(5)` has it: T has been stopped, Z and X have ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


@functools.cache
def missing() -> str | None:
    """Say why there can be no such disk here, None where there can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "only root on Linux can mount a disk of its own"
    absent = [tool for tool in _TOOLS if shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None]
    if absent:
        return f"{absent[0]} is not installed"
    found = subprocess.run(("losetup", "-f"), capture_output=True, check=False)
    return None if found.returncode == 0 else "there are no loop devices"
