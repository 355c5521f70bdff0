"""What a commit that is being made would hold of the workflow, and whether that is in form."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from gitorch.core import main_task as main_tasks
from gitorch.core import task as task_files
from gitorch.core import template as template_files
from gitorch.core.names import (
    MAIN_TASK_FILE,
    MAIN_TASK_PATH,
    TASK_STATES,
    TASKS_DIR,
    TEMPLATES_DIR,
    parse_task_file,
    quote,
    resembles_task_file,
    task_path,
)
from gitorch.errors import GitorchError
from gitorch.git.objects import FILE_MODE, LINK_MODE, TREE_MODE, Entry, Objects
from gitorch.git.repository import Repository
from gitorch.ledger.state import WorkflowState, check_names, state_of_tree

_PLAIN: Final = (FILE_MODE, "100755")


def read(repository: Repository) -> WorkflowState:
    """Read the state that the commit would hold.

    Raises:
        GitorchError: two files stand for one task, or MAIN_TASK or `.tasks` itself is no plain file or folder.
    """
    index = os.environ.get("GIT_INDEX_FILE")
    tree = repository.git.line("write-tree", index=Path.cwd() / index if index else None)
    top = repository.objects.tree(tree).get(TASKS_DIR)
    if top is not None and top.mode != TREE_MODE:
        raise GitorchError(
            f"{TASKS_DIR} would be no folder", hint="gitorch keeps its tasks there: name yours otherwise"
        )
    try:
        return state_of_tree(repository.objects, tree)
    except GitorchError as error:
        hint = f"keep the one that says how the task stands, take the other away, then: git add {TASKS_DIR}"
        raise GitorchError(error.message, hint=hint) from None


def check_form(objects: Objects, staged: WorkflowState, before: WorkflowState) -> None:
    """Check the form of each file under `.tasks` that is not as it was.

    Raises:
        GitorchError: one is out of form; the message names the file, and where it can the line and key.
    """
    for filename, entry in _new(objects, TASKS_DIR, staged, before):
        path = f"{TASKS_DIR}/{filename}"
        parsed = parse_task_file(filename)
        if parsed is None and resembles_task_file(filename):
            check_names([filename], before.states)
            states = ", ".join(TASK_STATES)
            raise GitorchError(
                f"{quote(path, 200)} is not a valid name of a task file",
                hint=f"it is [STATE]_NAME_task.md; STATE is one of {states}; NAME has a-z, 0-9, '.', '_' and '-'",
            )
        if (parsed is not None or filename == MAIN_TASK_FILE) and entry.mode not in _PLAIN:
            what = "a symbolic link" if entry.mode == LINK_MODE else "no plain file"
            raise GitorchError(f"{path} would be {what}", hint="make it a plain file")
        if parsed is not None:
            task_files.parse(parsed[0], objects.blob(entry.oid), path)
        elif path == MAIN_TASK_PATH:
            main_tasks.parse(objects.blob(entry.oid))
    for filename, entry in _new(objects, TEMPLATES_DIR, staged, before):
        if filename.endswith(".yaml") and entry.mode in _PLAIN:
            path = f"{TEMPLATES_DIR}/{filename}"
            template_files.parse(objects.blob(entry.oid).decode(errors="replace"), path)


def check_whole(repository: Repository, staged: WorkflowState, before: WorkflowState) -> None:
    """Refuse to take a task away whose file has another name in the work tree, which is not staged.

    Raises:
        GitorchError: that is so.
    """
    gone = before.states.keys() - staged.states.keys()
    for name in sorted(gone):
        for state in TASK_STATES:
            path = task_path(name, state)
            if (repository.root / path).is_file():
                raise GitorchError(
                    f"task {name} would be taken away, and {path} is there", hint=f"stage that too: git add {TASKS_DIR}"
                )


def _new(objects: Objects, folder: str, staged: WorkflowState, before: WorkflowState) -> list[tuple[str, Entry]]:
    """List the entries of a folder that were not there like this."""
    old, new = ({} if each.tree is None else objects.tree(f"{each.tree}:{folder}") for each in (before, staged))
    return [(name, entry) for name, entry in new.items() if entry.mode != TREE_MODE and old.get(name) != entry]
