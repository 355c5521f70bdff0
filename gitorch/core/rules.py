"""What each event asks of its record, beside the moves and sums that `fold` judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gitorch.core.main_task import MainTask
from gitorch.core.names import TaskState
from gitorch.core.record import Event, Outcome, Record, task_of

_KEEPS_MAIN_TASK: Final = frozenset[Event]({"create", "begin", "move", "drop", "recover"})
_AFTER: Final[Mapping[Outcome, frozenset[TaskState | None]]] = {
    "completed": frozenset({"completed"}),
    "blocked": frozenset({"blocked"}),
    "rate-limited": frozenset({"pending"}),
    "interrupted": frozenset({"pending"}),
    **dict.fromkeys(("failed", "timeout", "stalled", "rejected"), frozenset[TaskState | None]({"pending", "failed"})),
}
_LOOKS: Final = frozenset({"gather", "check"})  # asked for by NEXT, they leave a task of another kind as it was


def problems(record: Record, *, rewritten: bool, before: Callable[[], MainTask | None]) -> list[str]:
    """Say in what a record does not fit its event.

    Args:
        record: the record.
        rewritten: whether its commit changed MAIN_TASK.
        before: gives MAIN_TASK as it was; asked for only where the event makes it matter.
    """
    found = []
    event, changes = record.event, record.changes
    keeps = event in _KEEPS_MAIN_TASK or (event == "decompose" and record.totals is None)
    if keeps and rewritten:
        found.append(f"a record of {event} changes MAIN_TASK")
    if event == "end":
        found += _outcome_problems(record)
    elif event == "start":
        found += _start_problems(record, before())
    elif event == "answer":
        now = before()
        if now is not None and now.status != "blocked":
            found.append("it answers a workflow that asks nothing")
    elif event == "create" and len(changes) != 1:
        found.append("a record of create makes one task")
    elif event == "move" and not changes:
        found.append("a record of move moves no task")
    elif event == "drop" and all(change.after is not None for change in changes):
        found.append("a record of drop drops no task")
    elif event == "decompose" and all(change.before is not None for change in changes):
        found.append("a record of decompose makes no task")
    return found


def _start_problems(record: Record, before: MainTask | None) -> list[str]:
    found = []
    if len(record.changes) != 1 or record.main_task is None or record.main_task.status != "continue":
        found.append("a record of start makes one task and sets MAIN_TASK to continue")
    if before is not None and before.status != "completed":
        found.append("a workflow starts while another is open")
    return found


def _outcome_problems(record: Record) -> list[str]:
    if record.outcome is None or task_of(record) is None:
        return []
    change = record.changes[0]
    after = _AFTER[record.outcome]
    if change.after in after or (record.outcome == "completed" and record.action in _LOOKS):
        return []
    return [f"outcome {record.outcome} does not go with {change}"]
