"""`gitorch rewind`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.commands.watching import Interrupts, Live
from gitorch.errors import Exit


def run(*, folder: str, invocation: str, work: bool) -> int:
    """Restore an earlier state by a new commit."""
    with gitorch.open(folder) as workflow:
        appended = workflow.rewind(invocation, work=work, watch=Live(Interrupts(), stop_at=1))
    if appended is None:
        output.say("nothing to do: this is the present state")
        return Exit.OK
    record = appended.record
    output.say(f"rewound  ({appended.commit[:10]}): {record.body}")
    for change in record.changes:
        output.say(f"  {change}")
    if record.main_task is not None:
        output.say(f"next: {record.main_task.next}")
    return Exit.OK
