"""A repository whose hooks start a stand-in for gitorch, which notes how it was started and ends as it is told."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitorch import data
from gitorch.git.repository import open_repository
from gitorch.hooks import install
from tests.sandbox import Ran, Sandbox, run

STAND_IN = """#!/bin/sh
folder=${0%/*}
echo "$*" >> "$folder/calls"
case $2 in
    post-rewrite | pre-push | pre-receive) while read -r line; do echo "< $line"; done >> "$folder/calls" ;;
esac
read -r code < "$folder/code"
exit "$code"
"""


@dataclass(frozen=True)
class Shims(Sandbox):
    @classmethod
    def new(cls, root: Path) -> Shims:
        return cls(Sandbox.create(root, decoys=False).root)

    @property
    def hooks(self) -> Path:
        return self.root / ".git/hooks"

    @property
    def place(self) -> Path:
        return self.root.parent / "stand in's"

    def stand_in(self, code: int = 0) -> Path:
        self.place.mkdir(exist_ok=True)
        program = self.place / "gitorch"
        program.write_text(STAND_IN)
        program.chmod(0o755)
        self.answer(code)
        return program

    def answer(self, code: int) -> None:
        (self.place / "code").write_text(f"{code}\n")

    def calls(self) -> list[str]:
        """Give how the stand-in was started since it was asked last."""
        path = self.place / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [line.removeprefix("hook ") for line in lines]

    def hook(self, name: str, text: str, mode: int = 0o755) -> Path:
        """Write a hook of somebody else's."""
        path = self.hooks / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(mode)
        return path

    def edit(self, content: str = "other") -> None:
        """Stage what gitorch has no interest in."""
        self.write("file.txt", f"{content}\n")
        self.git("add", "file.txt")

    def touch(self, content: str = "x") -> None:
        """Stage something under .tasks."""
        self.write(".tasks/one/notes.md", f"{content}\n")
        self.git("add", ".tasks/one")

    def tried(self, *args: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> Ran:
        return run("git", *args, cwd=cwd or self.root, env=env)


def installed(shims: Shims, monkeypatch: pytest.MonkeyPatch, *, server: bool = False) -> list[str]:
    """Install the hooks with the stand-in as the program."""
    program = str(shims.stand_in())
    with monkeypatch.context() as patch:
        patch.setattr(data, "program", lambda: program)
        repository = open_repository(shims.root)
        said = install.install(repository, server=server)
        repository.close()
    return said


def git_alone(folder: Path) -> str:
    """Give a PATH with nothing but git on it, as desktop programs may set it."""
    folder.mkdir()
    git = shutil.which("git")
    assert git is not None
    (folder / "git").symlink_to(git)
    return os.fspath(folder)


@pytest.fixture
def shims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shims:
    made = Shims.new(tmp_path / "repo")
    made.commit("first", **{"file.txt": "one\n", ".tasks/one/old.md": "old\n"})
    installed(made, monkeypatch)
    return made
