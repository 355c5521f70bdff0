"""Run a program in a session of its own, watch it, and end it with all its descendants."""

from __future__ import annotations

import errno
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Final, Literal, NamedTuple

from gitorch.agents import descendants
from gitorch.agents.descendants import MARK
from gitorch.errors import GitorchError

AFTER_RESULT: Final = 15.0  # seconds of silence after a result
_TICK: Final = 0.1  # seconds
_REST: Final = 1.0  # seconds for reading what is left in the pipes
_KEPT: Final = 256 * 1024  # bytes of output kept, the last ones

Stopped = Literal["timeout", "stalled", "interrupted", "finished"]


class Ended(NamedTuple):
    """A program that has ended. `stopped` tells why gitorch ended it, None where it ended by itself."""

    code: int
    out: bytes
    err: bytes
    seconds: float
    stopped: Stopped | None


class Tail:
    """The last part of a stream, however long it is; `listen` hears all of it."""

    def __init__(self, listen: Callable[[bytes], None]) -> None:
        self._data = bytearray()
        self._listen = listen

    def add(self, data: bytes) -> None:
        """Add the next piece."""
        self._listen(data)
        self._data += data
        if len(self._data) > 2 * _KEPT:
            del self._data[:-_KEPT]

    def bytes(self) -> bytes:
        """Give what is kept."""
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
    listen: Callable[[bytes], None] = lambda _: None,
    polite: signal.Signals = signal.SIGTERM,
    started: Callable[[int], None] = lambda _: None,
    has_result: Callable[[], bool] = lambda: False,
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
        listen: given its standard output, piece by piece.
        polite: the signal by which it is asked to end.
        started: is passed its process id.
        has_result: whether it has printed its result; silent for a while after that it is ended, the result counted.

    Raises:
        GitorchError: it cannot be started.
    """
    own = descendants.children()
    process = _start(command, cwd, env, stdin)
    started(process.pid)
    began = time.monotonic()
    out, err = Tail(listen), Tail(lambda _: None)
    end = partial(descendants.end, env.get(MARK, ""), process, own=own, polite=polite)

    def why_stop(last: float) -> Stopped | None:
        now = time.monotonic()
        if should_stop(now - began):
            return "interrupted"
        if timeout is not None and now - began > timeout:
            return "timeout"
        if now - last > AFTER_RESULT and has_result():
            return "finished"
        return "stalled" if idle is not None and now - last > idle else None

    try:
        stopped = _watch(process, out, err, why_stop, lambda drain: end(drain=drain))
    except BaseException:
        end()
        raise
    finally:
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    return Ended(process.wait(), out.bytes(), err.bytes(), time.monotonic() - began, stopped)


def _watch(
    process: subprocess.Popen[bytes],
    out: Tail,
    err: Tail,
    why_stop: Callable[[float], Stopped | None],
    end: Callable[[Callable[[], object]], None],
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
        end(lambda: _drain(selector, 0))
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
                env={**env, "PWD": str(cwd)},  # some look there for where they are
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            hint = "is it installed, and on PATH?" if error.errno != errno.E2BIG else "its arguments are too long"
            raise GitorchError(f"{command[0]} cannot be started: {error.strerror}", hint=hint) from None
        except ValueError as error:
            raise GitorchError(f"{command[0]} cannot be started: {error}", hint="see its command line") from None


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
        if not isinstance(key.data, Tail):
            continue
        pipe: IO[bytes] = key.fileobj  # type: ignore[assignment] # only pipes carry a tail
        data = pipe.read(1 << 16)
        if data:
            key.data.add(data)
            came = True
        elif data is not None:
            selector.unregister(pipe)
    return came
