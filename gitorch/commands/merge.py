"""`gitorch merge`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.commands.watching import Interrupts, Live
from gitorch.core.moves import difference
from gitorch.errors import Exit, GitorchError


def run(*, folder: str, branches: tuple[str, ...], resolve: bool) -> int:
    """Join another branch that went on with the same workflow."""
    if len(branches) != (0 if resolve else 1):
        what = (
            "--resolve does not take a branch" if resolve else f"one branch is required, not {len(branches) or 'none'}"
        )
        raise GitorchError(what, hint="run gitorch merge BRANCH once for each branch", code=Exit.USAGE)
    with gitorch.open(folder) as workflow:
        before = workflow.state().states
        if resolve:
            merged = workflow.resolve_merge()
        else:
            merged = workflow.merge(branches[0], watch=Live(Interrupts(), stop_at=1))
        after = workflow.state()
    if merged.how == "contained":
        output.say("everything is merged already")
        return Exit.OK
    how = "merged" if merged.how == "joined" else "moved on, there was nothing to join"
    output.say(f"{how}  ({merged.commit[:10]})")
    for change in difference(before, after.states):
        output.say(f"  {change}")
    if after.main_task is not None:
        output.say(f"next: {after.main_task.next}")
    return Exit.OK
