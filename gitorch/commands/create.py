"""`gitorch create`."""

from __future__ import annotations

from typing import Any

import gitorch
from gitorch import output
from gitorch.commands.texts import read_text
from gitorch.core.names import task_path
from gitorch.errors import Exit
from gitorch.loop.edit import NewTask


def run(*, folder: str, name: str, description: str | None, needs: tuple[str, ...], **values: Any) -> int:
    """Create a task."""
    text = None if description is None else read_text(description, folder)
    named = tuple(need.strip() for each in needs for need in each.split(","))
    with gitorch.open(folder) as workflow:
        workflow.create(NewTask(name=name, description=text, needs=named, **values))
        main_task = workflow.state().main_task
    output.say(f"created {task_path(name, 'pending')}")
    if main_task is not None and main_task.status == "completed":
        output.note(
            "note: the workflow is completed, and gitorch run does not run new tasks of it; continue it with: "
            f"gitorch update continue 'Execute {name}' --task {name}"
        )
    return Exit.OK
