"""`gitorch trust`."""

from __future__ import annotations

import click

import gitorch
from gitorch import output
from gitorch.core.text import clean, counted
from gitorch.errors import Exit, GitorchError
from gitorch.git.repository import Repository
from gitorch.loop import proposal, roster
from gitorch.loop import trust as trusted


def run(*, folder: str, name: str | None, agent: str | None, yes: bool) -> int:
    """Allow the command lines of tasks to run, or an agent file of the repository's to be used."""
    proposal.refuse_inside("trust")
    if agent is not None and name is not None:
        raise GitorchError("a task and --agent cannot be used together", hint="use one of them", code=Exit.USAGE)
    with gitorch.open(folder) as workflow:
        if agent is not None:
            return _trust_agent(workflow.repository, agent, yes=yes)
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
        output.say("there is nothing to allow")
        return Exit.OK
    for task, line in wanted.values():
        output.say(output.paint(f"task {task.name} wants to run:", "bold"))
        output.say("\n".join("    " + part for part in clean(line).rstrip("\n").split("\n")))
        if task.env:
            output.say(f"  and to see the variables {', '.join(task.env)}")
    return _allow(list(wanted), yes=yes, otherwise="the tasks wait until you allow or change their commands")


def _trust_agent(repository: Repository, name: str, *, yes: bool) -> int:
    source = roster.sources(repository).get(name)
    if source is None or not source.waits:
        output.say("there is nothing to allow")
        return Exit.OK
    content = source.path.read_bytes()
    output.say(output.paint(f"{source.shown} says how agent {name} is started:", "bold"))
    output.say("\n".join("    " + part for part in clean(content.decode(errors="replace")).rstrip("\n").split("\n")))
    return _allow([trusted.agent_digest(content)], yes=yes, otherwise="the file is not used until you allow it")


def _allow(digests: list[str], *, yes: bool, otherwise: str) -> int:
    if not yes and not click.confirm("Allow this?", err=True):
        raise GitorchError("not allowed", hint=otherwise)
    trusted.allow(digests)
    output.say(f"allowed {counted(len(digests), 'command')}; kept in {trusted.store()}")
    return Exit.OK
