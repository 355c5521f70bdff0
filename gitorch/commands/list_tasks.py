"""`gitorch list`."""

from __future__ import annotations

import gitorch
from gitorch import output
from gitorch.core import plan as planner
from gitorch.core.names import TASK_STATES, TaskState
from gitorch.core.task import Task
from gitorch.errors import Exit

_STYLES = {"pending": "dim", "running": "cyan", "completed": "green", "failed": "red", "blocked": "yellow"}


def run(*, folder: str, by_state: bool, as_json: bool) -> int:
    """List the tasks."""
    with gitorch.open(folder) as workflow:
        states = workflow.state().states
        tasks = workflow.tasks()
        difference = workflow.difference()
    if difference is not None:
        output.note(f"note: {difference}")
    order = _in_order(tasks)
    if as_json:
        output.document(
            tasks=[
                {
                    "name": name,
                    "state": states[name],
                    "parent": tasks[name].parent,
                    "needs": list(tasks[name].needs),
                    "kind": tasks[name].kind,
                }
                for name, _ in order
            ]
        )
        return Exit.OK
    if not order:
        output.note("there are no tasks")
    if by_state:
        for state in TASK_STATES:
            names = [name for name, _ in order if states[name] == state]
            if names:
                output.say(output.paint(f"{state} ({len(names)})", "bold"))
                for name in names:
                    output.say(f"  {name}")
    else:
        for name, depth in order:
            output.say(f"{'  ' * depth}{_badge(states[name])} {name}")
    return Exit.OK


def _badge(state: TaskState) -> str:
    return output.paint(f"[{state}]", _STYLES[state])


def _in_order(tasks: dict[str, Task]) -> list[tuple[str, int]]:
    """List tasks parents first, each with its depth."""
    family = planner.family_of(tasks)
    listed: list[tuple[str, int]] = []
    seen: set[str] = set()

    def key(name: str) -> tuple[int, str]:
        return tasks[name].order, name

    roots = sorted((name for name, task in tasks.items() if task.parent not in tasks), key=key)
    # what is in a circle of parents has no root: it is listed all the same
    todo = [(name, 0) for name in reversed([*roots, *sorted(tasks)])]
    while todo:
        name, depth = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        listed.append((name, depth))
        todo += [(child, depth + 1) for child in sorted(family.children(name), key=key, reverse=True)]
    return listed
