"""Decomposition by an agent: it writes subtasks in the form of a template, and they are checked like one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gitorch.core import task as task_files
from gitorch.core.moves import States
from gitorch.core.names import SUBTASKS_FILE, task_dir, task_path
from gitorch.core.outline import MAX_BYTES
from gitorch.core.task import AUTO, Task
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.guard.held import holds_token
from gitorch.ledger.state import read_state
from gitorch.loop.claim import Claim

_NOT_ITS_TO_SAY: Final = ("run", "check", "agent", "model", "retries", "timeout", "env")


class Taken(GitorchError):
    """A subtask's name is another task's."""


def wanted(repository: Repository, task: Task) -> bool:
    """Tell whether no template is named for a task, and none fits its name."""
    from gitorch.core import template as template_files  # noqa: PLC0415 - most steps read no template
    from gitorch.loop import catalog  # noqa: PLC0415

    known = catalog.templates(repository)
    return task.template == AUTO and template_files.choose(task.name, known.values()) is None


def check(repository: Repository, task: Task, claim: Claim) -> Claim:
    """Read the subtasks that an agent has written; with a fault in them the claim is rejected."""
    shown = f"{task_dir(task.name)}/{SUBTASKS_FILE}"
    path = repository.root / shown
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
        return claim.rejected(f"{shown} is missing, or is no plain file of moderate size")
    try:
        made = _read(repository, task, shown)
    except GitorchError as error:
        return claim.rejected(error.message)
    return claim._replace(subtasks=tuple(made))


def _read(repository: Repository, task: Task, shown: str) -> list[Task]:
    from gitorch.core import template as template_files  # noqa: PLC0415 - most steps read no template
    from gitorch.core.expand import expand  # noqa: PLC0415
    from gitorch.loop import catalog  # noqa: PLC0415

    known = catalog.templates(repository)
    template = catalog.read_file(repository.root / shown, shown)
    template_files.check_nesting(template, {**known, template.name: template})
    made = expand(template, task, {})
    for subtask in template.subtasks:
        own = next((key for key in _NOT_ITS_TO_SAY if subtask.work[key]), None)
        if own is not None:
            raise GitorchError(f"{shown}:{subtask.line}: {own}: leave it out: that is for the user to say")
    check_free(read_state(repository.objects).states, made)
    if any(holds_token(task_files.format(each).encode()) for each in made):
        raise GitorchError(f"{shown}: it seems to hold a key or token")
    return made


def check_free(states: States, made: Sequence[Task]) -> None:
    """Refuse subtasks whose names are taken.

    Raises:
        Taken: naming the first.
    """
    taken = next((task.name for task in made if task.name in states), None)
    if taken is not None:
        raise Taken(f"there is a task {taken} already")


def files(claim: Claim) -> dict[str, bytes]:
    """Give the task files that a claim makes."""
    return {task_path(task.name, "pending"): task_files.format(task).encode() for task in claim.subtasks}
