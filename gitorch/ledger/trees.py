"""What commits' trees and paths say of the workflow: task files, MAIN_TASK, and other work."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from gitorch.core import main_task as main_tasks
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change, States, difference
from gitorch.core.names import MAIN_TASK_PATH, TASKS_DIR, TaskState, parse_task_file
from gitorch.git.objects import FILE_MODE, TREE_MODE, Entry, Objects
from gitorch.ledger.history import PathChange
from gitorch.ledger.state import WorkflowState, read_state

_PLAIN_MODES: Final = frozenset({FILE_MODE, "100755"})
File = tuple[str, TaskState]


class Paths(NamedTuple):
    """What the paths of a commit say: task files gone and come, MAIN_TASK, and whether other files changed."""

    gone: list[File]
    come: list[File]
    main_oid: str | None
    worked: bool
    odd: list[str]

    def changes(self) -> list[Change]:
        """Give the tasks' changes of state."""
        if not self.gone and not self.come:
            return []
        if len(self.gone) == len(self.come) == 1 and self.gone[0][0] == self.come[0][0]:  # nearly always
            (name, before), (_, after) = self.gone[0], self.come[0]
            return [] if before == after else [Change(name, before, after)]
        return difference(dict(self.gone), dict(self.come))


def state_at(objects: Objects, commit: str) -> tuple[States, str | None]:
    """Give the tasks' states and MAIN_TASK's blob at a commit."""
    state: WorkflowState = read_state(objects, commit)
    return state.states, None if state.main_task_entry is None else state.main_task_entry.oid


def folder_at(objects: Objects, commit: str) -> Entry | None:
    """Give `.tasks` as a commit's tree has it: where it is the same, so is the state."""
    return objects.tree(objects.tree_of(commit)).get(TASKS_DIR)


def files_at(objects: Objects, commit: str) -> set[File]:
    """List the task files at a commit; a task that is spoilt may have two."""
    entries = objects.tree(f"{commit}:{TASKS_DIR}")
    parsed = (_task_file(name) for name, entry in entries.items() if entry.mode != TREE_MODE)
    return {each for each in parsed if each is not None}


def is_file_of(main_task: MainTask | None, oid: str) -> bool:
    """Tell whether a blob is MAIN_TASK as a record tells it, without reading the blob: its id is its hash."""
    if main_task is None:
        return False
    data = main_tasks.format(main_task).encode()
    algorithm = "sha1" if len(oid) == 40 else "sha256"  # noqa: PLR2004 - hex digits of a SHA-1
    return hashlib.new(algorithm, b"blob %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest() == oid


_task_file = lru_cache(maxsize=1 << 14)(parse_task_file)


def read_paths(paths: Iterable[PathChange], main_oid: str | None) -> Paths:
    """Sort a commit's paths into changes of state, MAIN_TASK, and other work."""
    gone: list[File] = []
    come: list[File] = []
    odd: list[str] = []
    worked = False
    for path, old, new in paths:
        folder, slash, filename = path.partition("/")
        if folder != TASKS_DIR or not slash:
            worked = True
        elif path == MAIN_TASK_PATH:
            main_oid = None if new is None else new.oid
            if new is not None and new.mode not in _PLAIN_MODES:
                odd.append(f"{MAIN_TASK_PATH} is no plain file")
        elif filename[:1] != "[" or (parsed := _task_file(filename)) is None:
            worked = True
        else:
            if old is not None:
                gone.append(parsed)
            if new is not None:
                come.append(parsed)
                if new.mode not in _PLAIN_MODES:
                    odd.append(f"the file of task {parsed[0]} is no plain file")
    return Paths(gone, come, main_oid, worked, odd)


def work_of(paths: Iterable[PathChange]) -> Iterator[tuple[str, bool]]:
    """Yield the paths of a commit that are not state, each with whether the commit removes it."""
    for path, _, new in paths:
        folder, _, filename = path.partition("/")
        if path != MAIN_TASK_PATH and (folder != TASKS_DIR or _task_file(filename) is None):
            yield path, new is None


def worked_in(objects: Objects, tree: str, parents: tuple[str, ...]) -> bool:
    """Tell whether a commit changed files other than MAIN_TASK and task files."""
    parent = objects.commit(parents[0], named=True) if parents else None
    before, after = ({} if spec is None else objects.tree(spec) for spec in (parent and parent.tree, tree))
    if _without_tasks(before) != _without_tasks(after):
        return True
    folders = [each.get(TASKS_DIR) for each in (before, after)]
    inner = [{} if each is None or each.mode != TREE_MODE else objects.tree(each.oid) for each in folders]
    one, other = ({name: entry for name, entry in each.items() if not _is_state(name, entry)} for each in inner)
    return one != other


def _without_tasks(entries: dict[str, Entry]) -> dict[str, Entry]:
    return {name: entry for name, entry in entries.items() if name != TASKS_DIR or entry.mode != TREE_MODE}


def _is_state(name: str, entry: Entry) -> bool:
    return entry.mode != TREE_MODE and (f"{TASKS_DIR}/{name}" == MAIN_TASK_PATH or parse_task_file(name) is not None)
