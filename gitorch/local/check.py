"""The action `check`: nothing can run, so say what stands in the way."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gitorch.core.names import TASK_STATES, TASKS_DIR, TaskState, parse_task_file
from gitorch.core.text import one_line

_SHOWN: Final = 8
_STUCK: Final[tuple[TaskState, ...]] = ("failed", "blocked", "running", "pending")


def question(root: Path) -> str:
    """Ask the person what cannot be decided without one, from the names of the tasks' files."""
    folder = root / TASKS_DIR
    found = [parse_task_file(path.name) for path in folder.iterdir()] if folder.is_dir() else []
    tasks = sorted(known for known in found if known is not None)
    names = {state: [name for name, its in tasks if its == state] for state in TASK_STATES}
    stuck = [f"{state}: {_listed(names[state])}" for state in _STUCK if names[state]]
    if stuck:
        return one_line(f"Nothing can run ({'; '.join(stuck)}). Which task should be reopened, changed or dropped?")
    if names["completed"]:
        return "All tasks are completed. Is the workflow done, or which task should be added?"
    return "There are no tasks. What should be done?"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
