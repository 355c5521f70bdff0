"""Workflows on other branches, looked for where the present one has none."""

from __future__ import annotations

import os

from gitorch.core.names import MAIN_TASK_PATH
from gitorch.git.repository import Repository

_MOST = 500  # branches that are looked at


def branches_with_workflow(repository: Repository) -> list[str]:
    """List the other local branches that hold a MAIN_TASK, the one that was committed to last first."""
    listed = repository.git.run(
        "for-each-ref", "--sort=-committerdate", f"--count={_MOST}", "--format=%(refname)", "refs/heads"
    )
    here = repository.branch()
    refs = [ref for ref in os.fsdecode(listed).split() if ref != here]
    asked = "".join(f"{ref}:{MAIN_TASK_PATH}\n" for ref in refs)
    answers = repository.git.run("cat-file", "--batch-check=%(objecttype)", stdin=os.fsencode(asked)).split(b"\n")
    found = zip(refs, answers, strict=False)
    return [ref.removeprefix("refs/heads/") for ref, answer in found if answer == b"blob"]


def hint(repository: Repository) -> str | None:
    """Return where a workflow is, with the command that goes there; None where no other branch has one."""
    branches = branches_with_workflow(repository)
    if not branches:
        return None
    here = (repository.branch() or "detached HEAD").removeprefix("refs/heads/")
    more = f" (and {len(branches) - 1} more)" if len(branches) > 1 else ""
    return f"there is no workflow on {here}; branch {branches[0]} has one{more}: git switch {branches[0]}"
