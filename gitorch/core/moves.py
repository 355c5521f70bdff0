"""The states of all tasks, the moves between them, and what a move brings along for parents and children."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from gitorch.core.names import TaskState
from gitorch.errors import GitorchError

States = Mapping[str, TaskState]

LEGAL_MOVES: Final[Mapping[TaskState, frozenset[TaskState]]] = {
    "pending": frozenset({"running", "blocked"}),
    "running": frozenset({"completed", "failed", "blocked", "pending"}),
    "failed": frozenset({"pending"}),
    "blocked": frozenset({"pending"}),
    "completed": frozenset({"pending"}),
}


class Change(NamedTuple):
    """One task's change of state. `before` is None for a new task, `after` is None for one taken away."""

    name: str
    before: TaskState | None
    after: TaskState | None

    def __str__(self) -> str:
        return f"{self.name}: {self.before or 'none'} -> {self.after or 'none'}"


def is_skip(change: Change) -> bool:
    """Return whether a change completes a task without its work being done; a record of it has a reason."""
    return change.after == "completed" and change.before in ("pending", "failed", "blocked")


def is_retry(change: Change) -> bool:
    """Return whether a change makes a task that has ended pending again."""
    return change.after == "pending" and change.before in ("failed", "blocked", "completed")


def is_legal(before: TaskState, after: TaskState) -> bool:
    """Tell whether a task may go from one state to the other."""
    return after in LEGAL_MOVES[before]


def check_move(name: str, before: TaskState, after: TaskState) -> None:
    """Raise an error that names the moves there are, unless the move is legal."""
    if not is_legal(before, after):
        ways = " or ".join(sorted(LEGAL_MOVES[before]))
        skip = f"; to complete it without the work: gitorch skip {name}" if is_skip(Change(name, before, after)) else ""
        raise GitorchError(
            f"task {name} is {before} and cannot become {after}", hint=f"from {before} it may go to {ways}{skip}"
        )


def apply(states: States, changes: Iterable[Change]) -> dict[str, TaskState]:
    """Give the states after the changes.

    Raises:
        GitorchError: a change does not begin where its task is.
    """
    result = dict(states)
    for change in changes:
        if result.get(change.name) != change.before:
            there = result.get(change.name) or "none"
            raise GitorchError(f"task {change.name} is {there}, not {change.before or 'none'}")
        if change.after is None:
            result.pop(change.name, None)
        else:
            result[change.name] = change.after
    return result


def difference(before: States, after: States) -> list[Change]:
    """List the changes that lead from one set of states to another, by name."""
    names = sorted(before.keys() | after.keys())
    return [Change(n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)]


def net(changes: Iterable[Change]) -> list[Change]:
    """Give what changes come to, one after the other, by name."""
    before: dict[str, TaskState] = {}
    after: dict[str, TaskState] = {}
    seen: set[str] = set()
    for change in changes:
        if change.name not in seen and change.before is not None:
            before[change.name] = change.before
        seen.add(change.name)
        if change.after is None:
            after.pop(change.name, None)
        else:
            after[change.name] = change.after
    return difference(before, after)


class Family:
    """Who is whose parent: `parents` maps each task's name to its parent's, or to None."""

    def __init__(self, parents: Mapping[str, str | None]) -> None:
        self._parents = parents
        self._children: dict[str, list[str]] = {}
        for name, parent in parents.items():
            if parent is not None:
                self._children.setdefault(parent, []).append(name)

    def children(self, name: str) -> list[str]:
        """List a task's subtasks."""
        return self._children.get(name, [])

    def ancestors(self, name: str) -> Iterator[str]:
        """Go from a task's parent up to the root; a circle, which a hand edit can make, ends the way."""
        seen = {name}
        parent = self._parents.get(name)
        while parent is not None and parent not in seen:
            yield parent
            seen.add(parent)
            parent = self._parents.get(parent)


def with_parents(states: States, family: Family, move: Change) -> list[Change]:
    """Give a move together with the moves of parents that follow from it, in order.

    A parent closes with its last child, runs again as soon as a child runs, and is reopened with a completed child.
    One whose only child is taken away is pending again: it is a task of its own once more.
    """
    changes = [move]
    now = apply(states, changes)
    if move.after in ("completed", None):
        changes += _closed_with(move.name, now, family)
    elif move.after == "running":
        for parent in family.ancestors(move.name):
            if now.get(parent) == "pending":
                changes.append(Change(parent, "pending", "running"))
                now[parent] = "running"
    elif move.after == "pending" and move.before == "completed":
        for parent in family.ancestors(move.name):
            if now.get(parent) == "completed":
                changes.append(Change(parent, "completed", "pending"))
                now[parent] = "pending"
    return changes


def _closed_with(name: str, now: dict[str, TaskState], family: Family) -> Iterator[Change]:
    """Give what becomes of a closed or dropped task's parents, from the nearest up."""
    for parent in family.ancestors(name):
        left = [now[child] for child in family.children(parent) if child in now]
        if now.get(parent) != "running" or any(state != "completed" for state in left):
            return
        now[parent] = "completed" if left else "pending"
        yield Change(parent, "running", now[parent])
        if not left:
            return
