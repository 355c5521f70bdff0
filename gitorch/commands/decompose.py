"""`gitorch decompose`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.commands.parameters import read_parameters
from gitorch.core.names import check_name, task_file
from gitorch.errors import Exit, GitorchError
from gitorch.loop.decompose import Choice


def run(*, folder: str, name: str, auto: bool, template: str | None, parameters: tuple[str, ...]) -> int:
    """Cut a task into subtasks."""
    check_name(name)
    if auto and template is not None:
        raise GitorchError(
            "--auto and --template cannot be used together", hint="use --template alone", code=Exit.USAGE
        )
    with gitorch.open(folder) as workflow:
        if not auto and template is None and workflow.task(name).template is None:
            raise GitorchError(
                f"task {name} does not name a template", hint="add --auto or --template T", code=Exit.USAGE
            )
        _, made = workflow.decompose(name, Choice(template=template, parameters=read_parameters(parameters)))
    for task in made:
        output.say(task_file(task.name, "pending"))
    return Exit.OK
