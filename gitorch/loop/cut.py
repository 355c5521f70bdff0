"""Decomposition by an agent: it writes subtasks in the form of a template, and they are checked like one."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gitorch.core import task as task_files
from gitorch.core import template as template_files
from gitorch.core.names import task_dir, task_path
from gitorch.core.task import AUTO, Task
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.ledger.state import read_state
from gitorch.loop import catalog, trust
from gitorch.loop.claim import Claim

FILE: Final = "subtasks.yaml"  # in the task's folder


def wanted(repository: Repository, task: Task) -> bool:
    """Tell whether no template is named for a task, and none fits its name."""
    known = catalog.templates(repository)
    return task.template == AUTO and template_files.choose(task.name, known.values()) is None


def check(repository: Repository, task: Task, claim: Claim) -> Claim:
    """Read the subtasks that an agent has written; with a fault in them the claim is rejected."""
    shown = f"{task_dir(task.name)}/{FILE}"
    path = repository.root / shown
    if path.is_symlink() or not path.is_file() or path.stat().st_size > task_files.MAX_BYTES:
        return claim.rejected(f"{shown} is missing, or is no plain file of moderate size")
    try:
        made = _read(repository, task, shown)
    except GitorchError as error:
        return claim.rejected(error.message)
    return replace(claim, subtasks=tuple(made))


def _read(repository: Repository, task: Task, shown: str) -> list[Task]:
    known = catalog.templates(repository)
    template = catalog.read_file(repository.root / shown, shown)
    template_files.check_nesting(template, {**known, template.name: template})
    made = template_files.expand(template, task, {})
    states = read_state(repository.objects).states
    for each in made:
        if each.name in states:
            raise GitorchError(f"{shown}: there is a task {each.name} already")
        lines = trust.untrusted(each)
        if lines:
            raise GitorchError(f"{shown}: {each.name}: leave run and check out: the user has not allowed {lines[0]!r}")
    return made


def files(claim: Claim) -> dict[str, bytes]:
    """Give the task files that a claim makes."""
    return {task_path(task.name, "pending"): task_files.format(task).encode() for task in claim.subtasks}
