"""`gitorch create`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.core.names import task_path
from gitorch.errors import Exit
from gitorch.loop.edit import NewTask


def run(*, folder: str, name: str, description: str | None, parent: str | None, needs: tuple[str, ...]) -> int:
    """Create a task."""
    with gitorch.open(folder) as workflow:
        workflow.create(NewTask(name=name, description=description, parent=parent, needs=needs))
    output.say(f"created {task_path(name, 'pending')}")
    return Exit.OK
