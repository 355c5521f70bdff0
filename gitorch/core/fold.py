"""Folding a history: what each record may do, given what came before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from gitorch.core import again
from gitorch.core.again import Tried
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change, States, apply, is_legal, is_skip
from gitorch.core.names import TASK_STATES, TaskState
from gitorch.core.record import PUT_OFF, Action, Event, Record, Totals, task_of

MOST: Final = Decimal(10**12 - 1)  # what a sum can be: more does not fit into a trailer
COMMAND: Final = "run"  # stands as the agent where a task's own command has run; it costs nothing
_ANY_MOVE: Final = frozenset[Event]({"rewind", "adopt", "merge", "recover"})
_NEW: Final = frozenset[Event]({"start", "create", "decompose"})
_REMOVES: Final = frozenset[Event]({"drop", "abandon", "archive"})
# the states from which a record of an event may move tasks that are there already
_FROM: Final[Mapping[Event, tuple[TaskState, ...]]] = {
    "decompose": ("pending",),
    "begin": ("pending",),
    "end": ("running",),
    "move": TASK_STATES,
    "drop": ("running",),
    "answer": ("failed", "blocked"),
}


class Open(NamedTuple):
    """An invocation that has begun and not ended. `task` is None for a check that belongs to none."""

    invocation: str
    action: Action | None
    attempt: int | None
    task: str | None


class Fold(NamedTuple):
    """What a history has led to, beside the states themselves: the running sums and the open invocations."""

    totals: Totals = Totals()
    open: tuple[Open, ...] = ()
    worked: bool = False  # whether files other than states changed since the last sums
    known: bool = True  # False where a shallow clone begins, until a record tells the sums
    again: Tried = ()  # the tasks to be tried again
    bare: bool = True  # whether there is no MAIN_TASK: a step that writes one begins the sums anew, as `start` does


def step(fold: Fold, record: Record, *, worked: bool) -> Fold:
    """Give the fold after a record; `worked` tells whether its commit changed files other than states."""
    worked = worked or fold.worked
    bare = record.main_task is None
    if record.event == "start":
        return Fold(Totals(), fold.open, worked, bare=bare)
    if record.event == "begin" and record.invocation is not None:
        begun = Open(record.invocation, record.action, record.attempt, task_of(record))
        fold = _from_zero(fold, record)
        return fold._replace(open=(*fold.open, begun), worked=False, bare=bare)
    if record.totals is None:
        return fold._replace(worked=worked, again=again.after(fold.again, record), bare=bare)
    left = tuple(begun for begun in fold.open if begun.invocation != record.invocation)
    return Fold(record.totals, left, worked=False, again=record.totals.again, bare=bare)


def _from_zero(fold: Fold, record: Record) -> Fold:
    """Return the fold with sums of zero where a step writes the first MAIN_TASK: its tasks needed no `start`."""
    first = fold.bare and record.main_task is not None and record.event in ("begin", "decompose")
    return fold._replace(totals=Totals(), again=()) if first else fold


def is_unpriced(record: Record) -> bool:
    """Tell whether a record ends an invocation whose cost nobody knows."""
    return record.event in ("end", "recover") and record.cost_usd is None and record.agent != COMMAND


def next_totals(fold: Fold, record: Record, *, worked: bool) -> Totals:
    """Give the sums that a record which ends an invocation has to carry."""
    fold = _from_zero(fold, record)
    before = fold.totals
    cost = before.cost_usd
    if record.cost_usd is not None:
        cost = min((cost or Decimal(0)) + record.cost_usd, MOST)
    progress = worked or fold.worked or any(_is_progress(change) for change in record.changes)
    idle = before.idle if record.outcome in PUT_OFF and record.event == "end" else before.idle + 1
    return Totals(
        steps=before.steps + 1,
        cost_usd=cost,
        seconds=min(before.seconds + (record.duration or Decimal(0)), MOST),
        idle=0 if progress else idle,
        unpriced=before.unpriced + is_unpriced(record),
        again=again.after(fold.again, record),
    )


def _is_progress(change: Change) -> bool:
    return (change.before, change.after) != ("running", "pending")


def problems(fold: Fold, record: Record, *, worked: bool) -> list[str]:
    """Say what a record does that it may not do, its own text being all there is to go by."""
    found = [f"illegal move {change}" for change in record.changes if not _may(record, change)]
    if len(record.changes) > 1:
        moved = Counter(change.name for change in record.changes)
        found += [f"task {name} is moved twice" for name, times in sorted(moved.items()) if times > 1]
    found += _invocation_problems(fold, record)
    if record.totals is not None and fold.known and record.event != "merge":  # a merge is judged by both its sides
        found += wrong_totals(record.totals, next_totals(fold, record, worked=worked))
    return found


def wrong_totals(there: Totals, due: Totals) -> list[str]:
    """Say where sums are others than they should be."""
    return [f"the totals are {_show(there)}, they should be {_show(due)}"] if there != due else []


def _show(totals: Totals) -> str:
    cost = "unknown cost" if totals.cost_usd is None else f"{totals.cost_usd} USD"
    unpriced = f", {totals.unpriced} of unknown cost" if totals.unpriced else ""
    tried = "".join(f", {task.name} again" for task in totals.again)
    return f"{totals.steps} steps, {cost}, {totals.seconds} s, {totals.idle} idle{unpriced}{tried}"


def _may(record: Record, change: Change) -> bool:
    event, before, after = record.event, change.before, change.after
    if event in _ANY_MOVE:
        return True
    if before is None:
        return (event in _NEW or _cuts(record)) and after == "pending"
    if after is None:
        return event in _REMOVES
    if event == "move" and is_skip(change) and record.reason is not None:
        return True
    return is_legal(before, after) and before in _FROM.get(event, ())


def _cuts(record: Record) -> bool:
    """Tell whether a record ends an invocation that has cut its task into subtasks."""
    return record.event == "end" and record.action == "decompose" and record.outcome == "completed"


def _invocation_problems(fold: Fold, record: Record) -> list[str]:
    if record.event in ("abandon", "archive"):
        return [f"invocation {begun.invocation} is open at the {record.event}" for begun in fold.open]
    if record.event == "begin":
        if any(begun.invocation == record.invocation for begun in fold.open):
            return [f"invocation {record.invocation} begins twice"]
        task = task_of(record)
        return [] if task is None else _begin_problems(fold, record, task)
    if record.event not in ("end", "recover"):
        return []
    begun = next((begun for begun in fold.open if begun.invocation == record.invocation), None)
    if begun is None:
        return [f"invocation {record.invocation} ends without having begun"] if fold.known else []
    found = []
    if record.event == "end" and (record.action, record.attempt) != (begun.action, begun.attempt):
        found.append(f"invocation {record.invocation} ends as another action or attempt than it began")
    silent = task_of(record) != begun.task and not (_cuts(record) and record.changes)
    if begun.task is not None and record.event == "end" and silent:
        found.append(f"invocation {record.invocation} began task {begun.task} and does not say what became of it")
    return found


def _begin_problems(fold: Fold, record: Record, task: str) -> list[str]:
    found = [
        f"invocation {begun.invocation} has no end: task {task} begins again"
        for begun in fold.open
        if begun.task == task
    ]
    due = again.of(fold.again, task).attempt
    if fold.known and record.attempt is not None and record.attempt != due:
        found.append(f"this is attempt {due} at {task}, not {record.attempt}")
    return found


def replay(records: Iterable[Record]) -> tuple[States, MainTask | None]:
    """Rebuild states and MAIN_TASK from records alone, oldest first."""
    states: States = {}
    main: MainTask | None = None
    for record in records:
        states = apply(states, record.changes)
        main = record.main_task
    return states, main


def unexplained(changes: Sequence[Change], record: Record | None) -> list[Change]:
    """List the changes of a tree that a record does not name, and those it names that the tree does not show."""
    said = set(record.changes) if record is not None else set()
    return sorted(set(changes) ^ said, key=lambda change: change.name)
