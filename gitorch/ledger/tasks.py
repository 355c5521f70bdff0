"""Reading task files as a state holds them. On its own, so that reading states alone imports no YAML."""

from __future__ import annotations

from functools import lru_cache

from gitorch.core import task as task_files
from gitorch.core.task import Task
from gitorch.git.objects import Objects
from gitorch.ledger.state import WorkflowState


def read_tasks(objects: Objects, state: WorkflowState) -> dict[str, Task]:
    """Read all task files of a state.

    Raises:
        YamlError: one of them breaks a rule; the message names file, line and key.
    """
    oids = state.files.oids
    blobs = zip(oids, objects.blobs(oids.values()), strict=True)
    return {name: task_files.parse(name, data, state.path_of(name)) for name, data in blobs}


def read_task(objects: Objects, state: WorkflowState, name: str) -> Task:
    """Read one task's file.

    Raises:
        GitorchError: there is no such task, or the file breaks a rule.
    """
    path = state.path_of(name)
    return _parse(objects, name, state.files[name].oid, path)


@lru_cache(maxsize=1 << 16)
def _parse(objects: Objects, name: str, oid: str, path: str) -> Task:
    """Parse a task file once in a process: a run of many steps reads the same ones again and again."""
    return task_files.parse(name, objects.blob(oid), path)
