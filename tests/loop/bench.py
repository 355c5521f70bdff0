"""A repository with a workflow under way, and what a test wants to know about it before and after a step."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import gitorch
from tests.sandbox import GITORCH, Ran, Sandbox

LINES = "".join(f"line {number}\n" for number in range(1, 31))


class Photo(NamedTuple):
    """All that a user can see of uncommitted work."""

    status: list[str]
    staged: list[str]
    files: dict[str, tuple[int, bytes]]


@dataclass(frozen=True)
class Bench(Sandbox):
    """A repository with committed files, the pending tasks `t` and `u`, and MAIN_TASK telling to execute `t`."""

    @classmethod
    def make(cls, root: Path, pattern: Path) -> Bench:
        """Copy the pattern, which the real program makes once for all tests."""
        if not pattern.exists():
            _build(pattern)
        shutil.copytree(pattern, root, symlinks=True)
        return cls(root)

    def states(self) -> dict[str, str]:
        with gitorch.open(self.root) as workflow:
            return {**workflow.state().states}

    def step(self, agent: str, *options: str, code: int | None = 0, env: dict[str, str] | None = None) -> Ran:
        """Do a step with a shell line as its agent."""
        return self("step", "--agent-command", agent, *options, code=code, env=env)

    def start(self, *args: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Start gitorch and leave it running, in a process group of its own."""
        return subprocess.Popen(
            (*GITORCH, *args),
            cwd=self.root,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def photo(self, *, without: Iterable[str] = ()) -> Photo:
        """Look at work tree and index, all but the records' own files and some others."""
        left_out = ({*without}, (".tasks",))
        status = self.git("status", "--porcelain=v2", "-z", "--untracked-files=all", "--ignored").split("\0")
        index = self.git("ls-files", "-s", "-v", "-z").split("\0")
        return Photo(
            sorted(line for line in status if not _names(line, *left_out)),
            [line for line in index if not _names(line, *left_out)],
            {path: seen for path, seen in self.files().items() if not _is_in(path, *left_out)},
        )

    def everything(self) -> Photo:
        """Look at work tree and index whole: a failed attempt changes nothing at all."""
        status = self.git("status", "--porcelain=v2", "-z", "--untracked-files=all", "--ignored").split("\0")
        return Photo(sorted(status), self.git("ls-files", "-s", "-v", "-z").split("\0"), self.files())

    def everything_but(self, *paths: str) -> Photo:
        """Look at work tree and index, all but some files and folders."""
        return self.without(self.everything(), *paths)

    def files(self) -> dict[str, tuple[int, bytes]]:
        found: dict[str, tuple[int, bytes]] = {}
        for base, folders, names in os.walk(self.root):
            if ".git" in folders and base == str(self.root):
                folders.remove(".git")
            for name in [*names, *(each for each in folders if (Path(base) / each).is_symlink())]:
                path = Path(base) / name
                mode = path.lstat().st_mode
                if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
                    continue  # a pipe: git does not see it, and reading it would never end
                data = os.fsencode(path.readlink()) if stat.S_ISLNK(mode) else path.read_bytes()
                found[str(path.relative_to(self.root))] = (mode, data)
        return found

    def trailers(self, rev: str = "HEAD") -> dict[str, str]:
        """Give a record's trailers, of repeated ones the last."""
        text = self.git("log", "-1", "--format=%(trailers:only,unfold)", rev)
        return dict(line.split(": ", 1) for line in text.splitlines() if line)

    def blobs_of_the_user(self) -> set[str]:
        """Give the ids of all that is staged or lies there and is not in the last commit."""
        there = {oid for line in self.git("ls-tree", "-r", "HEAD").splitlines() for oid in (line.split()[2],)}
        staged = {line.split()[1] for line in self.git("ls-files", "-s").splitlines()}
        paths = [path for path in self.files() if not (self.root / path).is_symlink()]
        lying = set(self.git("hash-object", "--", *(f"./{path}" for path in paths)).split())
        return (staged | lying) - there

    def rescued(self) -> str:
        """Give the ref that the last record names as holding what would be lost."""
        return self.trailers()["Gitorch-Rescue"]

    @staticmethod
    def without(photo: Photo, *paths: str) -> Photo:
        """Leave some files and folders out of a photo."""
        names = {*paths}
        return Photo(
            [line for line in photo.status if not _names(line, names, paths)],
            [line for line in photo.staged if not _names(line, names, paths)],
            {path: seen for path, seen in photo.files.items() if not _is_in(path, names, paths)},
        )

    def events(self) -> list[str]:
        lines = self.git("log", "--reverse", "--format=%(trailers:key=Gitorch-Event,valueonly,separator=)")
        return lines.split()

    def committed(self, path: str, rev: str = "HEAD") -> str:
        return self.git("show", f"{rev}:{path}")

    def reachable(self, rev: str = "HEAD") -> set[str]:
        return {line.split(" ")[0] for line in self.git("rev-list", "--objects", rev).splitlines()}

    def objects_holding(self, needle: bytes) -> list[str]:
        """List all objects of the repository, reachable or not, with some bytes in them."""
        ids = self.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)", "--unordered")
        found = []
        for line in ids.splitlines():
            oid, kind = line.split(" ")
            data = subprocess.run(("git", "cat-file", kind, oid), cwd=self.root, capture_output=True, check=True).stdout
            if needle in data:
                found.append(f"{kind} {oid}")
        return found

    def is_sound(self) -> bool:
        """Verify the record and check the repository, and see that no step left anything lying about."""
        with gitorch.open(self.root) as workflow:
            assert workflow.verify().problems == []
        self.git("fsck", "--strict", "--no-dangling")
        assert not (self.root / ".git/index.lock").exists()
        assert self.git("for-each-ref", "refs/gitorch/before") == ""
        assert not (self.root / ".git/gitorch/invocation.json").exists()
        return True

    def is_put_back(self, before: Photo, head: str) -> bool:
        """See that a failed attempt left nothing but its records."""
        found = differences(before, self.everything()) + self.git("diff", "--raw", head, "HEAD").splitlines()
        assert not found, "\n".join(found)
        return True


def _build(root: Path) -> None:
    sandbox = Sandbox.create(root, decoys=False)
    sandbox.commit("one", **{"a.txt": LINES, "b.txt": LINES})
    sandbox.commit("two", **{"doc/c.txt": LINES, ".gitignore": "*.ignored\n"})
    sandbox.write("bin.dat", bytes(range(256)) * 8)
    sandbox.git("add", "bin.dat")
    sandbox.commit("three")
    sandbox("init")
    sandbox("hooks", "uninstall")
    sandbox("create", "t", "-d", "Do the thing.")
    sandbox("create", "u", "-d", "Do the other thing.")
    sandbox("update", "continue", "Execute t", "--task", "t")


def _names(line: str, names: set[str], folders: tuple[str, ...]) -> bool:
    path = line.rpartition("\t")[2] if "\t" in line else line.split(" ", 8)[-1] if line[:1] in "12" else line[2:]
    return not line or _is_in(path, names, folders)


def _is_in(path: str, names: set[str], folders: tuple[str, ...]) -> bool:
    return path in names or path.split("/", maxsplit=1)[0] in folders


def differences(before: Photo, after: Photo) -> list[str]:
    """List what two photos show differently, readable in a test's failure."""
    lines = [f"-{line}" for line in before.status + before.staged if line not in after.status + after.staged]
    lines += [f"+{line}" for line in after.status + after.staged if line not in before.status + before.staged]
    for path in sorted(before.files.keys() | after.files.keys()):
        if before.files.get(path) != after.files.get(path):
            lines.append(f"{path}: {before.files.get(path)!r:.100} -> {after.files.get(path)!r:.100}")
    return lines


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Poll until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)
