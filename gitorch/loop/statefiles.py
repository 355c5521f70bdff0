"""MAIN_TASK and the task files under an agent's hands: what it must not have done to them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from gitorch.core import task as bodies
from gitorch.core.names import MAIN_TASK_PATH, TASKS_DIR, parse_task_file, pick_task_files, task_file
from gitorch.errors import GitorchError
from gitorch.git import trees
from gitorch.git.repository import Repository
from gitorch.git.trees import Diff
from gitorch.ledger.state import WorkflowState, left_out, read_state


def bodies_fault(repository: Repository, *, begin: str, tip: str, made: Diff) -> str | None:
    """Say which task file the agent has spoiled, in its commits or beside them: no later step could read it."""
    tree_of = repository.objects.tree_of
    committed = trees.diff(repository, tree_of(begin), tree_of(tip))
    touched = {path: new for path, (_, new) in {**committed, **made}.items() if is_state_file(path)}
    for path, entry in sorted(touched.items()):
        parsed = parse_task_file(path.rpartition("/")[2])
        if parsed is None or entry is None:
            continue
        try:
            bodies.parse(parsed[0], repository.objects.blob(entry.oid), path)
        except GitorchError as error:
            return f"the agent spoiled a task file: {error.message}"
    return None


def names_fault(repository: Repository, task: str | None) -> str | None:
    """Put MAIN_TASK and the task's own file name back if the agent changed them; say if it moved another task."""
    try:
        state = read_state(repository.objects)
    except GitorchError as error:
        return f"what the agent has committed breaks the state: {error.message}"
    folder = repository.root / TASKS_DIR
    if folder.is_symlink() or not folder.is_dir():
        return f"the agent took {TASKS_DIR} away"
    filenames = os.listdir(folder)  # noqa: PTH208 - names alone, of maybe 10,000
    if {name for name in filenames if name.startswith("[")} != state.files.filenames:
        fault = _put_name_back(repository, state, task, filenames)
        if fault is not None:
            return fault
    main = repository.root / MAIN_TASK_PATH
    try:
        gone = not main.is_file() and MAIN_TASK_PATH not in left_out(repository)
        if state.main_task_bytes is not None and (
            gone or (main.is_file() and main.read_bytes() != state.main_task_bytes)
        ):
            main.unlink(missing_ok=True)
            main.write_bytes(state.main_task_bytes)
    except OSError:
        return f"the agent made something else of {MAIN_TASK_PATH}"
    return None


def _put_name_back(
    repository: Repository, state: WorkflowState, task: str | None, filenames: Sequence[str]
) -> str | None:
    folder = repository.root / TASKS_DIR
    there: dict[str, list[str]] = {}
    for filename, name, _ in pick_task_files(filenames):
        there.setdefault(name, []).append(filename)
    as_due = {name: [task_file(name, each)] for name, each in state.states.items()}
    absent = left_out(repository)
    for name in sorted(there.keys() | as_due.keys()):
        if name not in there and name in state.states and state.path_of(name) in absent:
            continue
        due = as_due.get(name, [])
        if there.get(name, []) == due:
            continue
        if name != task or len(due) != 1 or len(there.get(name, [])) != 1:
            return f"the agent moved task {name} by hand"
        (folder / there[name][0]).rename(folder / due[0])
    return None


def is_state_file(path: str) -> bool:
    """Tell whether a path is that of MAIN_TASK or of a task file."""
    folder, _, name = path.rpartition("/")
    return path == MAIN_TASK_PATH or (folder == TASKS_DIR and parse_task_file(name) is not None)


def is_body(path: str, state: WorkflowState) -> bool:
    """Tell whether a path may be committed as work: everything but MAIN_TASK and task files of another state."""
    if not is_state_file(path):
        return True
    parsed = parse_task_file(path.rpartition("/")[2])
    return parsed is not None and state.states.get(parsed[0]) == parsed[1]
