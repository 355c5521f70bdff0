"""Reading task files as a state holds them. On its own, so that reading states alone imports no YAML."""

from __future__ import annotations

from gitorch.core import task as task_files
from gitorch.core.task import Task
from gitorch.git.objects import Objects
from gitorch.ledger.state import WorkflowState


def read_tasks(objects: Objects, state: WorkflowState) -> dict[str, Task]:
    """Read all task files of a state.

    Raises:
        YamlError: one of them breaks a rule; the message names file, line and key.
    """
    return {name: read_task(objects, state, name) for name in state.states}


def read_task(objects: Objects, state: WorkflowState, name: str) -> Task:
    """Read one task's file."""
    path = state.path_of(name)
    return task_files.parse(name, objects.blob(state.files[name].oid), path)
