from __future__ import annotations

import pytest

from gitorch.core import again
from gitorch.core import fold as folds
from gitorch.core.fold import Fold
from gitorch.core.moves import Change
from gitorch.core.record import Again, Event, Outcome, Record

BEGIN = Record(
    event="begin",
    subject="gitorch(a): begin",
    changes=(Change("a", "pending", "running"),),
    invocation="0" * 32,
    action="execute",
    attempt=1,
)


def ended(outcome: Outcome, attempt: int = 1) -> Record:
    after = "completed" if outcome == "completed" else "blocked" if outcome == "blocked" else "pending"
    change = Change("a", "running", after)  # type: ignore[arg-type]
    return BEGIN._replace(event="end", changes=(change,), outcome=outcome, attempt=attempt)


def by_hand(event: Event, *changes: Change) -> Record:
    return Record(event=event, subject="gitorch(a): by hand", changes=changes)


@pytest.mark.parametrize(
    ("outcome", "after"),
    [
        ("failed", (Again("a", 2),)),
        ("timeout", (Again("a", 2),)),
        ("stalled", (Again("a", 2),)),
        ("rejected", (Again("a", 2),)),
        ("interrupted", ()),
        ("rate-limited", (Again("a", 1, 1),)),
        ("completed", ()),
        ("blocked", ()),
    ],
)
def test_what_an_outcome_leaves_to_the_next_invocation(outcome: Outcome, after: again.Tried) -> None:
    assert again.after((), ended(outcome)) == after


def test_waits_count_in_a_row_and_attempts_go_on() -> None:
    tried: again.Tried = ()
    for waits in (1, 2, 3):
        tried = again.after(tried, ended("rate-limited", 2))
        assert tried == (Again("a", 2, waits),)
    assert again.after(tried, ended("failed", 2)) == (Again("a", 3),)
    assert again.after(tried, ended("interrupted", 2)) == (Again("a", 2),)


def test_an_answer_is_remembered_until_the_task_is_moved() -> None:
    answered = again.after((Again("a", 3),), by_hand("answer", Change("a", "blocked", "pending")))
    assert answered == (Again("a", answered=True),)
    assert again.after(answered, ended("failed")) == (Again("a", 2, answered=True),)
    assert again.after(answered, by_hand("move", Change("a", "pending", "blocked"))) == ()


def test_nothing_else_forgets_or_remembers() -> None:
    tried = (Again("a", 2), Again("b", 3))
    for record in (BEGIN, by_hand("update"), BEGIN._replace(event="recover", outcome="interrupted")):
        assert again.after(tried, record) == tried
    for event in ("move", "drop", "rewind", "adopt"):
        assert again.after(tried, by_hand(event, Change("a", "pending", None))) == (Again("b", 3),)
    assert again.after(tried, by_hand("start", Change("c", None, "pending"))) == ()


def test_two_sides_are_joined_the_same_in_either_order() -> None:
    ours, theirs = (Again("a", 3), Again("b", 2)), (Again("a", 2, 4, answered=True), Again("c", 2))
    joined = (Again("a", 3, 4, answered=True), Again("c", 2))
    states = {"a": "pending", "b": "completed", "c": "pending"}
    assert again.join(ours, theirs, states) == again.join(theirs, ours, states) == joined  # type: ignore[arg-type]


def test_an_attempt_counted_wrongly_is_told() -> None:
    due = Fold(again=(Again("a", 2),))
    assert folds.problems(due, BEGIN, worked=False) == ["this is attempt 2 at a, not 1"]
    assert folds.problems(due, BEGIN._replace(attempt=2), worked=False) == []
    assert folds.problems(Fold(known=False), BEGIN._replace(attempt=7), worked=False) == []
