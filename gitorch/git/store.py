"""Storing blobs through one long-lived `git hash-object`, and trees through one `git mktree`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gitorch.git import files
from gitorch.git.objects import SUBMODULE_MODE, Entry, Objects
from gitorch.git.process import Git, GitError, end, pipes
from gitorch.git.scratch import emptied

if TYPE_CHECKING:
    import subprocess

_TREE: Final = b"40000"  # a mode as git stores it
_KINDS: Final = {_TREE: b"tree", SUBMODULE_MODE.encode(): b"commit"}
_HASHER: Final = ("hash-object", "-w", "--no-filters", "--stdin-paths")


class Store:
    """What writes into the object store of one repository."""

    def __init__(self, git: Git, objects: Objects, folder: Path) -> None:
        self._git = git
        self._objects = objects
        self._folder = folder  # where git writes objects: what lies there need not be asked for
        self._writer: subprocess.Popen[bytes] | None = None
        self._hasher: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        """End the processes that write objects, if they run."""
        for process in (self._writer, self._hasher):
            if process is not None:
                end(process)
        self._writer = self._hasher = None

    def write_blob(self, content: bytes) -> str:
        """Store a blob, byte for byte, and give its id."""
        return self._git.run("hash-object", "-w", "--stdin", stdin=content).decode().strip()

    def write_blobs(self, contents: Sequence[bytes], folder: Path) -> list[str]:
        """Store blobs and give their ids; they go through files in a folder of the caller's."""
        if not contents:
            return []
        with emptied(folder):
            paths = [os.path.join(folder, str(number)) for number in range(len(contents))]  # noqa: PTH118 - many
            for path, content in zip(paths, contents, strict=True):
                files.write(Path(path), content)
            return self.hash_files(paths)

    def hash_files(self, paths: Sequence[str]) -> list[str]:
        """Store files byte for byte, without the filters that attributes ask for, and give their ids."""
        oids = [oid for path in paths if (oid := self._ask_hasher(path))]
        if len(oids) == len(paths):
            return oids
        self.close()
        listed = b"".join(map(listable, paths))  # once more, and to hear why
        return self._git.run(*_HASHER, stdin=listed).decode().split()

    def _ask_hasher(self, path: str) -> str:
        if self._hasher is None:
            self._hasher = self._git.start(*_HASHER, stdin=True)
        stdin, stdout = pipes(self._hasher)
        with contextlib.suppress(BrokenPipeError):
            stdin.write(listable(path))
            stdin.flush()
            return stdout.readline().decode().strip()
        return ""

    def edit_tree(self, root: str | None, edits: Mapping[str, Entry | None]) -> str:
        """Store the tree that differs from `root` in just these paths, and give its id.

        None takes a path away. Only the folders on the way are read and written, whatever the size of the tree.
        """
        try:
            return self._edit(root, edits) or self._write_tree({})
        except (OSError, GitError):
            self._end_writer()
            raise

    def _edit(self, tree: str | None, edits: Mapping[str, Entry | None]) -> str | None:
        entries = self._objects.stored_tree(tree) if tree is not None else {}
        below: dict[bytes, dict[str, Entry | None]] = {}
        for path, entry in edits.items():
            head, slash, rest = path.partition("/")
            name = os.fsencode(head)
            if slash:
                below.setdefault(name, {})[rest] = entry
            elif entry is not None:
                entries[name] = entry.mode.lstrip("0").encode(), entry.oid
            elif name not in below:
                entries.pop(name, None)
        for name, inner in below.items():
            mode, there = entries.get(name, (b"", ""))
            if mode != _TREE and not any(inner.values()):
                continue
            oid = self._edit(there if mode == _TREE else None, inner)
            if oid is None:
                entries.pop(name, None)
            else:
                entries[name] = _TREE, oid
        return self._write_tree(entries) if entries else None

    def _write_tree(self, entries: Mapping[bytes, tuple[bytes, str]]) -> str:
        lines = b"".join(
            b"%s %s %s\t%s\0" % (mode, _KINDS.get(mode, b"blob"), oid.encode(), name)
            for name, (mode, oid) in entries.items()
        )
        oid = self._ask_writer(lines)
        if self._is_stored(oid):
            return oid
        self._end_writer()
        done = self._git.attempt("mktree", "--missing", "-z", stdin=lines)  # once more, and to hear why
        oid = done.out.decode().strip()
        if done.code != 0 or not self._is_stored(oid):
            raise GitError(
                f"{self._git.folder}: git mktree failed: {self._git.why(done)}",
                hint="is the disk full, or .git read-only?",
            )
        return oid

    def _ask_writer(self, lines: bytes) -> str:
        if self._writer is None:
            self._writer = self._git.start("mktree", "--missing", "--batch", "-z", stdin=True)
        stdin, stdout = pipes(self._writer)
        with contextlib.suppress(BrokenPipeError):
            stdin.write(lines + b"\0")
            stdin.flush()
            return stdout.readline().decode().strip()
        return ""

    def _is_stored(self, oid: str) -> bool:
        """Tell whether a tree is there: git mktree names it, and ends well, although it could not write it."""
        if not oid:
            return False
        loose = (self._folder / oid[:2] / oid[2:]).exists()
        return loose or self._objects.read(oid) is not None

    def _end_writer(self) -> None:
        if self._writer is not None:
            end(self._writer)
            self._writer = None


def listable(path: str) -> bytes:
    """Write a path as a line for `git hash-object --stdin-paths`, for which a quote at the beginning is its own."""
    return (b"./" if path.startswith('"') else b"") + os.fsencode(path) + b"\n"
