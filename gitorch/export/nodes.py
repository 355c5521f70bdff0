"""The tasks as a graph: who is part of whom, and who needs whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gitorch.core.names import TaskState
from gitorch.core.task import Task
from gitorch.core.text import one_line

_TITLE: Final = 48

# for each state: the colour of its fill and of its border
COLOURS: Final[Mapping[TaskState, tuple[str, str]]] = {
    "pending": ("#f4f4f5", "#71717a"),
    "running": ("#dbeafe", "#2563eb"),
    "completed": ("#dcfce7", "#16a34a"),
    "failed": ("#fee2e2", "#dc2626"),
    "blocked": ("#fef3c7", "#d97706"),
}
MISSING: Final = "missing"  # stands for the state of a task that is needed and not there


@dataclass(frozen=True)
class Graph:
    """All tasks by name, in the order in which they are drawn.

    Attributes:
        tasks: the task files.
        states: each task's state.
    """

    tasks: Mapping[str, Task]
    states: Mapping[str, TaskState]

    def inside(self) -> dict[str | None, list[str]]:
        """Give the tasks that stand inside each; under None those that stand in no other."""
        found: dict[str | None, list[str]] = {}
        for name in sorted(self.tasks, key=lambda name: (self.tasks[name].order, name)):
            found.setdefault(self._parent(name), []).append(name)
        return found

    def needs(self) -> Iterator[tuple[str, str]]:
        """Give each need: the task that has to be completed first, and the one that waits for it."""
        for name in sorted(self.tasks):
            yield from ((need, name) for need in dict.fromkeys(self.tasks[name].needs))

    def missing(self) -> list[str]:
        """List the tasks that are needed and not there."""
        return sorted({need for need, _ in self.needs()} - self.tasks.keys())

    def drawn(self) -> set[str]:
        """Give the tasks that get a box of their own: a parent that no need touches is only the frame around others."""
        frames = {name for name in self.inside() if name is not None}
        touched = {name for need in self.needs() for name in need}
        return {name for name in self.tasks if name not in frames or name in touched}

    def title(self, name: str) -> str:
        """Give a task's focus, or the first line of its description that is no heading."""
        task = self.tasks.get(name)
        if task is not None and task.focus is not None:
            return one_line(task.focus, _TITLE)
        lines = task.description.split("\n") if task is not None else []
        told = (one_line(line.lstrip("> "), _TITLE) for line in lines if not line.lstrip().startswith("#"))
        return next((line for line in told if line), "")

    def _parent(self, name: str) -> str | None:
        """Give the task that one is drawn in; none where a hand edit has made a circle of parents."""
        parent, seen = self.tasks[name].parent, {name}
        while parent is not None and parent in self.tasks:
            if parent in seen:
                return None
            seen.add(parent)
            parent = self.tasks[parent].parent
        first = self.tasks[name].parent
        return first if first in self.tasks else None


def numbered(names: Iterable[str]) -> dict[str, str]:
    """Give each name an id that is no word of any format."""
    return {name: f"t{number}" for number, name in enumerate(sorted(set(names)))}
