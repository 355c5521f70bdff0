"""Joining what two sides have made of one workflow, by what they began from: the same in either order."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple

from gitorch.core import plan as planner
from gitorch.core.fold import MOST
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Family, States
from gitorch.core.names import TaskState
from gitorch.core.plan import Tasks
from gitorch.core.record import Totals

# where both sides have moved a task, the state that stands further to the right holds
_RANK: Final[tuple[TaskState, ...]] = ("pending", "running", "failed", "blocked", "completed")
_MOST_COUNTED: Final = 10**18 - 1


def states(
    base: States, ours: States, theirs: States, tasks: Tasks, *, edited: Iterable[str] = ()
) -> dict[str, TaskState]:
    """Join the states of two sides.

    Args:
        base: the states that both began from.
        ours: the one side's.
        theirs: the other side's.
        tasks: the task files of both sides, joined.
        edited: tasks whose files a side has edited.
    """
    touched = frozenset(edited)
    joined: dict[str, TaskState] = {}
    left: dict[str, TaskState] = {}
    for name in sorted(ours.keys() | theirs.keys()):
        state = _of_one(base.get(name), ours.get(name), theirs.get(name), edited=name in touched)
        if state is not None:
            joined[name] = state
        elif (there := ours.get(name) or theirs.get(name)) is not None:
            left[name] = there
    _keep_what_is_named(joined, left, tasks)
    _settle(joined, (ours, theirs), tasks)
    return joined


def _of_one(
    before: TaskState | None, ours: TaskState | None, theirs: TaskState | None, *, edited: bool
) -> TaskState | None:
    if ours is None or theirs is None:
        there = ours or theirs
        return None if there == before and not edited else there
    if ours == before:
        return theirs
    if theirs == before:
        return ours
    return max(ours, theirs, key=_RANK.index)


def _keep_what_is_named(joined: dict[str, TaskState], left: dict[str, TaskState], tasks: Tasks) -> None:
    """Keep tasks that one side has dropped while the other made a task that is part of them or needs them."""
    todo = list(joined)
    while todo:
        task = tasks[todo.pop()]
        for other in (*task.needs, *((task.parent,) if task.parent is not None else ())):
            if other in left:
                joined[other] = left.pop(other)
                todo.append(other)


def _settle(joined: dict[str, TaskState], sides: tuple[States, States], tasks: Tasks) -> None:
    """Let parents follow from their subtasks, from the leaves up, where neither side has the family like this."""
    family = planner.family_of(tasks)
    depths = {name: sum(1 for _ in family.ancestors(name)) for name in joined if family.children(name)}
    for name in sorted(depths, key=lambda name: (-depths[name], name)):
        members = (name, *family.children(name))
        if not any(all(side.get(each) == joined.get(each) for each in members) for side in sides):
            joined[name] = _settled(name, joined, family)


def _settled(name: str, joined: States, family: Family) -> TaskState:
    state = joined[name]
    children = [joined[child] for child in family.children(name) if child in joined]
    is_open = any(child != "completed" for child in children)
    if state == "completed" and is_open:
        return "running" if any(child in ("running", "completed") for child in children) else "pending"
    if state == "running" and not is_open:
        return "completed" if children else "pending"
    if state == "pending" and "running" in children:
        return "running"
    return state


class Side(NamedTuple):
    """What one side has: MAIN_TASK and the states."""

    main_task: MainTask | None
    states: States


def main_task(base: MainTask | None, sides: tuple[Side, Side], joined: States, tasks: Tasks) -> MainTask | None:
    """Join MAIN_TASK: what both have, what the only side has that changed it, or what the planner says.

    Args:
        base: what both sides began from.
        sides: what each side has.
        joined: the joined states.
        tasks: the task files of the joined states.
    """
    ours, theirs = sides
    if ours.main_task == theirs.main_task:
        same = ours.main_task
        was_over = same is not None and same.status == "completed" and not any(planner.is_open(s.states) for s in sides)
        return planner.next_main_task(joined, tasks) if was_over and planner.is_open(joined) else same
    for changed, other in (sides, (theirs, ours)):
        if other.main_task == base and changed.states == joined:
            return changed.main_task
    return planner.next_main_task(joined, tasks)


def totals(base: Totals, ours: Totals, theirs: Totals) -> Totals:
    """Join the sums: what both sides have spent counts once each, what they began from once.

    A `start` on one side has set its own sums to zero: then the larger side is the least that it can be.
    """

    def count(base: int, ours: int, theirs: int) -> int:
        return min(max(ours + theirs - base, ours, theirs), _MOST_COUNTED)

    def amount(base: Decimal, ours: Decimal, theirs: Decimal) -> Decimal:
        return min(max(ours + theirs - base, ours, theirs), MOST)

    known = ours.cost_usd is not None or theirs.cost_usd is not None
    zero = Decimal(0)
    return Totals(
        steps=count(base.steps, ours.steps, theirs.steps),
        cost_usd=amount(base.cost_usd or zero, ours.cost_usd or zero, theirs.cost_usd or zero) if known else None,
        seconds=amount(base.seconds, ours.seconds, theirs.seconds),
        idle=0,
        unpriced=count(base.unpriced, ours.unpriced, theirs.unpriced),
    )
