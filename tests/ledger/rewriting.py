"""Rewriting a history: commits as plain data, changed at will, and written as git would write them."""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from gitorch.git.objects import Entry
from gitorch.git.repository import Repository, open_repository


@dataclass(eq=False)
class Commit:
    """A commit that may be changed: whatever it is made into, its children follow."""

    tree: str
    parents: list[Commit]
    message: bytes
    head: list[bytes] = field(default_factory=list)  # author, committer, and what else stands in its header

    @property
    def text(self) -> str:
        return self.message.decode()

    def value(self, key: str) -> str | None:
        match = re.search(rf"^Gitorch-{key}: (.*)$", self.text, re.MULTILINE)
        return None if match is None else match[1]

    def swap(self, pattern: str, new: str) -> None:
        """Replace the one place in the message that a pattern finds."""
        changed, count = re.subn(pattern, new, self.text, count=1, flags=re.MULTILINE)
        assert count, (pattern, self.text)
        assert changed != self.text
        self.message = changed.encode()


class History:
    """The commits that a revision leads to, `line` being its first parents from the oldest on."""

    def __init__(self, root: Path, rev: str = "HEAD") -> None:
        self.root = root
        self.repository: Repository = open_repository(root)
        oids = self.repository.git.run("rev-list", "--topo-order", "--reverse", rev).decode().split()
        known: dict[str, Commit] = {}
        for oid in oids:
            known[oid] = self._read(oid, known)
        self.line: list[Commit] = [known[oids[-1]]]
        while self.line[0].parents:
            self.line.insert(0, self.line[0].parents[0])

    def _read(self, oid: str, known: dict[str, Commit]) -> Commit:
        found = self.repository.objects.read(oid)
        assert found is not None
        head, _, message = found.data.partition(b"\n\n")
        lines = head.split(b"\n")
        parents = [known[line[7:].decode()] for line in lines if line.startswith(b"parent ")]
        rest = [line for line in lines if not line.startswith((b"tree ", b"parent "))]
        return Commit(lines[0][5:].decode(), parents, message, rest)

    def insert(self, place: int, tree: str, message: str) -> Commit:
        """Put a commit between the one at a place of the line and its child."""
        before = self.line[place]
        new = Commit(tree, [before], message.encode(), list(before.head))
        if place + 1 < len(self.line):
            child = self.line[place + 1]
            child.parents[child.parents.index(before)] = new
        self.line.insert(place + 1, new)
        return new

    def drop(self, place: int) -> Commit:
        """Take a commit out of the line; gives its child."""
        gone = self.line.pop(place)
        child = self.line[place]
        child.parents[child.parents.index(gone)] = gone.parents[0]
        return child

    def edit(self, tree: str, paths: dict[str, str | Entry | None]) -> str:
        """Give a tree with some paths changed: text for new content, None to take one away."""
        store = self.repository.store
        edits = {
            path: Entry("100644", store.write_blob(new.encode())) if isinstance(new, str) else new
            for path, new in paths.items()
        }
        return store.edit_tree(tree, edits)

    def entries(self, tree: str, folder: str = ".tasks") -> dict[str, Entry]:
        return self.repository.objects.tree(f"{tree}:{folder}")

    def store(self) -> dict[Commit, str]:
        """Write all commits that have changed, and give all their ids."""
        stored: dict[Commit, str] = {}
        todo = [self.line[-1]]
        while todo:
            commit = todo[-1]
            missing = [parent for parent in commit.parents if parent not in stored]
            if missing:
                todo += missing
                continue
            todo.pop()
            if commit not in stored:
                stored[commit] = self._write(commit, [stored[parent] for parent in commit.parents])
        return stored

    def _write(self, commit: Commit, parents: list[str]) -> str:
        lines = [f"tree {commit.tree}".encode(), *(f"parent {oid}".encode() for oid in parents), *commit.head]
        data = b"\n".join(lines) + b"\n\n" + commit.message
        whole = b"commit %d\0%s" % (len(data), data)
        oid = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        path = self.repository.common_dir / "objects" / oid[:2] / oid[2:]
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(zlib.compress(whole, 1))
        return oid
