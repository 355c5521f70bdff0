"""`gitorch move`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.errors import Exit
from gitorch.loop import proposal


def run(*, folder: str, name: str, state: str, reason: str | None) -> int:
    """Change a task's state."""
    with gitorch.open(folder) as workflow:
        appended = workflow.move(name, state, reason)
    if appended is not None:
        for change in appended.record.changes:
            output.say(str(change))
        change, main = appended.record.changes[0], appended.record.main_task
        if change.after == "pending" and main is not None and main.status != "continue":
            output.note(f"note: MAIN_TASK is still {main.status}; gitorch retry {name} also lets it continue")
    elif proposal.inside():
        output.note(f"proposed: {name} -> {state}; it is recorded once this invocation's work is accepted")
    else:
        output.say(f"{name} is {state} already")
    return Exit.OK
