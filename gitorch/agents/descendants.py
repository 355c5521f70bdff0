"""Find all that a program has started, in whatever session it lives by now, and end it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

MARK: Final = "GITORCH_INVOCATION"
GRACE: Final = 5.0  # seconds between the polite signal and KILL
_FIRST: Final = 2.0  # seconds that a program with a polite signal of its own has for itself, its descendants untouched
_PR_SET_CHILD_SUBREAPER: Final = 36  # linux/prctl.h
_TELLS_CHILDREN: Final = Path("/proc/thread-self/children")  # where the kernel was built to tell

_adopts = False


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that none can slip away (Linux).

    It is a setting of the whole process, and makes every new child count as an agent's: for the program, not for
    users of the library.
    """
    global _adopts  # noqa: PLW0603 - as the setting is the process's
    with suppress(OSError, AttributeError):
        _adopts = ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def children() -> frozenset[int]:
    """List our own children, where orphans become such; they are to be told apart from what comes later."""
    return frozenset(_children(os.getpid())) if _adopts else frozenset()


def end(
    invocation: str,
    process: subprocess.Popen[bytes] | None = None,
    *,
    drain: Callable[[], object] = lambda: None,
    own: Collection[int] = frozenset(),
    polite: signal.Signals = signal.SIGTERM,
) -> None:
    """End a program and all its descendants: a polite signal first, KILL after a while.

    Args:
        invocation: the invocation whose mark they carry; empty for none.
        process: the program itself.
        drain: called again and again meanwhile, so that no pipe fills up.
        own: children of ours that were there before the program was started.
        polite: what the program itself is told first; its descendants are told TERM.
    """
    if polite != signal.SIGTERM and process is not None:
        _ask(process, polite, drain)
    deadline = time.monotonic() + GRACE
    told: set[int] = set()
    while left := _left(invocation, process, own):
        patient = time.monotonic() < deadline
        for pid in left:
            if not patient or pid not in told:
                told.add(pid)
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGTERM if patient else signal.SIGKILL)
        drain()
        time.sleep(0.01 if patient else 0.05)
        if time.monotonic() > deadline + GRACE:
            return  # what even KILL does not end hangs in the kernel


def _ask(process: subprocess.Popen[bytes], polite: signal.Signals, drain: Callable[[], object]) -> None:
    """Ask the program alone to end: one whose commands are ended under its hands may not get to say what it cost."""
    process.send_signal(polite)
    until = time.monotonic() + _FIRST
    while process.poll() is None and time.monotonic() < until:
        drain()
        time.sleep(0.01)


def _left(invocation: str, process: subprocess.Popen[bytes] | None, own: Collection[int]) -> set[int]:
    if process is not None and _adopts:
        return _adopted(process, own)
    left = set(marked(invocation)) if invocation else set()
    if process is not None and process.poll() is None:
        left.add(process.pid)
        left |= _descendants({process.pid})
    if process is not None:
        left |= _group(process.pid)
    return left - {os.getpid()}


def _adopted(process: subprocess.Popen[bytes], own: Collection[int]) -> set[int]:
    """List all that lives below us but our own helpers: none can slip away. The dead are buried."""
    process.poll()
    here = os.getpid()
    # read twice: the kernel may pass over a child whose sibling ends at that moment
    adopted = {*_children(here), *_children(here)} - {*own}
    for pid in adopted - {process.pid}:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    living = {pid for pid in adopted if _is_alive(pid)}
    return living | _descendants(living)


def marked(invocation: str) -> Iterator[int]:
    """Find the processes that carry an invocation's mark in their environment, whatever session they are in."""
    needle = f"{MARK}={invocation}\0".encode()
    for pid in _pids():
        with suppress(OSError):
            if needle in Path(f"/proc/{pid}/environ").read_bytes() + b"\0" and _stat(pid)[0] != "Z":
                yield pid


def birth(pid: int) -> str | None:
    """Tell when a process was born, in the kernel's ticks: with its id this names it for ever."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    return None


def end_group(leader: int, born: str | None) -> None:
    """Kill what is left of the process group of a program that was started long ago."""
    now = birth(leader)
    if born is None or (now is not None and now != born):
        return  # the number is another's by now
    for pid in _group(leader):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _is_alive(pid: int) -> bool:
    with suppress(OSError, IndexError, ValueError):
        return _stat(pid)[0] != "Z"
    return False


def _pids() -> list[int]:
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names are all we want
    return []


def _stat(pid: int) -> tuple[str, int, int]:
    """Give a process's state, parent and group; its name, which may hold anything, stands before them."""
    fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return fields[0], int(fields[1]), int(fields[2])


def _children(parent: int) -> set[int]:
    """List a process's children; the kernel knows them by the thread that has them."""
    found: set[int] = set()
    try:
        for thread in os.listdir(f"/proc/{parent}/task"):  # noqa: PTH208 - names are all we want
            with open(f"/proc/{parent}/task/{thread}/children", "rb") as listed:  # noqa: PTH123 - read very often
                found.update(map(int, listed.read().split()))
    except (FileNotFoundError, ProcessLookupError):
        if _pids() and not _TELLS_CHILDREN.exists():
            return {child for child in _pids() if _parent(child) == parent}
    return found


def _parent(pid: int) -> int | None:
    with suppress(OSError, IndexError, ValueError):
        return _stat(pid)[1]
    return None


def _descendants(roots: Collection[int]) -> set[int]:
    found = set(roots)
    new = set(roots)
    while new := {child for parent in new for child in _children(parent)} - found:
        found |= new
    return found - set(roots)


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
