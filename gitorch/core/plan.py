"""The planner: what happens next, as a pure function of the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from gitorch.core import main_task as main_tasks
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Family, States
from gitorch.core.record import ACTIONS, Action
from gitorch.core.task import Task

Tasks = Mapping[str, Task]

_VERBS: Final[Mapping[str, Action]] = {action: action for action in ACTIONS}


class Plan(NamedTuple):
    """One invocation to come.

    Attributes:
        action: what it does.
        task: the task it works on, None for a check of the whole workflow.
        aside: whether it is not the task's own work, so that the task goes back to pending afterwards.
    """

    action: Action
    task: str | None
    aside: bool = False


def family_of(tasks: Tasks) -> Family:
    """Tell who is whose parent."""
    return Family({name: task.parent for name, task in tasks.items()})


def is_open(states: States) -> bool:
    """Tell whether any task is not completed."""
    return any(state != "completed" for state in states.values())


def can_run(name: str, states: States, tasks: Tasks, family: Family) -> bool:
    """Tell whether a task is ready: pending, no subtask open, and all it needs completed, its parents' needs too.

    A parent that was reopened after its subtasks had closed has work of its own left: nothing else would ever run it.
    """
    if states.get(name) != "pending" or any(states.get(child) != "completed" for child in family.children(name)):
        return False
    chain = (name, *family.ancestors(name))
    if any(states.get(above) in ("failed", "blocked") for above in chain[1:]):
        return False
    return all(states.get(need) == "completed" for each in chain if each in tasks for need in tasks[each].needs)


def ready(states: States, tasks: Tasks, family: Family) -> list[str]:
    """List the tasks that can run, first things first: by their parents' order, their own order, their name."""
    names = [name for name in states if name in tasks and can_run(name, states, tasks, family)]

    def rank(name: str) -> tuple[tuple[int, str], ...]:
        chain = [name, *family.ancestors(name)]
        return tuple((tasks[each].order if each in tasks else 0, each) for each in reversed(chain))

    return sorted(names, key=rank)


def plan(main_task: MainTask, states: States, tasks: Tasks) -> Plan:
    """Choose the next invocation: MAIN_TASK's task if it can run, else the first that is ready, else a check."""
    family = family_of(tasks)
    name = main_task.task
    verb = _VERBS.get(main_task.next.split(None, 1)[0].lower())
    if name is None or not can_run(name, states, tasks, family):
        if verb == "check" and name is None:
            return Plan("check", None)
        candidates = ready(states, tasks, family)
        if not candidates:
            return Plan("check", None)
        chosen = candidates[0]
        return Plan(own_action(tasks[chosen], family), chosen)
    return _plan_as_told(verb, tasks[name], family)


def _plan_as_told(verb: Action | None, task: Task, family: Family) -> Plan:
    """Follow the verb that NEXT begins with, where the task allows it."""
    own = own_action(task, family)
    if verb is None or verb == own or (verb == "decompose" and family.children(task.name)):
        return Plan(own, task.name)
    if verb == "check":
        return Plan("check", task.name, aside=True)
    if own == "decompose" or task.run is not None:
        return Plan(own, task.name)  # a template and a command are not to be passed over
    return Plan(verb, task.name, aside=verb == "gather")


def own_action(task: Task, family: Family) -> Action:
    """Give the action that follows from a task itself; a template is used once."""
    return "decompose" if task.template is not None and not family.children(task.name) else task.kind


def next_main_task(states: States, tasks: Tasks, *, prefer: str | None = None) -> MainTask:
    """Say what MAIN_TASK holds after a step, unless the agent said otherwise.

    Args:
        states: the states after the step.
        tasks: the task files after the step.
        prefer: the task to go on with if it is ready.
    """
    family = family_of(tasks)
    candidates = ready(states, tasks, family)
    if not candidates:
        return _nothing_ready(states)
    task = tasks[prefer if prefer is not None and prefer in candidates else candidates[0]]
    lineage = [*reversed([*family.ancestors(task.name)]), task.name]
    focus = next((tasks[name].focus for name in lineage if name in tasks and tasks[name].focus), None)
    what = "task" if task.parent is None else "subtask"
    return main_tasks.make("continue", f"{own_action(task, family).capitalize()} {task.name} {what}", task.name, focus)


def _nothing_ready(states: States) -> MainTask:
    for state in ("failed", "blocked"):
        names = sorted(name for name, now in states.items() if now == state)
        if names:
            return stuck(names[0], state)
    if is_open(states):
        return main_tasks.make("continue", "Check status: no task can run")
    return main_tasks.make("completed", "All tasks completed")


def stuck(name: str, state: str) -> MainTask:
    """Give the MAIN_TASK of a workflow that waits for a person to decide about a task."""
    sentence = f"Decide about {state} task {name}"
    fits = main_tasks.sentence_problem(sentence) is None
    return main_tasks.make("blocked", sentence if fits else f"Decide about the {state} task", name)


def task_problem(name: str, states: States, tasks: Tasks) -> str | None:
    """Say what is wrong with what a task's file says about other tasks, None where all is well."""
    family = family_of(tasks)
    task = tasks[name]
    if name in family.ancestors(name) or (task.parent is not None and _in_circle(name, tasks)):
        return f"task {name} is its own ancestor"
    for what, other in (("parent", task.parent), *(("needs", need) for need in task.needs)):
        if other is not None and other not in states:
            return f"{what}: there is no task {other}"
    return _circle_of_needs(name, states, tasks, family)


def _in_circle(name: str, tasks: Tasks) -> bool:
    seen: set[str] = set()
    at: str | None = name
    while at is not None and at in tasks and at not in seen:
        seen.add(at)
        at = tasks[at].parent
    return at == name


def _circle_of_needs(name: str, states: States, tasks: Tasks, family: Family) -> str | None:
    """Find a way on which a task waits for itself, through needs, parents' needs and subtasks; it could never run."""
    waits: dict[str, str] = {}  # each task to the one that waits for it
    todo = [name]
    while todo:
        at = todo.pop()
        above = (each for each in (at, *family.ancestors(at)) if each in tasks)
        for other in (*(need for each in above for need in tasks[each].needs), *family.children(at)):
            if other == name:
                way = [at]
                while way[-1] != name:
                    way.append(waits[way[-1]])
                return f"a circle: {' waits for '.join((*reversed(way), name))}"
            if other not in waits and states.get(other) != "completed":
                waits[other] = at
                todo.append(other)
    return None
