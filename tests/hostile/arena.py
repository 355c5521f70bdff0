"""A repository with hostile content, and all that has to be as before whatever gitorch does in it."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import re
import shutil
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.sandbox import GITORCH, Ran, Sandbox, quickly, run

Commands = tuple[tuple[str, ...], ...]

INVOCATION = "INVOCATION"  # stands for the last one's id
READING: Commands = (
    ("status",),
    ("list",),
    ("show", "u"),
    ("show", INVOCATION),
    ("log",),
    ("audit",),
    ("verify",),
    ("report", "-o", "page.html"),
    ("export", "json"),
    ("export", "mermaid"),
    ("export", "dot"),
    ("export", "otlp"),
    ("blame", "a.txt"),
    ("context", "u"),
    ("prompt",),
    ("templates", "list"),
    ("templates", "check", ".tasks/templates/mine.yaml"),
    ("agents", "list"),
    ("doctor",),
)
WRITING: Commands = (
    ("create", "n", "-d", "Which gauges are there?"),
    ("update", "continue", "Execute u", "--task", "u"),
    ("step",),
    ("decompose", "n", "--auto"),
    ("run", "--max-steps", "2"),
    ("move", "u", "blocked", "--reason", "why"),
    ("fork", "HEAD", "-b", "side"),
    ("rewind", "HEAD~1"),
    ("merge", "other"),
    ("init",),
)
# the short form: what reads most, and what starts programs or writes files
SHORT: Commands = (
    ("show", INVOCATION),
    ("report", "-o", "page.html"),
    ("doctor",),
    ("run", "--max-steps", "2"),
    ("merge", "other"),
)
DOCUMENTED = {0, 1, 2, 10, 20, 30, 75}
STEERS = re.compile("[^\\t\\n\\x20-\\x7e\\xa0-\\u2027\\u202f-\\u2065\\u206a-\U0010ffff]")


class Arena(Sandbox):
    """A repository, and beside it a folder of somebody else's, programs, and the place where a canary would lie."""

    @property
    def outside(self) -> Path:
        return self.root.parent / "outside"

    @property
    def canary(self) -> Path:
        return self.root.parent / "canary"

    @property
    def touch(self) -> str:
        """A shell line that makes the canary."""
        return f"touch '{self.canary}'"

    def program(self, *args: str, env: dict[str, str] | None = None, stdin: str = "") -> Ran:
        """Run gitorch as a program, from a folder that holds nothing to import."""
        return run(*GITORCH, "-C", str(self.root), *args, cwd=Path.home(), env=env, stdin=stdin)

    def weapon(self, name: str, then: str = "cat") -> str:
        """Make a program that makes the canary; gives its path."""
        return str(armed(self.root.parent / "programs" / name, f"{self.touch}\n{then}"))

    def fired(self) -> bool:
        """Tell whether there is a canary, and take it away."""
        there = self.canary.exists()
        self.canary.unlink(missing_ok=True)
        return there

    def fires(self, *command: str, folder: str = ".", env: dict[str, str] | None = None) -> bool:
        """Tell whether a command of somebody else's makes the canary; it works in a copy."""
        with self.copied() as copy:
            run(*command, cwd=copy.root / folder, env=env)
        return self.fired()

    @contextlib.contextmanager
    def copied(self) -> Iterator[Arena]:
        """Give a copy to try in."""
        root = self.root.parent / "copy"
        shutil.copytree(self.root, root, symlinks=True)
        yield Arena(root)
        shutil.rmtree(root)

    def commit_all(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "hostile")

    def invocation(self) -> str:
        log = (
            "-c",
            "log.showSignature=false",
            "log",
            "--format=%(trailers:key=Gitorch-Invocation,valueonly,separator=)",
        )
        return next(iter(self.git(*log).split()), "0000000")

    def surroundings(self) -> dict[str, str]:
        """List all that lies in the home and beside the repository, with digests."""
        home = {f"~/{path}": digest for path, digest in _listing(Path.home())}
        own = self.root.name + "/"
        return {**home, **{path: digest for path, digest in _listing(self.root.parent) if not path.startswith(own)}}

    def endures(self, commands: Commands, folder: str = ".") -> list[Ran]:
        """Run commands: each ends as documented, nothing of the attack happens, nothing outside changes."""
        before = self.surroundings()
        identity = self.invocation()
        done = []
        for command in commands:
            args = [identity if word == INVOCATION else word for word in command]
            ran = self._ran(self.root / folder, *args)
            assert ran.code in DOCUMENTED, (args, ran)
            assert "Traceback" not in ran.err, (args, ran.err)
            assert "has a bug" not in ran.err, (args, ran.err)
            assert steering(ran, args) == []
            assert not self.fired(), f"gitorch {args} has run it"
            done.append(ran)
        now = self.surroundings()
        assert now == before, sorted(path for path in {*now, *before} if now.get(path) != before.get(path))
        return done

    @staticmethod
    def _ran(folder: Path, *args: str) -> Ran:
        if args[0] != "init":
            return quickly(folder, *args)
        with warnings.catch_warnings():  # where it is refused it leaves a git behind, which ends with its own process
            warnings.simplefilter("ignore", ResourceWarning)
            ran = quickly(folder, *args)
            gc.collect()
        return ran


def steering(ran: Ran, args: Iterable[str] = ()) -> list[str]:
    """List what in a command's output could steer a terminal."""
    return [f"{list(args)}: {found[0]!r}" for text in (ran.out, ran.err) for found in STEERS.finditer(text)]


def armed(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def _listing(top: Path) -> Iterator[tuple[str, str]]:
    for base, folders, names in os.walk(top):
        for name in (*folders, *names):
            path = Path(base, name)
            if path.is_symlink():
                digest = f"-> {path.readlink()}"
            elif path.is_dir():
                digest = "folder"
            else:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
            yield f"{path.relative_to(top)}" + ("/" if digest == "folder" else ""), digest


def build(root: Path) -> None:
    """Make the repository that all tests copy: a finished invocation, a task to come, and two other branches."""
    sandbox = Sandbox.create(root, decoys=False)
    sandbox.commit("one", **{"a.txt": "The gauges are read at noon.\n", "b.md": "Gauges rust.\n"})
    sandbox.git("tag", "first")
    sandbox("create", "t", "-d", "Mend the gauges.")
    sandbox("create", "u", "-d", "Which gauges rust?")
    sandbox("update", "continue", "Execute t", "--task", "t")
    for branch, file in (("other", "b.md"), ("rival", "a.txt")):
        sandbox.git("switch", "-q", "-c", branch, "main")
        sandbox.commit("aside", **{file: "The gauges are read at dawn.\n"})
    sandbox.git("switch", "-q", "main")
    sandbox("step", "--agent-command", "echo 'The gauges are read at dusk.' > a.txt")
    shutil.rmtree(root / ".git/hooks")  # git's examples only: copying them takes its time
    sandbox.git("gc", "-q")
