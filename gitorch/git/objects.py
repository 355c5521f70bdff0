"""Reading objects through one long-lived `git cat-file`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from gitorch.git.commit import Commit, parse_commit
from gitorch.git.process import Git, GitError, complaint, end, pipes

if TYPE_CHECKING:
    import subprocess

TREE_MODE: Final = "040000"
LINK_MODE: Final = "120000"
SUBMODULE_MODE: Final = "160000"
FILE_MODE: Final = "100644"
# an empty file is like any other: by SHA-1 and by SHA-256
EMPTY_BLOBS: Final = frozenset(
    {
        "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
        "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
    }
)
_COMMITS_KEPT: Final = 5000
_AT_ONCE: Final = 4096  # bytes of requests: they fit into any pipe, so that nobody waits for the other in a circle
_NAMES: Final = sys.getfilesystemencoding()
_ODD_NAMES: Final = sys.getfilesystemencodeerrors()


class Entry(NamedTuple):
    """What a tree holds under one name: mode as six octal digits, and object id."""

    mode: str
    oid: str


class Object(NamedTuple):
    """An object as `git cat-file --batch` gives it."""

    oid: str
    kind: str
    data: bytes


class Objects:
    """The object store of one repository. Object ids are hex, of whatever hash the repository uses."""

    def __init__(self, git: Git, folder: Path | None = None) -> None:
        self._git = git
        self._packed_refs = "" if folder is None else str(folder.parent / "packed-refs")
        self._commits: dict[str, Commit] = {}  # by id: what an id names never changes
        self._reader: subprocess.Popen[bytes] | None = None
        self._packed: tuple[int, ...] = ()  # packed refs as they were when the reader was started

    def close(self) -> None:
        """End the process that reads objects, if it runs."""
        if self._reader is not None:
            end(self._reader)
            self._reader = None

    def read(self, spec: str) -> Object | None:
        """Give the object that a revision or `REV:PATH` names, None where there is none."""
        if "\n" in spec:
            raise GitError("a revision or path with a line break cannot be looked up")
        try:
            return self._ask(spec)
        except (BrokenPipeError, EOFError):  # told apart from a reader of our own output that has gone
            self.close()
        try:
            return self._ask(spec)
        except (BrokenPipeError, EOFError):
            self.close()
        why = complaint(self._git.attempt("cat-file", "-p", spec).err)
        raise GitError(
            f"{self._git.folder}: git cannot read {spec}: {why}", hint="try again; if it happens again see: git fsck"
        ) from None

    def _ask(self, spec: str) -> Object | None:
        """Ask git cat-file; it may die of what it cannot read.

        It takes packed refs for those that it has read if they were packed anew within the same second.
        """
        if self._reader is not None and self._mark_of_packed_refs() != self._packed:
            end(self._reader)
            self._reader = None
        self._request([spec])
        return self._answer()

    def _mark_of_packed_refs(self) -> tuple[int, ...]:
        try:
            found = os.stat(self._packed_refs)  # noqa: PTH116 - asked often
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    def _request(self, specs: Iterable[str]) -> None:
        if self._reader is None:
            self._packed = self._mark_of_packed_refs()
            self._reader = self._git.start("cat-file", "--batch", stdin=True)
        stdin, _ = pipes(self._reader)
        stdin.write(b"".join(os.fsencode(spec) + b"\n" for spec in specs))
        stdin.flush()

    def _answer(self) -> Object | None:
        if self._reader is None:
            raise EOFError
        _, stdout = pipes(self._reader)
        header = stdout.readline().rstrip(b"\n")
        if header.endswith((b" missing", b" ambiguous", b" submodule")):
            return None
        parts = header.split(b" ")
        if len(parts) != 3:  # noqa: PLR2004 - object id, type, size
            raise EOFError
        data = stdout.read(int(parts[2]))
        if len(data) != int(parts[2]) or not stdout.read(1):
            raise EOFError
        return Object(parts[0].decode(), parts[1].decode(), data)

    def blob(self, oid: str) -> bytes:
        """Give a blob's bytes."""
        return self._must(oid, "blob").data

    def blobs(self, oids: Iterable[str]) -> Iterator[bytes]:
        """Give the bytes of many blobs, in order; many are asked for before the first is read."""
        left = list(oids)
        size = max(1, _AT_ONCE // (len(left[0]) + 1)) if left else 1
        for at in range(0, len(left), size):
            some = left[at : at + size]
            try:
                self._request(some)
                found = [self._answer() for _ in some]
            except (BrokenPipeError, EOFError):  # one by one: so it is told which cannot be read
                self.close()
                found = [self.read(oid) for oid in some]
            for oid, each in zip(some, found, strict=True):
                if each is None or each.kind != "blob":
                    raise self._missing("blob", oid)
                yield each.data

    def commit(self, rev: str, *, named: bool = False) -> Commit | None:
        """Read the commit that a revision names, None where there is none, or where a shallow clone ends.

        Args:
            rev: a name, or an id.
            named: whether a commit or log names the id: then there is one.

        Raises:
            GitError: there is one, and it cannot be read: to take that for the end of a history would be to lose it.
        """
        known = self._commits.get(rev)
        if known is not None:
            return known
        found = self.read(f"{rev}^{{commit}}")
        if found is None:
            self._check_there_is_none(rev, named=named)
            return None
        commit = parse_commit(found.oid, found.data)
        if len(self._commits) >= _COMMITS_KEPT:
            self._commits.clear()
        self._commits[commit.oid] = commit
        return commit

    def _check_there_is_none(self, rev: str, *, named: bool) -> None:
        """Tell a revision that names no commit from one whose commit cannot be read; git says the same of both."""
        if rev.startswith("-"):
            return
        oid = self._git.ask("rev-parse", "-q", "--verify", rev, answers=(0, 1)).out.decode().strip()
        if not oid.strip("0") or (oid == rev and not named) or self._is_beyond_shallow_end(oid):
            return
        there = self.read(oid)
        if there is not None and there.kind != "commit":
            return
        if rev == "HEAD":
            raise GitError(
                f"{self._git.folder}: the last commit cannot be read",
                hint="try again; if it happens again see git fsck, and git reflog for where the branch was",
            )
        raise self._missing("commit", rev)

    def _is_beyond_shallow_end(self, oid: str) -> bool:
        """Tell whether a commit is a parent of one where a shallow clone ends."""
        path = self._git.attempt("rev-parse", "--git-path", "shallow").out
        try:
            ends = (self._git.folder / os.fsdecode(path.rstrip(b"\n"))).read_text().split()
        except FileNotFoundError:
            return False
        found = (self.read(end) for end in ends)  # git minds no line there that names nothing
        return any(oid in parse_commit(each.oid, each.data).parents for each in found if each is not None)

    def tree_of(self, rev: str) -> str:
        """Give the id of the tree that a commit holds."""
        commit = self.commit(rev)
        if commit is None:
            raise self._missing("commit", rev)
        return commit.tree

    def tree(self, spec: str) -> dict[str, Entry]:
        """Read one level of a tree that an id or `REV:PATH` names; empty where no such path leads to one.

        Raises:
            GitError: there is one, and it cannot be read: to take that for an empty one would be to lose it.
        """
        found = self.tree_object(spec)
        return (
            {}
            if found is None
            else {name.decode(_NAMES, _ODD_NAMES): Entry(_mode(mode), oid.hex()) for mode, name, oid in _stored(found)}
        )

    def tree_object(self, spec: str) -> Object | None:
        """Read one level of a tree like `tree`, as it is stored; None where no such path leads to one."""
        found = self.read(spec)
        if found is None:
            rev, colon, path = spec.partition(":")
            if not colon:
                raise self._missing("tree", spec)
            return self._walk(rev, path)
        return found if found.kind == "tree" else None

    def stored_tree(self, tree: str) -> dict[bytes, tuple[bytes, str]]:
        """Read a tree with modes and names as they are stored: `.tasks` may hold many thousand."""
        found = self._must(tree, "tree")
        return {name: (mode, oid.hex()) for mode, name, oid in _stored(found)}

    def _walk(self, rev: str, path: str) -> Object | None:
        """Read a tree of which git says that it is missing, which it says too of one that it cannot read."""
        tree = self._must(f"{rev}^{{tree}}", "tree").oid
        for name in path.split("/"):
            entry = self.tree(tree).get(name)
            if entry is None or entry.mode != TREE_MODE:
                return None
            tree = entry.oid
        return self.tree_object(tree)

    def _must(self, spec: str, kind: str) -> Object:
        found = self.read(spec)
        if found is None or found.kind != kind:
            raise self._missing(kind, spec)
        return found

    def _missing(self, kind: str, spec: str) -> GitError:
        return GitError(
            f"{self._git.folder}: {kind} {spec} is missing or cannot be read",
            hint="try again; if it happens again: a partial clone, or damage, see git fsck",
        )

    def missing(self, oids: Iterable[bytes]) -> set[bytes]:
        """Tell which of some objects are not there."""
        listed = b"".join(oid + b"\n" for oid in oids)
        found = self._git.run("cat-file", "--batch-check=", stdin=listed)
        return {line.split(b" ")[0] for line in found.splitlines() if line.endswith(b" missing")}


def _stored(tree: Object) -> list[tuple[bytes, bytes, bytes]]:
    """List a tree's entries as they are stored, each with mode, name and id; in one go, for they may be many."""
    found: list[tuple[bytes, bytes, bytes]] = re.findall(
        rb"([0-7]+) ([^\0]+)\0(.{%d})|." % (len(tree.oid) // 2), tree.data, re.DOTALL
    )
    if any(not mode for mode, _, _ in found):
        raise GitError(f"tree {tree.oid} is out of form", hint="see: git fsck")
    return found


@cache
def _mode(text: bytes) -> str:
    return text.decode().zfill(6)
