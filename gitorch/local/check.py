"""The action `check`: nothing can run, so ask about what prevents it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from gitorch.core import task as task_files
from gitorch.core import waiting
from gitorch.core.names import TASKS_DIR, TaskState, pick_task_files
from gitorch.core.task import Task
from gitorch.core.text import one_line
from gitorch.errors import GitorchError

_SHOWN: Final = 4


def question(root: Path) -> str:
    """Return the question to the person, from the task files of the work tree."""
    folder = root / TASKS_DIR
    states: dict[str, TaskState] = {}
    tasks: dict[str, Task] = {}
    for filename, name, state in pick_task_files(path.name for path in folder.iterdir()) if folder.is_dir() else ():
        states[name], tasks[name] = state, Task(name)
        with suppress(GitorchError, OSError):  # its state counts even if the file cannot be read
            tasks[name] = task_files.parse(name, (folder / filename).read_bytes(), filename)
    reasons = [each.sentence for each in waiting.reasons(states, tasks)]
    if reasons:
        more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
        ask = "Which task should be changed, retried or skipped?"
        return one_line(f"Nothing can run: {'; '.join(reasons[:_SHOWN])}{more}", 400) + f". {ask}"
    if states:
        return "All tasks are completed. Is the workflow done, or which task should be added?"
    return "There are no tasks. What should be done?"
