"""`gitorch prompt`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.core.text import clean
from gitorch.errors import Exit
from gitorch.loop.ahead import Options


def run(*, folder: str, agent: str | None) -> int:
    """Print the prompt of the next invocation."""
    with gitorch.open(folder) as workflow:
        main_task = workflow.state().workflow()
        if main_task.status != "continue":
            output.note(f"the workflow is {main_task.status}: no invocation comes next")
            return Exit.OK
        plan, text = workflow.prompt(Options(agent=agent))
    if text is not None:
        output.write(clean(text))
    elif plan.action == "decompose":
        output.note(f"the next step cuts {plan.task} into subtasks by a template; no agent gets a prompt")
    else:
        output.note(f"the next step runs the command of {plan.task}; no agent gets a prompt")
    return Exit.OK
