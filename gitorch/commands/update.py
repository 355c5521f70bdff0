"""`gitorch update`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.core import main_task as main_tasks
from gitorch.errors import Exit


def run(*, folder: str, status: str, next_: str, task: str | None, focus: str | None) -> int:
    """Replace MAIN_TASK."""
    with gitorch.open(folder) as workflow:
        updated = workflow.update(status, next_, task=task, focus=focus)
    output.say(main_tasks.format(updated.main_task).rstrip("\n"))
    if updated.appended is None:
        output.note("noted: it is recorded when this invocation has ended and been checked")
    return Exit.OK
