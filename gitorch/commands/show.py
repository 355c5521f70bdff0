"""`gitorch show`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.api import Workflow
from gitorch.commands import invocation
from gitorch.commands.invocation import when
from gitorch.core import plan as planner
from gitorch.core.message import as_dict
from gitorch.core.names import check_name, task_dir
from gitorch.core.record import Record
from gitorch.core.text import clean
from gitorch.errors import Exit
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import WorkflowState

__all__ = ["run", "when"]


def run(*, folder: str, name: str, full: bool, as_json: bool) -> int:
    """Show one task, or one invocation."""
    with gitorch.open(folder) as workflow:
        state = workflow.state()
        if name not in state.states:
            found = workflow.invocation(name)
            if found is not None:
                return invocation.run(workflow, found, full=full, as_json=as_json)
        return _task(workflow, state, check_name(name), as_json=as_json)


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
