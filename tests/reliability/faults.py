"""Run gitorch so that the n-th system call of it and of the gits that it starts fails, as on a bad or full disk.

The kernel asks us before each call (seccomp's user notification): so calls are counted over all processes together,
and only those on the repository's own files count. Pipes, the terminal and Python's modules are left alone.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import functools
import os
import platform
import select
import socket
import struct
import sys
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from gitorch import output
from gitorch.__main__ import _run
from gitorch.agents import descendants

_AT_FDCWD: Final = -100
_CLONE_THREAD: Final = 0x10000


class _Call(NamedTuple):
    """How a system call tells what it works on: by a descriptor, or by a path that may be relative to one."""

    kind: str
    fd: int | None = None
    path: int | None = None
    base: int | None = None
    flags: int | None = None


_CALLS: Final = {
    "write": _Call("write", fd=0),
    "pwrite64": _Call("write", fd=0),
    "writev": _Call("write", fd=0),
    "sendfile": _Call("write", fd=0),
    "copy_file_range": _Call("write", fd=2),
    "ftruncate": _Call("write", fd=0),
    "fsync": _Call("fsync", fd=0),
    "fdatasync": _Call("fsync", fd=0),
    "syncfs": _Call("fsync", fd=0),
    "open": _Call("open", path=0, flags=1),
    "openat": _Call("open", path=1, base=0, flags=2),
    "rename": _Call("rename", path=1),
    "renameat": _Call("rename", path=3, base=2),
    "renameat2": _Call("rename", path=3, base=2),
    "link": _Call("link", path=1),
    "linkat": _Call("link", path=3, base=2),
    "symlink": _Call("link", path=1),
    "symlinkat": _Call("link", path=2, base=1),
    "unlink": _Call("unlink", path=0),
    "unlinkat": _Call("unlink", path=1, base=0),
    "rmdir": _Call("unlink", path=0),
    "mkdir": _Call("mkdir", path=0),
    "mkdirat": _Call("mkdir", path=1, base=0),
    "clone": _Call("fork", flags=0),
    "clone3": _Call("fork"),
    "fork": _Call("fork"),
    "vfork": _Call("fork"),
    "execve": _Call("execve", path=0),
}
_X86: Final = {
    "write": 1,
    "open": 2,
    "pwrite64": 18,
    "writev": 20,
    "sendfile": 40,
    "clone": 56,
    "fork": 57,
    "vfork": 58,
    "execve": 59,
    "fsync": 74,
    "fdatasync": 75,
    "ftruncate": 77,
    "rename": 82,
    "mkdir": 83,
    "rmdir": 84,
    "link": 86,
    "unlink": 87,
    "symlink": 88,
    "openat": 257,
    "mkdirat": 258,
    "unlinkat": 263,
    "renameat": 264,
    "linkat": 265,
    "symlinkat": 266,
    "syncfs": 306,
    "renameat2": 316,
    "copy_file_range": 326,
    "clone3": 435,
}
_ARM: Final = {
    "mkdirat": 34,
    "unlinkat": 35,
    "symlinkat": 36,
    "linkat": 37,
    "renameat": 38,
    "ftruncate": 46,
    "openat": 56,
    "write": 64,
    "writev": 66,
    "pwrite64": 68,
    "sendfile": 71,
    "fsync": 82,
    "fdatasync": 83,
    "syncfs": 267,
    "clone": 220,
    "execve": 221,
    "renameat2": 276,
    "copy_file_range": 285,
    "clone3": 435,
}
_MACHINES: Final = {"x86_64": (0xC000003E, _X86, 317), "aarch64": (0xC00000B7, _ARM, 277)}

ERRORS: Final = {
    "write": (errno.ENOSPC, errno.EIO),
    "fsync": (errno.EIO, errno.ENOSPC),
    "open": (errno.EMFILE, errno.EACCES, errno.EIO, errno.ENOSPC),
    "rename": (errno.EACCES, errno.EIO, errno.ENOSPC),
    "link": (errno.EACCES, errno.ENOSPC, errno.EIO),
    "unlink": (errno.EACCES, errno.EIO),
    "mkdir": (errno.ENOSPC, errno.EACCES, errno.EIO),
    "fork": (errno.EAGAIN, errno.ENOMEM),
    "execve": (errno.ENOMEM, errno.EACCES, errno.EIO),
}
_TAKES_ROOM: Final = ("write", "link", "mkdir", "create")


class Event(NamedTuple):
    """A call that could fail; `path` is what it works on, empty for a fork."""

    kind: str
    path: str
    program: str

    def __str__(self) -> str:
        return f"{self.program}: {self.kind} {self.path}"


class Fault(NamedTuple):
    """What fails: the n-th call, counted from 1; with `on`, all from there that need room on the disk."""

    number: int
    error: int
    on: bool = False

    def __str__(self) -> str:
        return f"{errno.errorcode[self.error]} {'from' if self.on else 'at'} {self.number}"

    def hits(self, number: int, event: Event) -> bool:
        return number == self.number or (self.on and number > self.number and event.kind in _TAKES_ROOM)


class Played(NamedTuple):
    """What a run came to; `failed` lists the calls that were made to fail."""

    code: int
    events: list[Event]
    failed: list[Event]
    out: str
    err: str


def play(root: Path, *args: str, fault: Fault | None = None, temporary: Path) -> Played:
    """Run gitorch in a process of its own; calls on files beside and below the repository's folder can fail."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        ours, theirs = socket.socketpair()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads, which the child never uses
            pid = os.fork()
        if pid == 0:
            ours.close()
            _child(root, args, temporary, (out, err), theirs)
        theirs.close()
        _, fds, _, _ = socket.recv_fds(ours, 1, 1)
        ours.close()
        watcher = _Watcher(fds[0], root.parent, fault)
        try:
            watcher.watch()
        finally:
            os.close(fds[0])
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said = (path.read_text(errors="replace") for path in (out, err))
        return Played(code, watcher.events, watcher.failed, *said)


def missing() -> str | None:
    """Say why calls cannot be made to fail here, None where they can."""
    if sys.platform != "linux" or platform.machine() not in _MACHINES:
        return "system calls are made to fail on Linux on x86_64 and aarch64 only"
    if "COVERAGE_FILE" in os.environ:
        return "what measures coverage writes files of its own while a process ends: nobody would answer its calls"
    return _refusal()


@functools.cache
def _refusal() -> str | None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        with suppress(OSError):
            _listen()
            os._exit(0)  # its parent is not asked: neither exit nor exit_group is in the filter
        os._exit(1)
    os.close(read)
    os.close(write)
    return None if os.waitpid(pid, 0)[1] == 0 else "the kernel does not allow seccomp's user notification here"


def _child(root: Path, args: Sequence[str], temporary: Path, said: tuple[Path, Path], to: socket.socket) -> None:
    code = 99
    try:
        os.setsid()
        os.chdir(root)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for fd, path in zip((1, 2), said, strict=True):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), fd)
        sys.stdout, sys.stderr = (os.fdopen(fd, "w", closefd=False) for fd in (1, 2))
        sys.dont_write_bytecode = True
        os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
        output.setup()
        descendants._adopts = False
        listener = _listen()
        socket.send_fds(to, [b"x"], [listener])
        os.close(listener)
        to.close()
        code = _run(list(args))
        sys.stdout.flush()
    finally:
        os._exit(code)


def _listen() -> int:
    """Let all our later calls, and those of our descendants, be asked about; gives the descriptor to hear them by."""
    arch, numbers, seccomp = _MACHINES[platform.machine()]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0:  # PR_SET_NO_NEW_PRIVS
        raise OSError(ctypes.get_errno(), "prctl")
    asked = sorted(numbers.values())
    end = len(asked)
    lines = [(0x20, 0, 0, 4), (0x15, 0, end + 1, arch), (0x20, 0, 0, 0)]
    lines += [(0x15, end - at, 0, number) for at, number in enumerate(asked)]
    lines += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x7FC00000)]  # allow; ask
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    program = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(code))
    for flags in (0x8 | 0x20, 0x8):  # a new listener; older kernels cannot wait out a signal
        fd = libc.syscall(seccomp, 1, flags, program)
        if fd >= 0:
            return int(fd)
    raise OSError(ctypes.get_errno(), "seccomp")


class _Watcher:
    """Answers the kernel's questions until no process is left that could ask one."""

    def __init__(self, listener: int, place: Path, fault: Fault | None) -> None:
        self.listener, self.place, self.fault = listener, os.path.realpath(place), fault
        self.events: list[Event] = []
        self.failed: list[Event] = []
        self._names = {number: name for name, number in _MACHINES[platform.machine()][1].items()}

    def watch(self) -> None:
        poll = select.poll()
        poll.register(self.listener, select.POLLIN)
        while True:
            if any(what & select.POLLIN for _, what in poll.poll()):
                self._answer()
            else:
                return

    def _answer(self) -> None:
        asked = bytearray(80)
        try:
            fcntl.ioctl(self.listener, 0xC0502100, asked)
        except OSError as error:  # it died meanwhile
            if error.errno in (errno.ENOENT, errno.EINTR):
                return
            raise
        at, pid, _, number, _, _, *args = struct.unpack("QIIiIQ6Q", asked)
        code = self._judge(pid, self._names[number], args)
        with suppress(FileNotFoundError):
            fcntl.ioctl(self.listener, 0xC0182101, struct.pack("QqiI", at, 0, -code, 0 if code else 1))

    def _judge(self, pid: int, name: str, args: list[int]) -> int:
        """Give the error that a call shall end with, 0 where it shall go on."""
        try:
            event = self._event(pid, name, args)
        except (OSError, ValueError):
            return 0
        if event is None:
            return 0
        self.events.append(event)
        if self.fault is None or not self.fault.hits(len(self.events), event):
            return 0
        self.failed.append(event)
        return self.fault.error

    def _event(self, pid: int, name: str, args: list[int]) -> Event | None:
        call = _CALLS[name]
        kind = call.kind
        path = ""
        if call.fd is not None:
            path = _link(pid, f"fd/{args[call.fd]}")
        elif call.path is not None:
            path = _path(pid, args, call)
        elif call.flags is not None and args[call.flags] & _CLONE_THREAD:
            return None
        if kind == "execve" and not os.access(path, os.X_OK):
            return None
        if kind not in ("execve", "fork") and not path.startswith(self.place + os.sep):
            return None
        if kind == "open" and call.flags is not None:
            if not os.path.lexists(path):
                if not args[call.flags] & os.O_CREAT:
                    return None
                kind = "create"
        elif kind == "unlink" and not os.path.lexists(path):
            return None
        return Event(kind, path, Path(f"/proc/{pid}/comm").read_text().strip())


def _link(pid: int, what: str) -> str:
    return os.readlink(f"/proc/{pid}/{what}")  # noqa: PTH115 - a link of the kernel's


def _path(pid: int, args: list[int], call: _Call) -> str:
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        memory.seek(args[call.path or 0])
        data = memory.read(4096)
    path = os.fsdecode(data[: data.index(0)])
    base = _AT_FDCWD
    if call.base is not None:
        base = ctypes.c_int(args[call.base] & 0xFFFFFFFF).value
    folder = _link(pid, "cwd" if base == _AT_FDCWD else f"fd/{base}")
    return os.path.normpath(os.path.join(folder, path))  # noqa: PTH118 - no such path need exist


def errors_of(event: Event) -> tuple[int, ...]:
    return ERRORS["open" if event.kind == "create" else event.kind]
