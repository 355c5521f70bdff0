"""Read the audit of a history: one pass over the log, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from gitorch.core import audit, main_task
from gitorch.core.audit import Entry, Invocation
from gitorch.core.main_task import MainTask
from gitorch.core.names import MAIN_TASK_PATH, TASKS_DIR, parse_task_file
from gitorch.errors import GitorchError
from gitorch.git.repository import Repository
from gitorch.ledger.history import Logged, record_of, stream

_FOLDER: Final = f"{TASKS_DIR}/"


def read_invocations(repository: Repository, *revs: str) -> Iterator[Invocation]:
    """Give the invocations of a history in the order in which they began.

    Raises:
        GitorchError: a revision does not exist.
    """

    def main_task_at(commit: str) -> MainTask | None:
        entry = repository.objects.tree(f"{commit}:{TASKS_DIR}").get("MAIN_TASK")
        try:
            return None if entry is None else main_task.parse(repository.objects.blob(entry.oid))
        except GitorchError:
            return None  # somebody has spoiled it: verify tells

    if not revs and repository.objects.commit("HEAD") is None:
        return
    logged = stream(repository, *(revs or ("HEAD",)), oldest_first=True, paths=True)
    yield from audit.invocations(map(_entry, logged), main_task_at)


def _entry(logged: Logged) -> Entry:
    files = tuple(change.path for change in logged.paths if not is_state(change.path))
    return Entry(logged.commit, logged.parents, logged.time, record_of(logged.message), files)


@lru_cache(maxsize=1 << 14)  # a history names the same paths again and again
def is_state(path: str) -> bool:
    """Tell whether a path is MAIN_TASK or a task file."""
    if not path.startswith(_FOLDER):
        return False
    return path == MAIN_TASK_PATH or parse_task_file(path[len(_FOLDER) :]) is not None
