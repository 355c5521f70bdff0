"""`gitorch fork`."""

from __future__ import annotations

import shlex
from pathlib import Path

import gitorch
from gitorch import output
from gitorch.errors import Exit


def run(*, folder: str, invocation: str, branch: str, worktree: str | None, agent: str | None) -> int:
    """Make a branch that goes on from an earlier state."""
    with gitorch.open(folder) as workflow:
        forked = workflow.fork(
            invocation, branch, worktree=None if worktree is None else Path(folder, worktree), agent=agent
        )
    output.say(f"branch {forked.branch} starts after {forked.place.shown}  ({forked.place.commit[:10]})")
    go_on = f"gitorch -C {shlex.quote(str(forked.worktree))} run" if forked.worktree else f"git switch {branch}"
    output.say(f"continue with: {go_on}")
    return Exit.OK
