"""Which tasks are to be tried again, and what their next invocations have to know of the earlier ones.

It goes along with the running sums, so that the number of an attempt is read from the last record that has them,
whatever the history's length.
"""

from __future__ import annotations

from collections.abc import Iterable

from gitorch.core.moves import States
from gitorch.core.record import ATTEMPTS, Again, Record, task_of

Tried = tuple[Again, ...]


def of(tried: Tried, name: str) -> Again:
    """Give what is known of a task; nothing is of one that is to be tried for the first time."""
    return next((again for again in tried if again.name == name), Again(name))


def after(tried: Tried, record: Record) -> Tried:
    """Give the tasks to be tried again after a record that has no sums of its own, or that is to get them.

    An attempt counts that failed by itself. Whatever else moves a task, and an answer, makes it begin anew.
    """
    if record.event == "start":
        return ()
    if record.event in ("begin", "recover") or not record.changes:
        return tried
    moved = {change.name for change in record.changes}
    rest = [again for again in tried if again.name not in moved]
    return _sorted((*rest, *_new(tried, record)))


def _new(tried: Tried, record: Record) -> Iterable[Again]:
    if record.event == "answer":
        return [Again(change.name, answered=True) for change in record.changes if change.after == "pending"]
    task = task_of(record)
    if record.event != "end" or task is None or record.changes[0].after != "pending":
        return []
    before = of(tried, task)
    attempt = max(record.attempt or 1, 1) + (record.outcome in ATTEMPTS)
    waits = before.waits + 1 if _waits(record) else 0
    return [Again(task, attempt, waits, before.answered)]


def _waits(record: Record) -> bool:
    """Return whether the task is tried again by itself later, and not once a person has done something."""
    return record.outcome == "rate-limited" or (record.outcome == "unavailable" and record.retry_at is not None)


def join(ours: Tried, theirs: Tried, joined: States) -> Tried:
    """Join two sides: of a task that is still pending, the most that either side knows."""
    names = {again.name for again in (*ours, *theirs) if joined.get(again.name) == "pending"}
    return _sorted(_more(of(ours, name), of(theirs, name)) for name in names)


def _more(one: Again, other: Again) -> Again:
    most = max(one.attempt, other.attempt), max(one.waits, other.waits), one.answered or other.answered
    return Again(one.name, *most)


def _sorted(tried: Iterable[Again]) -> Tried:
    return tuple(sorted(again for again in tried if again != Again(again.name)))
