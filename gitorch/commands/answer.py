"""`gitorch answer`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.errors import Exit


def run(*, folder: str, text: str) -> int:
    """Answer what a blocked workflow asks."""
    with gitorch.open(folder) as workflow:
        record = workflow.answer(text).record
    for change in record.changes:
        output.say(str(change))
    if record.main_task is not None:
        output.say(f"next: {record.main_task.next}")
    return Exit.OK
