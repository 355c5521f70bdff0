"""What each event asks of its record, as a table: what fits, and what is said of what does not."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest

from gitorch.core import rules
from gitorch.core.main_task import MainTask, make
from gitorch.core.moves import Change
from gitorch.core.names import TASK_STATES, TaskState
from gitorch.core.record import Action, Outcome, Record, Totals

OPEN, ASKING, OVER = make("continue", "Go on"), make("blocked", "Which?"), make("completed", "All done")
NEW, GONE = Change("a", None, "pending"), Change("a", "pending", None)
RUNS = Change("a", "pending", "running")
ENDS: dict[Outcome, tuple[TaskState, ...]] = {
    "completed": ("completed",),
    "blocked": ("blocked",),
    "failed": ("pending", "failed"),
    "timeout": ("pending", "failed"),
    "stalled": ("pending", "failed"),
    "rejected": ("pending", "failed"),
    "rate-limited": ("pending",),
    "interrupted": ("pending",),
}


def record(event: str, *changes: Change, main_task: MainTask | None = OPEN, totals: Totals | None = None) -> Record:
    return Record(event=event, subject="x", changes=changes, main_task=main_task, totals=totals)  # type: ignore[arg-type]


def said(told: Record, *, rewritten: bool = False, before: MainTask | None = OPEN) -> list[str]:
    return rules.problems(told, rewritten=rewritten, before=lambda: before)


@pytest.mark.parametrize(
    ("told", "before"),
    [
        (record("start", NEW), None),
        (record("start", NEW), OVER),
        (record("answer", Change("a", "blocked", "pending")), ASKING),
        (record("answer", Change("a", "blocked", "pending")), None),
        (record("create", NEW), OPEN),
        (record("move", RUNS), OPEN),
        (record("drop", GONE, Change("p", "running", "completed")), OPEN),
        (record("decompose", NEW), OPEN),
        (record("update", main_task=ASKING), OPEN),
    ],
)
def test_what_fits(told: Record, before: MainTask | None) -> None:
    assert said(told, before=before) == []


@pytest.mark.parametrize(
    ("told", "before", "problem"),
    [
        (record("start"), None, "a record of start makes one task and sets MAIN_TASK to continue"),
        (record("start", NEW, Change("b", None, "pending")), None, "makes one task"),
        (record("start", NEW, main_task=None), None, "sets MAIN_TASK to continue"),
        (record("start", NEW, main_task=ASKING), None, "sets MAIN_TASK to continue"),
        (record("start", NEW), OPEN, "a workflow starts while another is open"),
        (record("start", NEW), ASKING, "a workflow starts while another is open"),
        (record("answer", Change("a", "blocked", "pending")), OPEN, "it answers a workflow that asks nothing"),
        (record("create"), OPEN, "a record of create makes one task"),
        (record("create", NEW, Change("b", None, "pending")), OPEN, "a record of create makes one task"),
        (record("move"), OPEN, "a record of move moves no task"),
        (record("drop"), OPEN, "a record of drop drops no task"),
        (record("drop", RUNS), OPEN, "a record of drop drops no task"),
        (record("decompose"), OPEN, "a record of decompose makes no task"),
        (record("decompose", RUNS), OPEN, "a record of decompose makes no task"),
    ],
)
def test_what_does_not_fit_is_told(told: Record, before: MainTask | None, problem: str) -> None:
    assert any(problem in each for each in said(told, before=before))


@pytest.mark.parametrize(
    ("told", "keeps"),
    [
        *((record(event, change), True) for event, change in (("create", NEW), ("begin", RUNS), ("move", RUNS))),
        *((record(event, change), True) for event, change in (("drop", GONE), ("recover", RUNS))),
        (record("decompose", NEW), True),
        (record("decompose", NEW, totals=Totals()), False),  # by a step, which sets up the next
        *((record(event, main_task=ASKING), False) for event in ("update", "adopt", "rewind", "merge")),
    ],
)
def test_some_events_leave_main_task_alone(told: Record, *, keeps: bool) -> None:
    problem = f"a record of {told.event} changes MAIN_TASK"
    assert said(told, rewritten=True) == ([problem] if keeps else [])
    assert said(told) == []


FIRST = record("begin", RUNS, main_task=make("continue", "Execute a task", "a"))


@pytest.mark.parametrize(
    ("told", "before", "fits"),
    [
        (FIRST, None, True),
        (FIRST, OPEN, False),
        (FIRST, OVER, False),
        (record("begin", RUNS, main_task=make("continue", "Execute b task", "b")), None, False),
        (record("begin", RUNS, main_task=make("completed", "All done", "a")), None, False),
        (record("begin", main_task=OPEN), None, False),
        (record("begin", RUNS, main_task=None), OPEN, False),
        (record("move", RUNS, main_task=FIRST.main_task), None, False),
    ],
)
def test_a_begin_may_write_the_first_main_task(told: Record, before: MainTask | None, *, fits: bool) -> None:
    assert (said(told, rewritten=True, before=before) == []) == fits


@pytest.mark.parametrize("outcome", ENDS)
def test_an_outcome_goes_with_where_it_leaves_the_task(outcome: Outcome) -> None:
    for after, action in itertools.product(TASK_STATES, get_args(Action)):
        change = Change("a", "running", after)
        told = record("end", change)._replace(outcome=outcome, action=action)
        looked = outcome == "completed" and action in ("check", "gather")  # asked for by NEXT: it leaves the task alone
        fits = after in ENDS[outcome] or looked
        assert said(told) == ([] if fits else [f"outcome {outcome} does not go with {change}"])


@pytest.mark.parametrize("told", [record("end"), record("end", Change("a", "running", "failed"))])
def test_an_end_without_a_task_or_an_outcome_asks_nothing(told: Record) -> None:
    assert said(told) == []
    assert said(record("end", NEW)._replace(outcome="completed", action="decompose")) == []
