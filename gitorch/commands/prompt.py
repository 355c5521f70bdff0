"""`gitorch prompt`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.errors import Exit


def run(*, folder: str) -> int:
    """Print the prompt of the next invocation."""
    with gitorch.open(folder) as workflow:
        main_task = workflow.state().workflow()
        if main_task.status != "continue":
            output.note(f"the workflow is {main_task.status}: no invocation comes next")
            return Exit.OK
        plan, text = workflow.plan()
    if plan.action == "decompose":
        output.note(f"the next step cuts {plan.task} into subtasks by a template; no agent gets a prompt")
        return Exit.OK
    output.write(text)
    return Exit.OK
