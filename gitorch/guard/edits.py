"""What somebody has edited by hand, for the commands that record it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from gitorch.git.objects import Entry
from gitorch.git.repository import Repository
from gitorch.git.trees import diff
from gitorch.guard.held import DEFAULT_MAX_FILE, hold_reason
from gitorch.guard.snapshot import copy_index, files_of, read_in


def changes_in(repository: Repository, paths: Sequence[str]) -> dict[str, Entry | None]:
    """Give how some folders and files under `.tasks` differ from the last commit, ignored files too, held ones not."""
    index = repository.scratch / "paths.index"
    copy_index(repository.index, index)
    git = repository.git
    listed = git.run("ls-files", "-t", "-z", "--", *paths).split(b"\0")
    # tagged S is what a sparse checkout leaves out: it is not gone, only not here
    tracked = [os.fsdecode(line[2:]) for line in listed if line and not line.startswith(b"S ")]
    there = [
        each
        for path in paths
        for each in ([path] if (repository.root / path).is_file() else files_of(repository, path))
    ]
    max_file = repository.size("gitorch.maxfile", DEFAULT_MAX_FILE)
    kept = [
        path
        for path in dict.fromkeys([*tracked, *there])
        if hold_reason(repository.root / path, tracked=path in tracked, max_file=max_file) is None
    ]
    read_in(repository, index, kept)
    head = repository.objects.commit("HEAD")
    before = head.tree if head is not None else repository.store.edit_tree(None, {})
    changed = diff(repository, before, git.line("write-tree", index=index))
    index.unlink(missing_ok=True)
    wanted = set(tracked) | set(there)
    return {path: after for path, (_, after) in changed.items() if path in wanted}
