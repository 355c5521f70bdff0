"""Run a program in a session of its own, watch it, and end it with all its descendants."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Literal, NamedTuple

from gitorch.errors import GitorchError

MARK: Final = "GITORCH_INVOCATION"
GRACE: Final = 5.0  # seconds between the polite signal and KILL
_TICK: Final = 0.1  # seconds
_REST: Final = 1.0  # seconds for reading what is left in the pipes
_KEPT: Final = 256 * 1024  # bytes of output kept, the last ones

Stopped = Literal["timeout", "stalled", "interrupted"]


class Ended(NamedTuple):
    """A program that has ended. `stopped` tells why gitorch ended it, None where it ended by itself."""

    code: int
    out: bytes
    err: bytes
    seconds: float
    stopped: Stopped | None


class _Tail:
    """The last part of a stream, however long it is."""

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > 2 * _KEPT:
            del self._data[:-_KEPT]

    def bytes(self) -> bytes:
        return bytes(self._data[-_KEPT:])


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: Path | None = None,
    timeout: float | None = None,
    idle: float | None = None,
    should_stop: Callable[[float], bool] = lambda _: False,
) -> Ended:
    """Run a program to its end, or until it has to be ended.

    Args:
        command: the program and its arguments.
        cwd: its working directory.
        env: its whole environment; the value of GITORCH_INVOCATION marks it and its descendants.
        stdin: a file it reads; nothing where None.
        timeout: how many seconds it may take.
        idle: how many seconds it may be silent.
        should_stop: called several times a second with the seconds so far; True ends the program.

    Raises:
        GitorchError: it cannot be started.
    """
    process = _start(command, cwd, env, stdin)
    began = time.monotonic()
    out, err = _Tail(), _Tail()

    def why_stop(last: float) -> Stopped | None:
        now = time.monotonic()
        if should_stop(now - began):
            return "interrupted"
        if timeout is not None and now - began > timeout:
            return "timeout"
        return "stalled" if idle is not None and now - last > idle else None

    try:
        stopped = _watch(process, env.get(MARK, ""), out, err, why_stop)
    except BaseException:
        end(env.get(MARK, ""), process)
        raise
    finally:
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    return Ended(process.wait(), out.bytes(), err.bytes(), time.monotonic() - began, stopped)


def _watch(
    process: subprocess.Popen[bytes], mark: str, out: _Tail, err: _Tail, why_stop: Callable[[float], Stopped | None]
) -> Stopped | None:
    """Read what a program prints until it has ended, or there is a reason to end it; then end what it leaves."""
    stopped: Stopped | None = None
    with selectors.DefaultSelector() as selector, _exit_notice(process.pid) as notice:
        for pipe, tail in ((process.stdout, out), (process.stderr, err)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, tail)
        if notice is not None:
            selector.register(notice, selectors.EVENT_READ)
        last = time.monotonic()
        while stopped is None and process.poll() is None:
            last = time.monotonic() if _drain(selector, _TICK) else last
            stopped = why_stop(last)
        end(mark, process, drain=lambda: _drain(selector, 0))
        rest = time.monotonic() + _REST
        while _drain(selector, 0) and time.monotonic() < rest:
            pass  # what has slipped away from us may write for ever
    return stopped


def _start(command: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: Path | None) -> subprocess.Popen[bytes]:
    with (stdin or Path(os.devnull)).open("rb") as source:
        try:
            return subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise GitorchError(
                f"{command[0]} cannot be started: {error.strerror}", hint="is it installed, and on PATH?"
            ) from None


class _exit_notice:  # noqa: N801 - used like a function
    """A descriptor that becomes readable when a process ends, where the system has such (Linux)."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._fd: int | None = None

    def __enter__(self) -> int | None:
        if hasattr(os, "pidfd_open"):
            with suppress(OSError):
                self._fd = os.pidfd_open(self._pid)
        return self._fd

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            os.close(self._fd)


def _drain(selector: selectors.BaseSelector, wait: float) -> bool:
    """Read what has come in; tell whether anything had."""
    came = False
    for key, _ in selector.select(wait):
        if not isinstance(key.data, _Tail):
            continue
        pipe: IO[bytes] = key.fileobj  # type: ignore[assignment] # only pipes carry a tail
        data = pipe.read(1 << 16)
        if data:
            key.data.add(data)
            came = True
        elif data is not None:
            selector.unregister(pipe)
    return came


def end(
    invocation: str, process: subprocess.Popen[bytes] | None = None, drain: Callable[[], object] = lambda: None
) -> None:
    """End a program and all its descendants: a polite signal first, KILL after a while."""
    deadline = time.monotonic() + GRACE
    polite = True
    told: set[int] = set()
    while left := _left(invocation, process):
        polite = polite and time.monotonic() < deadline
        for pid in left:
            if not polite or pid not in told:
                told.add(pid)
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGTERM if polite else signal.SIGKILL)
        drain()
        time.sleep(0.01 if polite else 0.05)
        if time.monotonic() > deadline + GRACE:
            return  # what even KILL does not end hangs in the kernel


def _left(invocation: str, process: subprocess.Popen[bytes] | None) -> set[int]:
    left = set(marked(invocation)) if invocation else set()
    if process is not None and process.poll() is None:
        left.add(process.pid)
        left |= _descendants(process.pid)
    if process is not None:
        left |= _group(process.pid)
    return left - {os.getpid()}


def marked(invocation: str) -> Iterator[int]:
    """Find the processes that carry an invocation's mark in their environment, whatever session they are in."""
    needle = f"{MARK}={invocation}\0".encode()
    for pid in _pids():
        with suppress(OSError):
            if needle in Path(f"/proc/{pid}/environ").read_bytes() + b"\0" and _stat(pid)[0] != "Z":
                yield pid


def _pids() -> list[int]:
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names are all we want
    return []


def _stat(pid: int) -> tuple[str, int, int]:
    """Give a process's state, parent and group; its name, which may hold anything, stands before them."""
    fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return fields[0], int(fields[1]), int(fields[2])


def _descendants(pid: int) -> set[int]:
    parents: dict[int, int] = {}
    for each in _pids():
        with suppress(OSError, IndexError, ValueError):
            parents[each] = _stat(each)[1]
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def _group(leader: int) -> set[int]:
    """List the living members of a process group."""
    found: set[int] = set()
    for each in _pids():
        with suppress(OSError, IndexError, ValueError):
            state, _, group = _stat(each)
            if group == leader and state != "Z":
                found.add(each)
    if not _pids():
        with suppress(ProcessLookupError, PermissionError):  # no /proc: the group as a whole is all we can reach
            os.killpg(leader, signal.SIGKILL)
    return found
