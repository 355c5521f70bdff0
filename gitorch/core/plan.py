"""The planner: what happens next, as a pure function of the state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from typing import Final, NamedTuple, Protocol

from gitorch.core import main_task as main_tasks
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Family, States
from gitorch.core.names import nearest
from gitorch.core.outline import Kind
from gitorch.core.record import ACTIONS, Action


class Planned(Protocol):
    """What planning needs to know of a task: a `Task` has it, and an `Outline`, which is read faster."""

    @property
    def parent(self) -> str | None: ...  # noqa: D102 - see Task
    @property
    def needs(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def order(self) -> int: ...  # noqa: D102
    @property
    def kind(self) -> Kind: ...  # noqa: D102
    @property
    def template(self) -> str | None: ...  # noqa: D102
    @property
    def focus(self) -> str | None: ...  # noqa: D102
    @property
    def run(self) -> str | None: ...  # noqa: D102


Tasks = Mapping[str, Planned]

_VERBS: Final[Mapping[str, Action]] = {action: action for action in ACTIONS}
_NOTHING_READY: Final = main_tasks.make("continue", "Check status: no task can run")


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
    return Family({name: task.parent for name, task in tasks.items() if task.parent is not None})


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


def first_ready(states: States, tasks: Tasks, family: Family) -> str | None:
    """Give the task that can run and comes first: by its parents' order, its own order, its name."""
    first: str | None = None
    lowest: _Rank = ()
    for name, state in states.items():
        if state == "pending" and name in tasks:
            rank = _rank(name, tasks, family)  # is found sooner than whether a task can run
            if (first is None or rank < lowest) and can_run(name, states, tasks, family):
                first, lowest = name, rank
    return first


_Rank = tuple[tuple[int, str], ...]


def _rank(name: str, tasks: Tasks, family: Family) -> _Rank:
    task = tasks[name]
    own = (task.order, name)
    if task.parent is None:
        return (own,)
    above = [(tasks[each].order if each in tasks else 0, each) for each in family.ancestors(name)]
    return (*reversed(above), own)


def plan(main_task: MainTask, states: States, tasks: Tasks) -> Plan:
    """Choose the next invocation: MAIN_TASK's task if it can run, else the first that is ready, else a check."""
    family = family_of(tasks)
    name = main_task.task
    verb = _VERBS.get(main_task.next.split(None, 1)[0].lower())
    if name is None or not can_run(name, states, tasks, family):
        if verb == "check" and name is None:
            return Plan("check", None)
        chosen = first_ready(states, tasks, family)
        return Plan("check", None) if chosen is None else Plan(own_action(chosen, tasks, family), chosen)
    return _plan_as_told(verb, name, tasks, family)


def _plan_as_told(verb: Action | None, name: str, tasks: Tasks, family: Family) -> Plan:
    """Follow the verb that NEXT begins with, where the task allows it."""
    own = own_action(name, tasks, family)
    if verb is None or verb == own or (verb == "decompose" and family.children(name)):
        return Plan(own, name)
    if verb == "check":
        return Plan("check", name, aside=True)
    if own == "decompose" or tasks[name].run is not None:
        return Plan(own, name)  # a template and a command are not to be passed over
    return Plan(verb, name, aside=verb == "gather")


def own_action(name: str, tasks: Tasks, family: Family) -> Action:
    """Give the action that follows from a task itself; a template is used once."""
    return "decompose" if tasks[name].template is not None and not family.children(name) else tasks[name].kind


def assignment(main_task: MainTask, plan: Plan, tasks: Tasks) -> MainTask:
    """Return what the agent of a plan gets as NEXT and FOCUS.

    MAIN_TASK's sentences are for its own task and for what that is made of. The agent of another task gets those of its
    own, and a check that was not asked for, because no task can run, gets one that says so.
    """
    if main_task.task is None or plan.task == main_task.task:
        return main_task
    if plan.task is None:
        return _NOTHING_READY
    family = family_of(tasks)
    return main_task if main_task.task in family.ancestors(plan.task) else _sentence(plan.task, tasks, family)


def outlasts(main_task: MainTask | None, worked_on: str | None, states: States, tasks: Tasks) -> bool:
    """Return whether MAIN_TASK stays after work on a task: it names another one, which is still to run."""
    if main_task is None or main_task.status != "continue" or main_task.task in (None, worked_on):
        return False
    return main_task.task is not None and will_run(main_task.task, states, tasks, family_of(tasks))


def will_run(name: str, states: States, tasks: Tasks, family: Family) -> bool:
    """Return whether a task is ready, or will be once the tasks that it waits for are completed as they are."""
    if states.get(name) != "pending" or any(states.get(child) != "completed" for child in family.children(name)):
        return False
    waiting: dict[str, list[str]] = {}
    todo = [name]
    while todo:
        at = todo.pop()
        stuck_above = any(states.get(above) in ("failed", "blocked") for above in family.ancestors(at))
        orphan = at in tasks and tasks[at].parent is not None and tasks[at].parent not in states
        if stuck_above or orphan or states.get(at) not in ("pending", "running"):
            return False
        if at not in waiting:
            waiting[at] = [other for other in _waits_for(at, tasks, family) if states.get(other) != "completed"]
            todo += waiting[at]
    return not _unordered(waiting)


def first_main_task(states: States, tasks: Tasks) -> MainTask:
    """Return the MAIN_TASK that a workflow without one begins with: tasks of one's own need no `start`."""
    due = next_main_task(states, tasks)
    return nothing_can_run() if due.status == "continue" and due.task is None else due


def nothing_can_run() -> MainTask:
    """Return the MAIN_TASK of a workflow in which tasks are open and none can ever run as they are."""
    return main_tasks.make("blocked", "Decide what to do: no task can run")


def next_main_task(states: States, tasks: Tasks, *, prefer: str | None = None) -> MainTask:
    """Say what MAIN_TASK holds after a step, unless the agent said otherwise.

    Args:
        states: the states after the step.
        tasks: the task files after the step.
        prefer: the task to go on with if it is ready.
    """
    family = family_of(tasks)
    preferred = prefer is not None and prefer in tasks and can_run(prefer, states, tasks, family)
    name = prefer if preferred else first_ready(states, tasks, family)
    if name is None:
        return _nothing_ready(states)
    return _sentence(name, tasks, family)


def _sentence(name: str, tasks: Tasks, family: Family) -> MainTask:
    """Return the MAIN_TASK that follows from a task itself."""
    lineage = [*reversed([*family.ancestors(name)]), name]
    focus = next((tasks[each].focus for each in lineage if each in tasks and tasks[each].focus), None)
    what = "task" if tasks[name].parent is None else "subtask"
    action = own_action(name, tasks, family).capitalize()
    return main_tasks.make("continue", f"{action} {name} {what}", name, focus)


def _nothing_ready(states: States) -> MainTask:
    for state in ("failed", "blocked"):
        names = sorted(name for name, now in states.items() if now == state)
        if names:
            return stuck(names[0], state)
    if is_open(states):
        return _NOTHING_READY
    return main_tasks.make("completed", "All tasks completed")


def stuck(name: str, state: str) -> MainTask:
    """Give the MAIN_TASK of a workflow that waits for a person to decide about a task."""
    sentence = f"Decide about {state} task {name}"
    fits = main_tasks.sentence_problem(sentence) is None
    return main_tasks.make("blocked", sentence if fits else f"Decide about the {state} task", name)


def task_problem(name: str, states: States, tasks: Tasks) -> str | None:
    """Say what is wrong with what a task's file says about other tasks, None where all is well."""
    family = family_of(tasks)
    return _link_problem(name, states, tasks, family) or _circle_of_needs(name, states, tasks, family)


def task_problems(states: States, tasks: Tasks) -> Iterator[tuple[str, str]]:
    """Say it of all tasks that have a problem, in time that grows with their number alone."""
    family = family_of(tasks)
    in_circles = _in_circles(tasks, family)
    for name in tasks:
        problem = _link_problem(name, states, tasks, family)
        if problem is None and name in in_circles:
            problem = _circle_of_needs(name, states, tasks, family)
        if problem is not None:
            yield name, problem


def _link_problem(name: str, states: States, tasks: Tasks, family: Family) -> str | None:
    task = tasks[name]
    if name in family.ancestors(name) or (task.parent is not None and _in_circle(name, tasks)):
        return f"task {name} is its own ancestor"
    for what, other in (("parent", task.parent), *(("needs", need) for need in task.needs)):
        if other is not None and other not in states:
            return f"{what}: there is no task {other}{nearest(other, states)}"
    return None


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
        for other in _waits_for(at, tasks, family):
            if other == name:
                way = [at]
                while way[-1] != name:
                    way.append(waits[way[-1]])
                return f"a circle: {' waits for '.join((*reversed(way), name))}"
            if other not in waits and states.get(other) != "completed":
                waits[other] = at
                todo.append(other)
    return None


def _waits_for(name: str, tasks: Tasks, family: Family) -> list[str]:
    above = (each for each in (name, *family.ancestors(name)) if each in tasks)
    return [*(need for each in above for need in tasks[each].needs), *family.children(name)]


def _in_circles(tasks: Tasks, family: Family) -> set[str]:
    """List the tasks that may stand in a circle of waiting: all that do, and few others."""
    named = {
        *tasks,
        *(need for task in tasks.values() for need in task.needs),
    }  # a task that is missing has subtasks too
    waiting = {name: _waits_for(name, tasks, family) for name in named}
    left = _unordered(waiting)  # those in circles, and those that wait for these
    awaited: dict[str, list[str]] = {name: [] for name in left}
    for name in left:
        for other in waiting[name]:
            if other in awaited:
                awaited[other].append(name)
    return _unordered(awaited)


def _unordered(waiting: Mapping[str, Iterable[str]]) -> set[str]:
    """Give those that are left when, again and again, all are taken away that wait for none of the rest."""
    sorter = TopologicalSorter(waiting)
    with suppress(CycleError):
        sorter.prepare()
    left = {*waiting}
    while going := sorter.get_ready():
        left.difference_update(going)
        sorter.done(*going)
    return left
