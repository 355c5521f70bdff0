"""What each event asks of its record, beside the moves and sums that `fold` judges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from gitorch.core.main_task import MainTask
from gitorch.core.moves import States, is_retry, is_skip
from gitorch.core.names import TaskState, task_dir
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
        return _end_problems(record, before)
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
    if not record.changes or before is None or record.main_task is None:
        return False
    if record.event == "drop":
        return before.task in {each.name for each in record.changes if each.after is None}
    if is_retry(record.changes[0]):
        return before.status != "continue"
    if not is_skip(record.changes[0]) or record.reason is None:
        return False
    closed = {each.name for each in record.changes if each.after == "completed"}
    return before.status == "blocked" or (before.status == "continue" and before.task in closed)


def _end_problems(record: Record, before: Callable[[], MainTask | None]) -> list[str]:
    found = []
    if any(change.after is not None for change in record.changes):
        found.append(f"a record of {record.event} only removes tasks")
    if record.event == "abandon" and (record.main_task is None or record.main_task.status != "completed"):
        found.append("a record of abandon sets MAIN_TASK to completed")
    if record.event == "abandon" and any(change.before == "completed" for change in record.changes):
        found.append("a record of abandon keeps completed tasks")
    if record.event != "archive":
        return found
    if record.main_task is not None:
        found.append("a record of archive removes MAIN_TASK")
    if any(change.before != "completed" for change in record.changes):
        found.append("a record of archive removes completed tasks only")
    now = before()
    if now is not None and now.status != "completed":
        found.append(f"it archives a workflow whose status is {now.status}")
    return found


def left_behind(record: Record, states: States) -> list[str]:
    """List the tasks that a record of abandon or archive leaves and has to remove; `states` are those after it."""
    kept: tuple[TaskState, ...] = ("completed",) if record.event == "abandon" else ()
    return [f"a record of {record.event} leaves task {name}" for name in sorted(states) if states[name] not in kept]


def unrelated(record: Record, paths: Iterable[tuple[str, bool]]) -> list[str]:
    """List the files that a record of abandon or archive changes although they are not in its tasks' directories.

    Args:
        record: the record.
        paths: the paths that its commit changes other than state, each with whether the commit removes it.
    """
    own = {task_dir(change.name) for change in record.changes}
    return [
        f"a record of {record.event} {'removes' if removed else 'writes'} {path}"
        for path, removed in paths
        if not removed or "/".join(path.split("/")[:2]) not in own
    ]


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
