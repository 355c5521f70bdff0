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
    "unavailable": frozenset({"pending"}),
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
    event = record.event
    if rewritten and event in ("move", "drop"):
        rewritten = not _may_go_on(record, before())
    keeps = event in _KEEPS_MAIN_TASK or (event == "decompose" and record.totals is None)
    if keeps and rewritten and not _is_first(record, before):
        found.append(f"a record of {event} changes MAIN_TASK")
    return [*found, *_event_problems(record, before)]


def _event_problems(record: Record, before: Callable[[], MainTask | None]) -> list[str]:
    event, changes = record.event, record.changes
    if event == "end":
        return _outcome_problems(record)
    if event == "start":
        return _start_problems(record, before())
    if event in ("abandon", "archive"):
        return _end_problems(record)
    if event == "answer":
        now = before()
        return ["it answers a workflow that asks nothing"] if now is not None and now.status != "blocked" else []
    does = {
        "create": (len(changes) == 1, "a record of create makes one task"),
        "move": (bool(changes), "a record of move moves no task"),
        "drop": (any(change.after is None for change in changes), "a record of drop drops no task"),
        "decompose": (any(change.before is None for change in changes), "a record of decompose makes no task"),
    }
    fits, problem = does.get(event, (True, ""))
    return [] if fits else [problem]


def _may_go_on(record: Record, before: MainTask | None) -> bool:
    """Return whether a move or drop may write MAIN_TASK: a task is retried or skipped, or MAIN_TASK named what goes."""
    change = record.changes[0] if record.changes else None
    if change is None or before is None or record.main_task is None:
        return False
    if record.event == "drop":
        return before.task in {each.name for each in record.changes if each.after is None}
    waits = before.status != "continue" or before.task == change.name
    return waits and (change.after == "pending" or (change.after == "completed" and record.reason is not None))


def _end_problems(record: Record) -> list[str]:
    found = []
    if any(change.after is not None for change in record.changes):
        found.append(f"a record of {record.event} only removes tasks")
    if record.event == "abandon" and (record.main_task is None or record.main_task.status != "completed"):
        found.append("a record of abandon sets MAIN_TASK to completed")
    if record.event == "archive" and record.main_task is not None:
        found.append("a record of archive removes MAIN_TASK")
    if record.event == "archive" and any(change.before != "completed" for change in record.changes):
        found.append("a record of archive removes completed tasks only")
    return found


def _is_first(record: Record, before: Callable[[], MainTask | None]) -> bool:
    """Return whether a record of begin writes MAIN_TASK where there was none, for the task that it begins."""
    first = record.main_task
    if record.event != "begin" or first is None or before() is not None:
        return False
    return first.status == "continue" and first.task is not None and first.task == task_of(record)


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
