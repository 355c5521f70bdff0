"""A repository with gitorch's hooks in it, in which people commit by hand."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.sandbox import Ran, Sandbox, run


class Seen(NamedTuple):
    """All that a refused commit leaves as it is."""

    head: str
    staged: str
    files: dict[str, bytes]


@dataclass(frozen=True)
class Scene(Sandbox):
    """A workflow: `whole` and its subtask `one` run; `two`, which needs `one`, and `alone` are pending."""

    @classmethod
    def copy(cls, root: Path, pattern: Path, *, hooks: bool = True) -> Scene:
        """Copy the pattern, which is made once for all tests."""
        if not pattern.exists():
            _build(cls(pattern))
        shutil.copytree(pattern, root, symlinks=True)
        if not hooks:
            shutil.rmtree(root / ".git" / "hooks")
        return cls(root)

    def commits(self, message: str = "by hand") -> None:
        """Commit what is staged; it is fine."""
        self.git("commit", "-q", "-m", message)

    def moves(self, name: str, to: str, message: str = "by hand") -> None:
        """Change a task's state by hand and commit that."""
        self.rename(name, to)
        self.commits(message)

    def works(self, path: str = "file.txt", text: str = "other\n") -> None:
        """Do ordinary work and commit it."""
        self.write(path, text)
        self.add()
        self.commits(f"work on {path}")

    def task(self, name: str) -> Path:
        """Give a task's file in the work tree, in whatever state it is."""
        return next(path for path in (self.root / ".tasks").iterdir() if path.name.endswith(f"]_{name}_task.md"))

    def task_is_there(self, name: str) -> bool:
        return any(path.name.endswith(f"]_{name}_task.md") for path in (self.root / ".tasks").glob("*"))

    def rename(self, name: str, to: str, *, add: bool = True) -> None:
        """Change a task's state as people do it by hand."""
        path = self.task(name)
        path.rename(path.with_name(f"[{to}]_{name}_task.md"))
        if add:
            self.add()

    def new(self, name: str, state: str = "pending", front: str = "", *, add: bool = True) -> None:
        """Write a new task by hand."""
        self.write(f".tasks/[{state}]_{name}_task.md", f"---\n{front}---\n# {name}\n")
        if add:
            self.add()

    def say(self, status: str, next_: str, task: str | None = None, *, add: bool = True) -> None:
        """Write MAIN_TASK by hand."""
        lines = [f"STATUS: {status}", f"NEXT: {next_}", *([f"TASK: {task}"] if task else [])]
        self.write(".tasks/MAIN_TASK", "\n".join(lines) + "\n")
        if add:
            self.add()

    def add(self) -> None:
        self.git("add", "-A")

    def tried(self, *args: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> Ran:
        """Let git try something; whether it can is to be seen."""
        return run("git", *args, cwd=cwd or self.root, env={"GIT_EDITOR": "true", **(env or {})})

    def message(self, rev: str = "HEAD") -> str:
        return self.git("log", "-1", "--format=%B", rev).rstrip("\n") + "\n"

    def changes(self, rev: str = "HEAD") -> list[str]:
        """Give the changes of state that a record tells."""
        text = self.git("log", "-1", "--format=%(trailers:key=Gitorch-State,valueonly)", rev)
        return [line for line in text.splitlines() if line]

    def event(self, rev: str = "HEAD") -> str:
        return self.git("log", "-1", "--format=%(trailers:key=Gitorch-Event,valueonly)", rev).strip()

    def seen(self) -> Seen:
        files = {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and ".git" not in path.relative_to(self.root).parts[:1]
        }
        return Seen(self.head(), self.git("ls-files", "-s"), files)

    def refused(self, *args: str, env: dict[str, str] | None = None) -> str:
        """Let git try what has to be refused, and see that nothing has changed; gives what was said."""
        before = self.seen()
        done = self.tried(*args, env=env)
        assert done.code != 0, f"git {args} went through:\n{self.message()}"
        assert self.seen() == before
        assert "error: " in done.err
        assert "hint: " in done.err
        assert "Traceback" not in done.err
        assert "has a bug" not in done.err
        return done.err

    def lands(self, *args: str, env: dict[str, str] | None = None) -> str:
        """Let git do what is fine, and see that the record holds; gives the last commit's message."""
        done = self.tried(*args, env=env)
        assert done.code == 0, f"git {args}: {done.err}{done.out}"
        assert "Traceback" not in done.err
        self.holds()
        return self.message()

    def holds(self) -> None:
        """See that verify accepts the record."""
        self("verify")


def _build(scene: Scene) -> None:
    scene.root.mkdir(parents=True)
    scene.git("init", "-q")
    shutil.rmtree(scene.root / ".git" / "hooks", ignore_errors=True)
    scene.commit("first", **{"file.txt": "one\ntwo\nthree\n", "src/code.txt": "code\n"})
    scene("start", "whole", "-d", "What is wanted")
    scene("create", "one", "--parent", "whole", "-d", "The first part")
    scene("create", "two", "--parent", "whole", "--needs", "one", "-d", "The second part")
    scene("create", "alone", "-d", "Something else")
    scene("update", "continue", "Execute one subtask", "--task", "one")
    scene("move", "one", "running")
    installed = scene.program("hooks", "install")
    assert installed.code == 0, installed.err
