"""`gitorch drop`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.core.names import task_dir
from gitorch.errors import Exit


def run(*, folder: str, name: str) -> int:
    """Take a task away."""
    with gitorch.open(folder) as workflow:
        appended = workflow.drop(name)
        left = (workflow.repository.root / task_dir(name)).is_dir()
    for change in appended.record.changes:
        output.say(str(change))
    if left:
        output.say(f"its folder stays: {task_dir(name)}/")
    return Exit.OK
