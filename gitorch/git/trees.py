"""Whole trees compared, and many paths looked up in one, by git."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Final

from gitorch.git.objects import TREE_MODE, Entry
from gitorch.git.repository import Repository

Diff = Mapping[str, tuple[Entry | None, Entry | None]]
_AT_ONCE: Final = 200  # paths that one command line takes
_NO_MODE: Final = "000000"


def diff(repository: Repository, before: str, after: str) -> Diff:
    """List the paths in which two trees differ, with what each holds there."""
    if before == after:
        return {}
    out = repository.git.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", before, after)
    tokens = iter(out.split(b"\0"))
    result: dict[str, tuple[Entry | None, Entry | None]] = {}
    for token in tokens:
        if not token.startswith(b":"):
            continue
        old_mode, new_mode, old, new, _ = token[1:].decode().split(" ")
        result[os.fsdecode(next(tokens))] = (
            None if old_mode == _NO_MODE else Entry(old_mode, old),
            None if new_mode == _NO_MODE else Entry(new_mode, new),
        )
    return result


def entries(repository: Repository, tree: str, paths: Sequence[str]) -> dict[str, Entry]:
    """Give what a tree holds at those of some paths that are files in it."""
    found = {}
    for at in range(0, len(paths), _AT_ONCE):
        for line in repository.git.run("ls-tree", "-z", tree, "--", *paths[at : at + _AT_ONCE]).split(b"\0"):
            about, tab, path = line.partition(b"\t")
            if tab and not about.startswith(TREE_MODE.encode()):
                mode, _, oid = about.decode().split(" ")
                found[os.fsdecode(path)] = Entry(mode, oid)
    return found
