"""`gitorch list`. It imports little, as `status` does."""

from __future__ import annotations

from collections.abc import Mapping

from gitorch import output
from gitorch.core.moves import Family
from gitorch.core.names import TASK_STATES, TaskState
from gitorch.core.outline import Outline
from gitorch.errors import Exit
from gitorch.git.repository import open_repository
from gitorch.ledger.outlines import read_outlines
from gitorch.ledger.state import read_state, worktree_difference

_STYLES: Mapping[TaskState, str] = {
    "pending": "dim",
    "running": "cyan",
    "completed": "green",
    "failed": "red",
    "blocked": "yellow",
}


def run(*, folder: str, by_state: bool, as_json: bool) -> int:
    """List the tasks."""
    repository = open_repository(folder)
    try:
        now = read_state(repository.objects)
        tasks = read_outlines(repository, now)
        difference = None if repository.bare else worktree_difference(repository, now)
    finally:
        repository.close()
    states = now.states
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
                output.lines(f"  {name}" for name in names)
    else:
        badges = {key: output.paint(f"[{key}]", style) for key, style in _STYLES.items()}
        output.lines(f"{'  ' * depth}{badges[states[name]]} {name}" for name, depth in order)
    return Exit.OK


def _in_order(tasks: Mapping[str, Outline]) -> list[tuple[str, int]]:
    """List tasks parents first, each with its depth."""
    family = Family({name: task.parent for name, task in tasks.items()})
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
