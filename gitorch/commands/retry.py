"""`gitorch retry`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.commands.watching import Interrupts, Live
from gitorch.errors import Exit


def run(*, folder: str, name: str) -> int:
    """Make a task pending again, and continue with it."""
    with gitorch.open(folder) as workflow:
        record = workflow.retry(name, Live(Interrupts(), stop_at=1)).record
    for change in record.changes:
        output.say(str(change))
    if record.main_task is not None:
        output.say(f"next: {record.main_task.next}")
    return Exit.OK
