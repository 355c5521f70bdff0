"""`gitorch show`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.api import Workflow
from gitorch.commands import invocation
from gitorch.commands.invocation import when
from gitorch.core import plan as planner
from gitorch.core.message import as_dict
from gitorch.core.names import check_name, quote, task_dir
from gitorch.core.record import Record, task_of
from gitorch.core.text import clean
from gitorch.errors import Exit, GitorchError
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState
from gitorch.loop import roster, transcripts

__all__ = ["run", "when"]


def run(*, folder: str, name: str, full: bool, transcript: bool, as_json: bool) -> int:
    """Show one task, or one invocation."""
    with gitorch.open(folder) as workflow:
        state = workflow.state()
        if transcript:
            return _transcript(workflow, name, as_json=as_json)
        if name not in state.states:
            found = workflow.invocation(name)
            if found is not None:
                return invocation.run(workflow, found, full=full, as_json=as_json)
        return _task(workflow, state, check_name(name), as_json=as_json)


def _transcript(workflow: Workflow, name: str, *, as_json: bool) -> int:
    """Show what the agent of an invocation, or of the last one of a task, said and did."""
    repository = workflow.repository
    if name in workflow.state().states:
        ends = (record for _, _, record in workflow.records() if record.event == "end" and task_of(record) == name)
        last = next(ends, None)
        identity, agent = (last.invocation, last.agent) if last is not None else (None, None)
    else:
        found = workflow.invocation(name)
        identity, agent = (found.id, found.agent) if found is not None else (None, None)
    if identity is None:
        raise GitorchError(f"there is no invocation {quote(name)}", hint="list them: gitorch audit")
    text = transcripts.read(repository, identity)
    known = roster.load(repository, agent) if agent in roster.sources(repository) else None
    lines = transcripts.readable(text, known)
    if as_json:
        output.document(invocation=identity, agent=agent, lines=lines)
    else:
        output.lines(lines)
    return Exit.OK


def _task(workflow: Workflow, state: WorkflowState, name: str, *, as_json: bool) -> int:
    path = state.path_of(name)
    task = workflow.task(name)
    children = planner.family_of(read_outlines(workflow.repository, state)).children(name)
    history = _history(workflow, name)
    if as_json:
        output.document(
            name=name,
            state=state.states[name],
            path=path,
            folder=task_dir(name),
            parent=task.parent,
            needs=list(task.needs),
            kind=task.kind,
            template=task.template,
            outputs=list(task.outputs),
            run=task.run,
            check=list(task.check),
            subtasks=children,
            description=task.description,
            history=[{"commit": commit, "time": time, **as_dict(record)} for commit, time, record in history],
        )
        return Exit.OK
    output.say(f"{output.paint(name, 'bold')}  [{state.states[name]}]  {task.kind}")
    output.say(f"file: {path}")
    rows = {
        "parent": task.parent or "",
        "needs": ", ".join(f"{need} [{state.states.get(need, 'missing')}]" for need in task.needs),
        "subtasks": ", ".join(f"{child} [{state.states[child]}]" for child in children),
        "outputs": ", ".join(f"{task_dir(name)}/{path}" for path in task.outputs),
        "template": task.template or "",
    }
    for key, value in rows.items():
        if value:
            output.say(f"{key}: {value}")
    output.say()
    output.say(clean(task.description))
    output.say()
    for commit, time, record in history:
        output.say(f"{commit[:10]} {when(time)} {record.subject}")
    return Exit.OK


def _history(workflow: Workflow, name: str) -> list[tuple[str, int, Record]]:
    return [entry for entry in workflow.records() if any(change.name == name for change in entry[2].changes)]
