"""A bare repository that judges pushes by the hook, and stories to push to it."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path

import gitorch
from gitorch.core import message
from gitorch.core.moves import Change
from gitorch.core.names import TaskState
from gitorch.core.record import Record
from gitorch.loop.edit import NewTask
from tests.sandbox import GITORCH, Ran, Sandbox, run


def install(hooks: Path, name: str) -> None:
    """Write a hook that does nothing but call the program."""
    hook = hooks / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\nexec {shlex.join(GITORCH)} hook {name} "$@"\n')
    hook.chmod(0o755)


@dataclass(frozen=True)
class Server:
    """A bare repository that others push to."""

    root: Path

    @classmethod
    def create(cls, root: Path, *, object_format: str = "sha1", guarded: bool = True) -> Server:
        root.mkdir(parents=True)
        server = cls(root)
        server.git("init", "-q", "--bare", f"--object-format={object_format}")
        if guarded:
            server.guard()
        return server

    def guard(self) -> None:
        install(self.root / "hooks", "pre-receive")

    def git(self, *args: str) -> str:
        done = run("git", *args, cwd=self.root)
        assert done.code == 0, f"git {args}: {done.err}"
        return done.out

    def branches(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads").splitlines()
        return dict(line.split(" ") for line in lines)

    def contents(self) -> dict[str, str]:
        """Give all there is, folders too, with digests of the files."""
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "/"
            for path in self.root.rglob("*")
        }

    def push(self, source: Path, *args: str) -> Ran:
        return run("git", "push", "-q", str(self.root), *args, cwd=source)

    def takes(self, source: Path, *args: str) -> None:
        done = self.push(source, *args)
        assert (done.code, done.err) == (0, "")
        assert not (self.root / "gitorch").exists()

    def refuses(self, source: Path, *args: str) -> str:
        """Push what must not come in, see that nothing of it stays, and give what it said."""
        before = self.contents()
        done = self.push(source, *args)
        assert done.code != 0, "the push was let in"
        assert "pre-receive hook declined" in done.err, done.err
        assert "has a bug" not in done.err, done.err
        assert self.contents() == before
        return "".join(line for line in done.err.splitlines(keepends=True) if line.startswith("remote: "))


class Story(Sandbox):
    """A repository with a workflow in which tasks are made and moved."""

    @classmethod
    def begin(cls, root: Path, *, object_format: str = "sha1") -> Story:
        story = cls(Sandbox.create(root, decoys=False, object_format=object_format).root)
        story.commit("first", file="x\n")
        with gitorch.open(root) as workflow:
            workflow.start("research", description="What is wanted")
        story.record("one")
        return story

    def record(self, name: str) -> str:
        """Make a task, by a record."""
        with gitorch.open(self.root) as workflow:
            workflow.create(NewTask(name=name, description="By hand"))
        return self.head()

    def move(self, name: str, state: str) -> str:
        with gitorch.open(self.root) as workflow:
            workflow.move(name, state)
        return self.head()

    def rename(self, name: str, old: TaskState, new: TaskState) -> str:
        """Move a task by an ordinary commit."""
        self.git("mv", f".tasks/[{old}]_{name}_task.md", f".tasks/[{new}]_{name}_task.md")
        self.git("commit", "-q", "-m", "tidy up")
        return self.head()

    def adopt(self, name: str, old: TaskState, new: TaskState) -> str:
        """Record a move that an ordinary commit has made."""
        with gitorch.open(self.root) as workflow:
            main_task = workflow.state().main_task
        changes = (Change(name, old, new),)
        record = Record(event="adopt", subject=f"gitorch({name}): adopt", main_task=main_task, changes=changes)
        self.git("commit", "-q", "--allow-empty", "-m", message.build(record))
        return self.head()

    def switch(self, branch: str, start: str | None = None) -> None:
        """Go to a branch, or begin one."""
        self.git("checkout", "-q", *(("-b", branch, start) if start is not None else (branch,)))
