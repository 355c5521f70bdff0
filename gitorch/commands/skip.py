"""`gitorch skip`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.commands.watching import Interrupts, Live
from gitorch.errors import Exit


def run(*, folder: str, name: str, reason: str | None) -> int:
    """Complete a task without its work being done."""
    with gitorch.open(folder) as workflow:
        record = workflow.skip(name, reason, Live(Interrupts(), stop_at=1)).record
    for change in record.changes:
        output.say(str(change))
    if record.main_task is not None:
        output.say(f"next: {record.main_task.next}")
    return Exit.OK
