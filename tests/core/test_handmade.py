"""Changes by hand: what gitorch itself would do is legal, nothing else that the moves forbid is, and records hold."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gitorch.core import fold, handmade, main_task, message, moves, rules
from gitorch.core.fold import Fold
from gitorch.core.join import Side
from gitorch.core.main_task import MainTask
from gitorch.core.moves import Change, Family
from gitorch.core.names import TASK_STATES, TaskState
from gitorch.core.record import Record
from gitorch.core.task import Task
from gitorch.errors import GitorchError
from tests.core.strategies import file_text, nasty_text, states

MAIN = main_task.make("continue", "Go on")
Parents = Mapping[str, str | None]


def tasks_of(parents: Parents) -> dict[str, Task]:
    return {name: Task(name=name, parent=parent) for name, parent in parents.items()}


def record_of(
    before: Mapping[str, TaskState],
    after: Mapping[str, TaskState],
    parents: Parents,
    *,
    was: MainTask | None = MAIN,
    now: MainTask | None = MAIN,
) -> Record | None:
    return handmade.record(Side(was, before), Side(now, after), tasks_of(parents), rewritten=was != now)


def holds(record: Record, *, rewritten: bool = False) -> bool:
    """Tell whether verify would accept the record, and whether a message can hold it."""
    return (
        fold.problems(Fold(), record, worked=False) == []
        and rules.problems(record, rewritten=rewritten, before=lambda: MAIN) == []
        and message.parse(message.build(record)) == message.canonical(record)
    )


@st.composite
def trees(draw: st.DrawFn) -> tuple[dict[str, TaskState], dict[str, str | None]]:
    """Draw tasks that have parents among those before them, in any states."""
    names = "abcdef"[: draw(st.integers(1, 6))]
    parents = {
        name: draw(st.none() | st.sampled_from(names[:place])) if place else None for place, name in enumerate(names)
    }
    return {name: draw(states) for name in names}, parents


def may_begin_so(before: Mapping[str, TaskState], family: Family) -> bool:
    """Tell whether parents are as gitorch keeps them: closed only where all their subtasks are."""
    return all(
        before[name] != "completed" or all(before[child] == "completed" for child in family.children(name))
        for name in before
    )


@given(trees(), st.data())
@pytest.mark.thorough
def test_what_gitorch_would_move_is_legal_by_hand(
    drawn: tuple[dict[str, TaskState], dict[str, str | None]], data: st.DataObject
) -> None:
    before, parents = drawn
    family = Family(parents)
    name = data.draw(st.sampled_from(sorted(before)))
    to = data.draw(st.sampled_from(sorted(moves.LEGAL_MOVES[before[name]])))
    assume(may_begin_so(before, family))
    assume(to != "completed" or all(before[child] == "completed" for child in family.children(name)))
    changes = moves.with_parents(before, family, Change(name, before[name], to))
    record = record_of(before, moves.apply(before, changes), parents)
    assert record is not None
    assert record.event == "move"
    assert set(record.changes) == set(changes)
    assert holds(record)


@given(trees(), st.data())
def test_what_gitorch_would_drop_is_legal_by_hand(
    drawn: tuple[dict[str, TaskState], dict[str, str | None]], data: st.DataObject
) -> None:
    before, parents = drawn
    family = Family(parents)
    name = data.draw(st.sampled_from([each for each in sorted(before) if not family.children(each)]))
    assume(may_begin_so(before, family))
    changes = moves.with_parents(before, family, Change(name, before[name], None))
    record = record_of(before, moves.apply(before, changes), parents)
    assert record is not None
    assert record.event == "drop"
    assert set(record.changes) == set(changes)
    assert record.changes[0] == Change(name, before[name], None)
    assert holds(record)


@given(trees(), st.data())
def test_what_gitorch_would_create_is_legal_by_hand(
    drawn: tuple[dict[str, TaskState], dict[str, str | None]], data: st.DataObject
) -> None:
    before, parents = drawn
    parent = data.draw(st.sampled_from([None, *(name for name in sorted(before) if before[name] != "completed")]))
    record = record_of(before, {**before, "new": "pending"}, {**parents, "new": parent})
    assert record is not None
    assert record.event == "create"
    assert record.changes == (Change("new", None, "pending"),)
    assert holds(record)


def test_a_new_main_task_is_an_update() -> None:
    now = main_task.make("blocked", "Decide", "a")
    record = record_of({"a": "pending"}, {"a": "pending"}, {"a": None}, now=now)
    assert record is not None
    assert (record.event, record.changes, record.main_task) == ("update", (), now)
    assert record.subject == "gitorch(a): update: blocked, Decide"
    assert holds(record, rewritten=True)


def test_nothing_changed_needs_no_record() -> None:
    assert record_of({"a": "pending"}, {"a": "pending"}, {"a": None}) is None


@pytest.mark.parametrize(("before", "after"), [*itertools.product(TASK_STATES, TASK_STATES)])
def test_a_task_of_its_own_goes_only_where_moves_are_legal(before: TaskState, after: TaskState) -> None:
    if before == after or moves.is_legal(before, after):
        record_of({"a": before}, {"a": after}, {"a": None})
        return
    with pytest.raises(GitorchError) as raised:
        record_of({"a": before}, {"a": after}, {"a": None})
    assert f"task a is {before} and cannot become {after}" in raised.value.message
    assert raised.value.hint is not None
    assert all(state in raised.value.hint for state in moves.LEGAL_MOVES[before])


@given(trees(), st.data())
@pytest.mark.thorough
def test_whatever_is_accepted_is_legal_task_by_task_and_holds(
    drawn: tuple[dict[str, TaskState], dict[str, str | None]], data: st.DataObject
) -> None:
    before, parents = drawn
    gone = data.draw(st.sets(st.sampled_from(sorted(before)), max_size=2))
    after = {name: data.draw(st.just(before[name]) | states) for name in before if name not in gone}
    new = data.draw(st.booleans())
    if new:
        after["new"] = data.draw(st.sampled_from(("pending", "running")))
        parents = {**parents, "new": data.draw(st.none() | st.sampled_from(sorted(before)))}
    now = data.draw(st.sampled_from((MAIN, main_task.make("blocked", "Decide"))))
    with suppress(GitorchError):
        check(record_of(before, after, parents, now=now), before, after, parents, now)


def check(
    record: Record | None,
    before: Mapping[str, TaskState],
    after: Mapping[str, TaskState],
    parents: Parents,
    now: MainTask,
) -> None:
    """See that a record tells all that is changed, and nothing that the moves forbid."""
    if record is None:
        assert (before, MAIN) == (after, now)
        return
    assert set(record.changes) == set(moves.difference(before, after))
    assert handmade.is_by_hand(record)
    family = Family(parents)
    moved = {change.name for change in record.changes}
    for change in record.changes:
        if change.before is None:
            assert change.after == "pending"
        elif change.after is None:
            assert not [child for child in family.children(change.name) if child in after]
        else:
            follows = any(change.name in family.ancestors(other) for other in moved)
            assert moves.is_legal(change.before, change.after) or follows
    assert holds(record, rewritten=now != MAIN)


@pytest.mark.parametrize(
    ("before", "after", "parents", "said", "hint"),
    [
        ({}, {"a": "running"}, {"a": None}, "new task a is running", "[pending]_a_task.md"),
        ({"p": "completed"}, {"p": "completed", "a": "pending"}, {"p": None, "a": "p"}, "is completed", "reopen"),
        ({"p": "running", "a": "pending"}, {"a": "pending"}, {"p": None, "a": "p"}, "has subtasks: a", "first"),
        (
            {"p": "running", "a": "pending"},
            {"p": "completed", "a": "pending"},
            {"p": None, "a": "p"},
            "has open subtasks: a",
            "complete or drop",
        ),
        (
            {"p": "pending", "a": "pending"},
            {"p": "pending", "a": "running"},
            {"p": None, "a": "p"},
            "task p has to be running, not pending",
            ".tasks/[running]_p_task.md",
        ),
        (
            {"p": "running", "a": "running"},
            {"p": "running", "a": "completed"},
            {"p": None, "a": "p"},
            "task p has to be completed, not running",
            "gitorch move a completed would do both",
        ),
    ],
)
def test_what_is_refused_says_how_to_mend_it(
    before: dict[str, TaskState], after: dict[str, TaskState], parents: Parents, said: str, hint: str
) -> None:
    with pytest.raises(GitorchError) as raised:
        record_of(before, after, parents)
    assert said in raised.value.message
    assert hint in (raised.value.hint or "")


def test_main_task_has_to_be_there_and_name_a_task() -> None:
    with pytest.raises(GitorchError, match="MAIN_TASK would be missing"):
        record_of({"a": "pending"}, {"a": "pending"}, {"a": None}, now=None)
    lost = main_task.make("continue", "Execute b", "b")
    with pytest.raises(GitorchError, match="MAIN_TASK names task b"):
        record_of({"a": "pending"}, {"a": "pending"}, {"a": None}, now=lost)
    over = main_task.make("completed", "All done", "b")
    assert record_of({"a": "pending"}, {"a": "pending"}, {"a": None}, now=over) is not None


def test_needs_stay_possible() -> None:
    tasks = {"a": Task(name="a"), "b": Task(name="b", needs=("a",)), "c": Task(name="c", needs=("c2",))}
    before: dict[str, TaskState] = {"a": "pending", "b": "pending"}
    with pytest.raises(GitorchError, match="task b could never run: needs: there is no task a"):
        handmade.record(Side(MAIN, before), Side(MAIN, {"b": "pending"}), tasks, rewritten=False)
    with pytest.raises(GitorchError, match="task c could never run"):
        handmade.record(Side(MAIN, before), Side(MAIN, {**before, "c": "pending"}), tasks, rewritten=False)


def test_a_task_that_could_not_run_before_does_not_stand_in_the_way() -> None:
    tasks = {"d": Task(name="d", needs=("x",)), "e": Task(name="e")}
    before: dict[str, TaskState] = {"d": "pending", "e": "pending"}
    record = handmade.record(Side(MAIN, before), Side(MAIN, {"d": "pending"}), tasks, rewritten=False)
    assert record is not None
    assert record.event == "drop"


def test_a_move_beside_one_that_brings_others_along_has_to_be_legal_too() -> None:
    parents = {"a": None, "b": "a", "z": None}
    before: dict[str, TaskState] = {"a": "running", "b": "running", "z": "running"}
    record = record_of(before, dict.fromkeys(before, "completed"), parents)
    assert record is not None
    assert [change.name for change in record.changes] == ["b", "z", "a"]
    with pytest.raises(GitorchError, match="task z is pending and cannot become completed"):
        record_of({**before, "z": "pending"}, dict.fromkeys(before, "completed"), parents)


def test_a_task_dropped_beside_another_that_is_moved_is_no_record_of_drop() -> None:
    before: dict[str, TaskState] = {"a": "pending", "b": "pending"}
    record = record_of(before, {"b": "running"}, {"a": None, "b": None})
    assert record is not None
    assert record.event == "adopt"
    assert holds(record)


MOVED = Record(
    event="move", subject="gitorch(a): move pending -> running", changes=(Change("a", "pending", "running"),)
)


@given(st.one_of(nasty_text, file_text))
def test_any_text_makes_a_message_that_holds_and_keeps_the_text(text: str) -> None:
    told = handmade.with_text(MOVED, text)
    built = message.build(told)
    parsed = message.parse(built)
    assert parsed == message.canonical(told)
    assert parsed is not None
    assert parsed.changes == MOVED.changes
    whole = parsed.subject + "\n" + parsed.body
    canonical = message.canonical(Record(event="move", subject=MOVED.subject, body=text)).body
    assert all(line in whole for line in canonical.split("\n"))


@pytest.mark.parametrize(
    ("text", "subject", "body"),
    [
        ("I have begun", "gitorch(a): I have begun", ""),
        ("gitorch(a): I have begun\n\nWith it.", "gitorch(a): I have begun", "With it."),
        ("gitorch(b): move running -> pending\n\nWith it.", MOVED.subject, "With it."),
        ("x" * 61 + "\n\ny", MOVED.subject, "x" * 61 + "\n\ny"),
        ("", MOVED.subject, ""),
        ("\n \n", MOVED.subject, ""),
    ],
)
def test_the_first_line_becomes_the_subject_where_it_fits(text: str, subject: str, body: str) -> None:
    told = handmade.with_text(MOVED, text)
    assert (told.subject, told.body) == (subject, body)
