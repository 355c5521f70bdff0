"""Make records of states that came about without one."""

from __future__ import annotations

from gitorch.core import main_task as main_tasks
from gitorch.core import message, moves
from gitorch.core.names import MAIN_TASK_PATH, TASKS_DIR, TaskState
from gitorch.core.record import Record
from gitorch.git.repository import Repository
from gitorch.guard import snapshot
from gitorch.ledger.append import Appended, Draft, append_if
from gitorch.ledger.history import records_back
from gitorch.ledger.state import WorkflowState, parse_names, read_state


def adopt_unrecorded(repository: Repository) -> Appended | None:
    """Record a `.tasks` that no record has ever named, as it lies in the work tree; None where there is none."""
    state = read_state(repository.objects)
    folder = repository.root / TASKS_DIR
    there: dict[str, TaskState] = {}
    if folder.is_dir():
        there = {name: task_state for (name, task_state), _ in parse_names(path.name for path in folder.iterdir())}
    main = folder / "MAIN_TASK"
    if not there and not state.states and not main.exists() and state.main_task_bytes is None:
        return None
    if state.commit is not None and next(records_back(repository.objects), None) is not None:
        return None

    def draft_for(_: WorkflowState) -> Draft:
        main_task = main_tasks.parse(main.read_bytes()) if main.is_file() else None
        work = snapshot.changes_in(repository, (TASKS_DIR,))
        record = Record(
            event="adopt",
            subject=message.subject(None, f"adopt {len(there)} tasks"),
            main_task=main_task,
            changes=tuple(moves.difference({}, there)),
        )
        return Draft(record=record, work={path: entry for path, entry in work.items() if path != MAIN_TASK_PATH})

    return append_if(repository, draft_for, adopting=True)
