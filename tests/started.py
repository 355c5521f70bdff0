"""Runs gitorch as a process of its own whose modules are imported already, for those who want to run it often.

Most of the time of a short command goes into starting Python and importing modules. Here one process does this once;
for each run it forks, and the child takes over arguments, folder, environment, standard streams and exit code. It is
a process like any other: it has its own memory, signals and children, and nothing that it does reaches the next.

As a program it is that process: it reads from the socket whose number it is given, one byte and four file descriptors
for each run: the three streams, and a socket over which it is told what to run, and tells the child's number and how
it ended.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

# What decides how Python starts. Where it differs from what the process was started with, it is of no use.
_DECISIVE = ("PYTHON", "LC_", "LANG", "LD_", "COVERAGE_")


class Started:
    """The process with all modules imported."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._decisive = _decisive(env)
        self._socket, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            command = (sys.executable, __file__, str(number))
            self._process = subprocess.Popen(command, pass_fds=(number,), env={**env}, stdin=subprocess.DEVNULL)

    def suits(self, env: Mapping[str, str]) -> bool:
        """Tell whether a program with this environment would start in the same way."""
        return _decisive(env) == self._decisive

    def run(
        self, *args: str, cwd: Path, env: Mapping[str, str], stdin: bytes, timeout: float
    ) -> tuple[int, bytes, bytes]:
        """Run gitorch, and give its exit code and what it wrote to stdout and stderr."""
        (stdin_read, stdin_write), (out, out_write), (err, err_write) = os.pipe(), os.pipe(), os.pipe()
        line, theirs = socket.socketpair()
        with line, ThreadPoolExecutor(3) as pool:
            with theirs:
                socket.send_fds(self._socket, [b"."], [stdin_read, out_write, err_write, theirs.fileno()])
            for each in (stdin_read, out_write, err_write):
                os.close(each)
            line.sendall(json.dumps({"args": args, "cwd": str(cwd), "env": {**env}}).encode())
            line.shutdown(socket.SHUT_WR)
            line.settimeout(timeout)
            pool.submit(_write, stdin_write, stdin)
            read = [pool.submit(_read, each) for each in (out, err)]
            told = line.makefile()
            pid = int(told.readline())
            try:
                code = int(told.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                raise
            return code, read[0].result(), read[1].result()

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.wait()


def _decisive(env: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in env.items() if key.startswith(_DECISIVE)}


def _write(number: int, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), open(number, "wb") as stream:
        stream.write(content)


def _read(number: int) -> bytes:
    with open(number, "rb") as stream:
        return stream.read()


def _serve(asked: socket.socket) -> None:
    """Fork for each run; in the child, return from here when it knows what to do."""
    import gitorch.commands  # noqa: PLC0415 - the side of the tests does not need it

    for module in (
        "gitorch.cli",
        *(f"gitorch.commands.{each.name}" for each in pkgutil.iter_modules(gitorch.commands.__path__)),
    ):
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    while True:
        data, numbers, _, _ = socket.recv_fds(asked, 1, 4)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not data:
            os._exit(0)
        if os.fork() == 0:
            asked.close()
            return _attend(*numbers)
        for each in numbers:
            os.close(each)


def _attend(stdin: int, stdout: int, stderr: int, line: int) -> None:
    """Start one run, and tell how it ended; in the child, return."""
    with socket.socket(fileno=line) as teller:
        with teller.makefile("rb") as lines:
            wanted = json.loads(lines.read())
        child = os.fork()
        if child != 0:
            for each in (stdin, stdout, stderr):
                os.close(each)
            teller.sendall(b"%d\n" % child)
            _, status = os.waitpid(child, 0)
            teller.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
            os._exit(0)
    for number, each in enumerate((stdin, stdout, stderr)):
        os.dup2(each, number)
        os.close(each)
    _become(wanted["args"], wanted["cwd"], wanted["env"])


def _become(args: list[str], cwd: str, env: dict[str, str]) -> None:
    """Make this process look as if it had just been started so."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["gitorch", *args]
    sys.stdin = open(0, errors="surrogateescape", closefd=False)  # noqa: SIM115 - these three stay open
    sys.stdout = open(1, "w", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115


def _main() -> NoReturn:
    del sys.path[0]  # the folder of the tests
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        _serve(asked)
    from gitorch.__main__ import main  # noqa: PLC0415 - only the child of a run comes here

    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    _end(code if isinstance(code, int) else 1)


def _end(code: int) -> NoReturn:
    """End as Python does, but do not take all modules down one by one, which takes longer than most commands."""
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = 120  # Python's own
    os._exit(code)


if __name__ == "__main__":
    _main()
