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
    if updated.appended is None:  # on stderr, for what an agent prints on stdout is its report
        output.note("noted: MAIN_TASK is written when this invocation has ended and been checked")
        return Exit.OK
    output.say(main_tasks.format(updated.main_task).rstrip("\n"))
    if updated.left_open is not None:
        output.note(f"note: {updated.left_open}")
    if updated.waits is not None:
        output.note(f"note: {updated.main_task.task} cannot run now: it {updated.waits}")
    return Exit.OK
