"""`gitorch start`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.commands.parameters import read_parameters
from gitorch.errors import Exit


def run(
    *,
    folder: str,
    name: str,
    description: str | None,
    template: str | None,
    parameters: tuple[str, ...],
    focus: str | None,
) -> int:
    """Begin a workflow."""
    with gitorch.open(folder) as workflow:
        appended = workflow.start(
            name, description=description, template=template, focus=focus, parameters=read_parameters(parameters)
        )
    output.say(f"started {name}  ({appended.commit[:10]})")
    output.say("go on with: gitorch step, or gitorch run")
    return Exit.OK
