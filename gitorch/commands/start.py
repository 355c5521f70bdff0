"""`gitorch start`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.api import Workflow
from gitorch.commands.ignored import note_ignored
from gitorch.commands.parameters import read_parameters
from gitorch.commands.put_away import tell
from gitorch.commands.texts import read_text
from gitorch.commands.watching import Interrupts, Live
from gitorch.errors import Exit
from gitorch.loop import roster


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
            name,
            description=None if description is None else read_text(description, folder),
            template=template,
            focus=focus,
            parameters=read_parameters(parameters),
            watch=Live(Interrupts(), stop_at=1),
        )
        next_command = _next_command(workflow)
        note_ignored(workflow.repository)
    if appended.archived is not None:
        tell(appended.archived, "archived the finished workflow:")
    output.say(f"started {name}  ({appended.commit[:10]})")
    output.say(f"next: {next_command}")
    return Exit.OK


def _next_command(workflow: Workflow) -> str:
    """Return the command that runs the workflow, with an agent where none is configured, and the one that tries it."""
    agent = roster.configured(workflow.repository)
    if agent is not None:
        return f"gitorch run   (try {agent} first: gitorch agents check {agent})"
    there = roster.installed(workflow.repository)
    if not there:
        return f"gitorch run --agent NAME   (gitorch agents list; without a model: --agent {roster.LOCAL})"
    return f"gitorch run --agent {there[0]}   (try it first: gitorch agents check {there[0]})"
