"""`gitorch drop`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.commands.watching import Interrupts, Live
from gitorch.core.names import task_dir
from gitorch.errors import Exit


def run(*, folder: str, names: tuple[str, ...], recursive: bool) -> int:
    """Remove tasks."""
    with gitorch.open(folder) as workflow:
        record = workflow.drop(*names, recursive=recursive, watch=Live(Interrupts(), stop_at=1)).record
        gone = [change.name for change in record.changes if change.after is None]
        left = [name for name in gone if (workflow.repository.root / task_dir(name)).is_dir()]
        before = workflow.state("HEAD~1").main_task
    for change in record.changes:
        output.say(str(change))
    for name in left:
        output.say(f"its directory stays: {task_dir(name)}/")
    if record.main_task is not None and record.main_task != before:
        output.say(f"next: {record.main_task.next}")
    return Exit.OK
