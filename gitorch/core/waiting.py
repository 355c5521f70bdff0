"""Why tasks cannot run, task by task, and the command that changes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from gitorch.core import plan as planner
from gitorch.core.moves import Family, States
from gitorch.core.names import nearest
from gitorch.core.plan import Tasks

_NAMED: Final = 5  # tasks that one reason names
_SHOWN: Final = 10  # tasks that a list shows
_CAUSE, _EFFECT = 0, 1
_RUNNING: Final = "is running"


class Waiting(NamedTuple):
    """An open task that cannot run, and why: `NAME REASON` is a sentence.

    Attributes:
        name: the task.
        reason: a predicate, such as `waits for a (failed)`.
        remedy: the command that resolves it, or two of them.
        said: what its last attempt failed with, in the words of its agent.
    """

    name: str
    reason: str
    remedy: str | None = None
    said: str | None = None

    @property
    def sentence(self) -> str:
        """Name and reason, without what an agent said."""
        return f"{self.name} {self.reason}"

    def __str__(self) -> str:
        said = f": {self.said}" if self.said is not None else ""
        return f"{self.sentence}{said}" + (f"  ({self.remedy})" if self.remedy is not None else "")


def reasons(states: States, tasks: Tasks, said: Mapping[str, str] = MappingProxyType({})) -> list[Waiting]:
    """Return the open tasks that cannot run, those that others wait for first.

    Args:
        states: each task's state.
        tasks: the task files.
        said: why tasks failed, in the words of their agents, where it is known.
    """
    family = planner.family_of(tasks)
    wrong = dict(planner.task_problems(states, tasks))
    ranked: list[tuple[int, Waiting]] = []
    for name in sorted(states):
        state = states[name]
        if state in ("failed", "blocked"):
            remedy = f"gitorch retry {name}, or gitorch skip {name}"
            what = "failed" if state == "failed" else "is blocked"
            ranked.append((_CAUSE, Waiting(name, what, remedy, said.get(name))))
        elif state == "running" and not _open_children(name, states, family):
            ranked.append((_CAUSE, Waiting(name, _RUNNING, f"when it is done: gitorch move {name} completed")))
        elif state == "pending" and name in wrong:
            ranked.append((_CAUSE, _wrong(name, wrong[name], states, tasks)))
        elif state == "pending" and not planner.can_run(name, states, tasks, family):
            ranked.append((_EFFECT, _pending(name, states, tasks, family)))
    return [waiting for _, waiting in sorted(ranked, key=lambda each: each[0])]


def reason(name: str, states: States, tasks: Tasks) -> str | None:
    """Return why an open task cannot run now, None where it can."""
    waiting = next((each for each in reasons(states, tasks) if each.name == name), None)
    if waiting is not None:
        return waiting.reason
    children = _open_children(name, states, planner.family_of(tasks))
    if states.get(name) == "running" and children:
        return f"has open subtasks: {_listed(children, states)}"
    return "is completed" if states.get(name) == "completed" else None


def continuing(states: States) -> str:
    """Return the command that continues a completed workflow in which tasks are open."""
    names = sorted(name for name, state in states.items() if state != "completed")
    pending = next((name for name in names if states[name] == "pending"), None)
    stuck = next((name for name in names if states[name] in ("failed", "blocked")), None)
    if pending is None and stuck is not None:
        return f"gitorch retry {stuck}"
    name = pending or names[0]
    return f"gitorch update continue 'Execute {name} task' --task {name}"


def left_open(states: States) -> str | None:
    """Return what a completed workflow's open tasks mean, and the commands for them; None where there are none."""
    names = sorted(name for name, state in states.items() if state != "completed")
    if not names:
        return None
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    what = "1 task is open and does" if len(names) == 1 else f"{len(names)} tasks are open and do"
    return (
        f"{what} not run: {', '.join(names[:_NAMED])}{more}\n"
        f"  remove: gitorch abandon\n  continue: {continuing(states)}"
    )


def is_stuck(waiting: Iterable[Waiting]) -> bool:
    """Return whether nothing goes on: no task is being worked on, by an invocation or by hand."""
    return all(each.reason != _RUNNING for each in waiting)


def lines(waiting: Iterable[Waiting]) -> list[str]:
    """Return the list for people, not too long."""
    every = [str(each) for each in waiting]
    more = [f"and {len(every) - _SHOWN} more: gitorch list --by-state"] if len(every) > _SHOWN else []
    return every[:_SHOWN] + more


def _wrong(name: str, problem: str, states: States, tasks: Tasks) -> Waiting:
    """Return the reason of a task whose own file, or that of a task above it, is wrong about other tasks."""
    task = tasks[name]
    if task.parent is not None and task.parent not in states:
        problem = f"has parent {_unknown(task.parent, states)}"
    elif unknown := [need for need in task.needs if need not in states]:
        problem = f"needs {_unknown(unknown[0], states)}"
    else:
        problem = f"waits for itself: {problem.removeprefix('a circle: ')}"
    return Waiting(name, problem, f"gitorch edit {name}")


def _unknown(name: str, states: States) -> str:
    return f"{name}, and there is no such task{nearest(name, states)}"


def _pending(name: str, states: States, tasks: Tasks, family: Family) -> Waiting:
    children = _open_children(name, states, family)
    if children:
        return Waiting(name, f"waits for its subtasks: {_listed(children, states)}")
    own = _open_needs(name, states, tasks)
    if own:
        return Waiting(name, f"waits for {_listed(own, states)}")
    for parent in family.ancestors(name):
        if states.get(parent) in ("failed", "blocked"):
            return Waiting(name, f"waits for its parent {parent} ({states[parent]})")
        needs = _open_needs(parent, states, tasks)
        if needs:
            return Waiting(name, f"waits, as part of {parent}, for {_listed(needs, states)}")
    return Waiting(name, "cannot run")


def _open_children(name: str, states: States, family: Family) -> list[str]:
    return [child for child in family.children(name) if states.get(child) != "completed"]


def _open_needs(name: str, states: States, tasks: Tasks) -> list[str]:
    return [need for need in tasks[name].needs if states.get(need) != "completed"] if name in tasks else []


def _listed(names: list[str], states: States) -> str:
    shown: Iterator[str] = (f"{name} ({states.get(name, 'missing')})" for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(shown) + more
