"""A real repository for tests, and the real program run in it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gitorch import cli
from tests.started import Started

DECOYS = (".tasks/p_x_task.md", ".tasks/[p]_x", ".tasks/-rf", ".tasks/a b", ".tasks/ü.md", "p_x_task.md", "-rf", "a b")
# commands whose end-to-end form other tests show; here they set the scene or look at it
_PLAIN = frozenset(
    {
        *(
            "list",
            "hooks",
            "verify",
            "status",
            "show",
            "log",
            "start",
            "create",
            "update",
            "move",
            "drop",
            "decompose",
            "answer",
        ),
        *("audit", "prompt", "context", "templates", "begin", "rewind", "fork", "merge", "doctor", "trust"),
    }
)
GITORCH = (sys.executable, "-m", "gitorch")
_TIMEOUT = 120.0  # seconds
_ALL_STARTED: list[Started] = []  # none or one


class Ran(NamedTuple):
    """A program that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*command: str, cwd: Path, stdin: str = "", env: dict[str, str] | None = None) -> Ran:
    """Run a program; where it is gitorch, without waiting for Python to start."""
    environ = {**os.environ, **(env or {})}
    sent = stdin.encode(errors="surrogateescape")
    if command[: len(GITORCH)] == GITORCH and (started := _started(environ)):
        ran = started.run(*command[len(GITORCH) :], cwd=cwd, env=environ, stdin=sent, timeout=_TIMEOUT)
    else:
        done = subprocess.run(
            command, cwd=cwd, input=sent, capture_output=True, env=environ, timeout=_TIMEOUT, check=False
        )
        ran = (done.returncode, done.stdout, done.stderr)
    return Ran(ran[0], *(text.decode(errors="surrogateescape").replace("\r\n", "\n") for text in ran[1:]))


def _started(env: dict[str, str]) -> Started | None:
    """Give the process that runs gitorch at once, which this worker starts when it first wants it."""
    if not _ALL_STARTED:
        _ALL_STARTED.append(Started(os.environ))
    return _ALL_STARTED[0] if _ALL_STARTED[0].suits(env) else None


def end_started() -> None:
    """End that process, with the last test."""
    while _ALL_STARTED:
        _ALL_STARTED.pop().close()


def quickly(root: Path, *args: str) -> Ran:
    """Run the program in this very process: for the many cases in which only its words and its exit code matter."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run(["-C", str(root), *args])
    return Ran(code, out.getvalue(), err.getvalue())


def short_form(cases: dict[str, Any], every: int) -> list[Any]:
    """Let the short form of a suite have only some of many like cases."""
    marks = [() if number % every == 0 else (pytest.mark.heavy,) for number in range(len(cases))]
    values = [each if isinstance(each, tuple) else (each,) for each in cases.values()]
    return [pytest.param(*v, id=name, marks=m) for name, v, m in zip(cases, values, marks, strict=True)]


@dataclass(frozen=True)
class Sandbox:
    """A repository in a temporary folder."""

    root: Path

    @classmethod
    def create(cls, root: Path, *, decoys: bool = True, object_format: str = "sha1") -> Sandbox:
        root.mkdir(parents=True)
        sandbox = cls(root)
        sandbox.git("init", "-q", f"--object-format={object_format}")
        if decoys:
            for path in DECOYS:
                (root / path).parent.mkdir(exist_ok=True)
                (root / path).write_text(f"decoy {path}\n")
        return sandbox

    def git(self, *args: str, ok: bool = True, env: dict[str, str] | None = None) -> str:
        done = run("git", *args, cwd=self.root, env=env)
        assert not ok or done.code == 0, f"git {args}: {done.err}"
        return done.out

    def __call__(self, *args: str, code: int | None = 0, env: dict[str, str] | None = None, stdin: str = "") -> Ran:
        """Run gitorch; a `code` of None accepts any exit code. Plain commands are run in this process."""
        if args and args[0] in _PLAIN and env is None and not stdin:
            done = quickly(self.root, *args)
        else:
            done = self.program(*args, env=env, stdin=stdin)
        assert code is None or done.code == code, f"gitorch {args}: exit {done.code}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err, done.err
        assert "has a bug" not in done.err, done.err
        return done

    def program(self, *args: str, env: dict[str, str] | None = None, stdin: str = "") -> Ran:
        """Run gitorch as its users do, as a program of its own."""
        return run(*GITORCH, *args, cwd=self.root, env=env, stdin=stdin)

    def write(self, path: str, content: str | bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def commit(self, message: str = "work", **files: str) -> str:
        """Commit some files by plain git, and nothing else."""
        for path, content in files.items():
            self.write(path, content)
            self.git("add", "--", path)
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    def status(self) -> str:
        """Give `git status` of everything but the decoys."""
        lines = self.git("status", "--porcelain", "-z", "--untracked-files=all").split("\0")
        return "\n".join(line for line in lines if line[3:] not in DECOYS and line)

    def states(self) -> dict[str, str]:
        return {task["name"]: task["state"] for task in self("list", "--json").json["tasks"]}

    def main_task(self) -> str:
        return self.read(".tasks/MAIN_TASK")

    def decoys_untouched(self) -> bool:
        return all((self.root / path).read_text() == f"decoy {path}\n" for path in DECOYS) and not any(
            path in self.git("ls-files", "-z").split("\0") for path in DECOYS
        )
