"""What tests of refusals and of harmlessness have in common."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from git import Commit, Repo, Tree

from gitorch.core import fold, message
from gitorch.core.main_task import MainTask
from gitorch.core.moves import States
from tests.sandbox import Ran, Sandbox
from tests.sandbox import quickly as in_process


class Look(NamedTuple):
    """All that a refused command must leave as it was."""

    head: str
    refs: str
    staged: str
    status: str
    files: dict[str, str]


def look(sandbox: Sandbox) -> Look:
    return Look(
        sandbox.git("rev-parse", "-q", "--verify", "HEAD", ok=False),
        sandbox.git("for-each-ref"),
        sandbox.git("ls-files", "-s", "-t", "-z"),
        sandbox.git("status", "--porcelain=v2", "-z", "--branch", "--untracked-files=all"),
        files(sandbox.root),
    )


def files(root: Path) -> dict[str, str]:
    """Give a digest of each file of a work tree, and what links point to."""
    found: dict[str, str] = {}
    for base, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        for name in names:
            path = Path(base, name)
            plain = not path.is_symlink() and path.is_file()
            found[str(path.relative_to(root))] = (
                hashlib.sha256(path.read_bytes()).hexdigest()
                if plain
                else str(path.readlink() if path.is_symlink() else path.stat().st_mode)
            )
    return found


@contextlib.contextmanager
def unchanged(sandbox: Sandbox) -> Iterator[None]:
    before = look(sandbox)
    yield
    assert look(sandbox) == before


def refused(
    sandbox: Sandbox, *args: str, code: int = 1, says: str = "", hint: bool = True, env: dict[str, str] | None = None
) -> Ran:
    """Run a command that must be refused: one error, a hint, no traceback, nothing changed."""
    with unchanged(sandbox):
        done = quickly(sandbox, *args) if env is None else sandbox(*args, code=code, env=env)
        assert done.code == code, done
    assert_one_error(done, hint=hint)
    assert says in done.err, done.err
    return done


def quickly(sandbox: Sandbox, *args: str) -> Ran:
    """Run the program in this very process."""
    done = in_process(sandbox.root, *args)
    assert "has a bug" not in done.err, done.err
    return done


class Quick(Sandbox):
    """A sandbox that runs the program in this process: for histories of many commands."""

    def __call__(self, *args: str, code: int | None = 0, env: dict[str, str] | None = None, stdin: str = "") -> Ran:
        if env is not None or stdin:
            return super().__call__(*args, code=code, env=env, stdin=stdin)
        done = quickly(self, *args)
        assert code is None or done.code == code, f"gitorch {args}: exit {done.code}\n{done.out}\n{done.err}"
        return done


def assert_one_error(done: Ran, *, hint: bool = True) -> None:
    lines = done.err.splitlines()
    assert [line.partition(" ")[0] for line in lines].count("error:") == 1, done.err
    assert not hint or any(line.startswith("hint: ") for line in lines), done.err
    assert all(line.startswith(("error: ", "hint: ", "note: ")) for line in lines), done.err
    assert "Traceback" not in done.err


def told_by_messages(sandbox: Sandbox, rev: str = "HEAD") -> tuple[States, MainTask | None]:
    """Rebuild the state at a revision from commit messages alone, along first parents, by GitPython."""
    with Repo(sandbox.root) as repo:
        commit: Commit | None = repo.commit(rev)
        texts: list[str] = []
        while commit is not None:
            texts.append(str(commit.message))
            commit = commit.parents[0] if commit.parents else None
    return fold.replay(record for text in reversed(texts) if (record := message.parse(text)) is not None)


def told_by_names(sandbox: Sandbox, rev: str) -> tuple[dict[str, str], str | None]:
    """Read the state at a revision from the names in its tree, by GitPython and a pattern of our own."""
    found: dict[str, str] = {}
    main = None
    with Repo(sandbox.root) as repo:
        root = repo.commit(rev).tree
        folder = root / ".tasks" if ".tasks" in root else None
        for blob in folder.blobs if isinstance(folder, Tree) else ():
            match = re.fullmatch(r"\[([a-z]+)\]_([a-z0-9][a-z0-9._-]*)_task\.md", str(blob.name))
            if match is not None:
                found[match[2]] = match[1]
            elif blob.name == "MAIN_TASK":
                main = blob.data_stream.read().decode()
    return found, main
