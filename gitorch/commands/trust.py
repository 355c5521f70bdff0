"""`gitorch trust`."""

from __future__ import annotations

import click

import gitorch
from gitorch import output
from gitorch.core.text import clean
from gitorch.errors import Exit, GitorchError
from gitorch.loop import proposal
from gitorch.loop import trust as trusted


def run(*, folder: str, name: str | None, yes: bool) -> int:
    """Allow the command lines of tasks to run."""
    proposal.refuse_inside("trust")
    with gitorch.open(folder) as workflow:
        states = workflow.state()
        if name is not None:
            states.state_of(name)
        tasks = [task for each, task in sorted(workflow.tasks().items()) if name is None or each == name]
    wanted = {
        trusted.digest(line, task.env): (task, line)
        for task in tasks
        if states.states[task.name] != "completed" or name is not None
        for line in trusted.untrusted(task)
    }
    if not wanted:
        output.say("nothing waits to be allowed")
        return Exit.OK
    for task, line in wanted.values():
        output.say(output.paint(f"task {task.name} wants to run:", "bold"))
        output.say("\n".join("    " + part for part in clean(line).rstrip("\n").split("\n")))
        if task.env:
            output.say(f"  and to see the variables {', '.join(task.env)}")
    if not yes and not click.confirm("Allow this?", err=True):
        raise GitorchError("not allowed", hint="the tasks wait until you allow or change their commands")
    trusted.allow(wanted)
    output.say(f"allowed {len(wanted)}; kept in {trusted.store()}")
    return Exit.OK
