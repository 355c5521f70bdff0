"""Joining two sides: the same in either order, and never a state that no honest history has."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitorch.core import join, message, moves
from gitorch.core import main_task as main_tasks
from gitorch.core.join import Side
from gitorch.core.main_task import MainTask
from gitorch.core.moves import LEGAL_MOVES, Change
from gitorch.core.names import TASK_STATES, TaskState
from gitorch.core.plan import family_of
from gitorch.core.record import Record, Totals
from gitorch.core.task import Task
from gitorch.core.trailers import InvalidMessage

from .strategies import amounts, counts, main_tasks as any_main_task  # isort: skip

States = dict[str, TaskState]
PARENTS = {"p": None, "p1": "p", "p2": "p", "q": "p", "q1": "q", "q2": "q", "s": None, "t": None, "u": "t"}
NEEDS = {"p2": ("p1",), "t": ("s",), "q2": ("u",)}
TASKS = {name: Task(name=name, parent=parent, needs=NEEDS.get(name, ())) for name, parent in PARENTS.items()}
FAMILY = family_of(TASKS)
ALL: States = dict.fromkeys(TASKS, "pending")


def ways(states: States) -> list[list[Change]]:
    """List all that a person may do to these states, each with what it brings along."""
    found: list[Change] = []
    for name, task in TASKS.items():
        before = states.get(name)
        children = [child for child in FAMILY.children(name) if child in states]
        if before is None:
            named = [*task.needs, *([task.parent] if task.parent else [])]
            if all(other in states for other in named) and states.get(task.parent or "") != "completed":
                found.append(Change(name, None, "pending"))
            continue
        closes = all(states[child] == "completed" for child in children)
        afters = sorted(after for after in LEGAL_MOVES[before] if after != "completed" or closes)
        found += [Change(name, before, after) for after in afters]
        if not children and not any(name in NEEDS.get(other, ()) for other in states):
            found.append(Change(name, before, None))
    there = family_of({name: TASKS[name] for name in states})
    return [moves.with_parents(states, there if change.before else FAMILY, change) for change in found]


@st.composite
def walked(draw: st.DrawFn, begin: States) -> States:
    """Go some way from a state, one legal move after the other."""
    states = dict(begin)
    for choice in draw(st.lists(st.integers(0, 10_000), max_size=25)):
        possible = ways(states)
        if possible:
            states = moves.apply(states, possible[choice % len(possible)])
    return states


@st.composite
def parted(draw: st.DrawFn) -> tuple[States, States, States]:
    base = draw(walked(draw(st.sampled_from([{}, ALL]))))
    return base, draw(walked(base)), draw(walked(base))


def joined(base: States, ours: States, theirs: States) -> States:
    return join.states(base, ours, theirs, TASKS)


def odd_families(states: States) -> dict[str, tuple[TaskState | None, ...]]:
    """Give the families that follow from no rule, each with its states; all but a person's own hand can avoid them."""
    found: dict[str, tuple[TaskState | None, ...]] = {}
    for name in TASKS:
        members = [states.get(each) for each in (name, *FAMILY.children(name))]
        there = [state for state in members[1:] if state is not None]
        is_open = any(state != "completed" for state in there)
        if there and ((members[0] == "running" and not is_open) or (members[0] == "pending" and "running" in there)):
            found[name] = tuple(members)
    return found


@given(parted())
@pytest.mark.thorough
def test_it_is_the_same_in_either_order(sides: tuple[States, States, States]) -> None:
    base, ours, theirs = sides
    assert joined(base, ours, theirs) == joined(base, theirs, ours)


@given(parted())
@pytest.mark.thorough
def test_a_side_joined_with_itself_or_with_what_it_began_from_is_that_side(
    sides: tuple[States, States, States],
) -> None:
    base, ours, theirs = sides
    for side in (ours, theirs):
        assert joined(base, side, side) == joined(base, side, base) == joined(base, base, side) == side
    both = joined(base, ours, theirs)
    assert joined(base, both, both) == both


@given(parted())
@pytest.mark.thorough
def test_no_family_comes_about_that_no_honest_history_has(sides: tuple[States, States, States]) -> None:
    base, ours, theirs = sides
    both = joined(base, ours, theirs)
    for name in both:
        children = [both[child] for child in FAMILY.children(name) if child in both]
        assert not (both[name] == "completed" and any(child != "completed" for child in children))
        named = [*TASKS[name].needs, *([TASKS[name].parent] if TASKS[name].parent else [])]
        assert all(other in both for other in named)
    known = [*odd_families(ours).items(), *odd_families(theirs).items()]
    assert [odd for odd in odd_families(both).items() if odd not in known] == []


@given(parted())
@pytest.mark.thorough
def test_nothing_is_lost_that_one_side_alone_has_done(sides: tuple[States, States, States]) -> None:
    base, ours, theirs = sides
    both = joined(base, ours, theirs)
    for name in (name for name in ours if name not in theirs and name not in base):
        assert name in both
    for name in both:
        if both[name] == "completed":
            assert "completed" in (ours.get(name), theirs.get(name)) or FAMILY.children(name)


@pytest.mark.parametrize("mine", TASK_STATES)
@pytest.mark.parametrize("other", TASK_STATES)
def test_of_two_moves_the_one_that_is_further_on_holds(mine: TaskState, other: TaskState) -> None:
    order = ("completed", "blocked", "failed", "running", "pending")
    wanted = min(mine, other, key=order.index)
    assert joined({}, {"s": mine}, {"s": other}) == {"s": wanted}
    assert joined({"s": mine}, {"s": mine}, {"s": other}) == {"s": other}


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "wanted"),
    [
        # each side has completed another subtask: the parent closes
        (
            {"p": "running", "p1": "pending", "p2": "pending"},
            {"p": "running", "p1": "completed", "p2": "pending"},
            {"p": "running", "p1": "pending", "p2": "completed"},
            {"p": "completed", "p1": "completed", "p2": "completed"},
        ),
        # one closed the parent, the other made a subtask more
        (
            {"p": "running", "p1": "pending"},
            {"p": "completed", "p1": "completed"},
            {"p": "running", "p1": "pending", "p2": "pending"},
            {"p": "running", "p1": "completed", "p2": "pending"},
        ),
        # one did the task as a whole, the other cut it into pieces
        (
            {"p": "pending"},
            {"p": "completed"},
            {"p": "running", "p1": "pending"},
            {"p": "pending", "p1": "pending"},
        ),
        # each dropped another subtask: the parent is a task of its own again
        (
            {"p": "running", "p1": "pending", "p2": "pending"},
            {"p": "running", "p1": "pending"},
            {"p": "running", "p2": "pending"},
            {"p": "pending"},
        ),
        # dropped here, completed there
        ({"s": "pending"}, {}, {"s": "completed"}, {"s": "completed"}),
        # dropped here, untouched there
        ({"s": "pending", "p": "pending"}, {"p": "pending"}, {"s": "pending", "p": "running"}, {"p": "running"}),
        # dropped here, needed there by a task that is new
        ({"s": "failed"}, {}, {"s": "failed", "t": "pending"}, {"s": "failed", "t": "pending"}),
        # two generations close at once
        (
            {"p": "running", "q": "running", "q1": "running", "q2": "running"},
            {"p": "running", "q": "running", "q1": "completed", "q2": "running"},
            {"p": "running", "q": "running", "q1": "running", "q2": "completed"},
            {"p": "completed", "q": "completed", "q1": "completed", "q2": "completed"},
        ),
        # a person runs a parent again whose subtasks are done: it stays so
        (
            {"p": "completed", "p1": "completed", "s": "pending"},
            {"p": "running", "p1": "completed", "s": "pending"},
            {"p": "completed", "p1": "completed", "s": "completed"},
            {"p": "running", "p1": "completed", "s": "completed"},
        ),
    ],
)
def test_examples(base: States, ours: States, theirs: States, wanted: States) -> None:
    assert joined(base, ours, theirs) == wanted
    assert joined(base, theirs, ours) == wanted


def test_a_task_dropped_here_and_edited_there_stays() -> None:
    there: States = {"s": "pending"}
    assert join.states(there, {}, there, TASKS, edited=["s"]) == there
    assert join.states(there, {}, there, TASKS) == {}


NOW = main_tasks.make("continue", "Execute s task", "s")
OVER = main_tasks.make("completed", "All tasks completed")


@given(st.lists(st.none() | any_main_task, min_size=3, max_size=3), parted())
@pytest.mark.thorough
def test_main_task_is_the_same_in_either_order(
    mains: list[MainTask | None], sides: tuple[States, States, States]
) -> None:
    base, mine, other = sides
    both = joined(base, mine, other)
    ours, theirs = Side(mains[1], mine), Side(mains[2], other)
    there = {name: TASKS[name] for name in both}
    result = join.main_task(mains[0], (ours, theirs), both, there)
    assert result == join.main_task(mains[0], (theirs, ours), both, there)
    began = Side(mains[0], base)
    its = {name: TASKS[name] for name in mine}
    assert join.main_task(mains[0], (ours, began), mine, its) == mains[1]


def test_main_task_is_planned_anew_where_both_sides_have_changed_something() -> None:
    done: States = {"s": "completed", "p": "pending"}
    tasks = {name: TASKS[name] for name in done}
    by_hand = main_tasks.make("blocked", "Wait for the answer")
    result = join.main_task(NOW, (Side(by_hand, {"s": "pending", "p": "pending"}), Side(NOW, done)), done, tasks)
    assert result == main_tasks.make("continue", "Execute p task", "p")
    assert join.main_task(NOW, (Side(NOW, {}), Side(by_hand, done)), done, tasks) == by_hand


def test_two_workflows_that_are_over_are_not_while_together_something_is_open() -> None:
    both: States = {"p": "running", "p1": "completed", "p2": "pending"}
    sides = (Side(OVER, {"p": "completed", "p1": "completed"}), Side(OVER, {"p": "completed", "p2": "completed"}))
    result = join.main_task(NOW, sides, both, {name: TASKS[name] for name in both})
    assert result is not None
    assert (result.status, result.task) == ("continue", "p2")


sums = st.builds(Totals, counts, st.none() | amounts, amounts, counts, counts)


@given(sums, sums, sums)
@pytest.mark.thorough
def test_sums_are_the_same_in_either_order_and_never_less_than_a_side_s(
    base: Totals, ours: Totals, theirs: Totals
) -> None:
    both = join.totals(base, ours, theirs)
    assert both == join.totals(base, theirs, ours)
    for side in (ours, theirs):
        assert both.steps >= side.steps
        assert both.seconds >= side.seconds
        assert both.unpriced >= side.unpriced
        assert (both.cost_usd or 0) >= (side.cost_usd or 0)
    assert (both.cost_usd is None) == (ours.cost_usd is None and theirs.cost_usd is None)
    assert both.idle == 0


def test_what_both_began_from_counts_once() -> None:
    base = Totals(4, Decimal("1.5"), Decimal(10), 1, 1)
    ours = Totals(6, Decimal("2.25"), Decimal(15), 0, 2)
    theirs = Totals(5, Decimal("1.5"), Decimal(12), 0, 2)
    assert join.totals(base, ours, theirs) == Totals(7, Decimal("2.25"), Decimal(17), 0, 3)
    assert join.totals(base, base, theirs) == theirs._replace(idle=0)
    begun_anew = Totals(1, None, Decimal(1))
    assert join.totals(base, ours, begun_anew) == ours


def test_a_record_of_a_merge_may_tell_sums_and_need_not() -> None:
    record = Record(event="merge", subject="gitorch(s): merge x", main_task=NOW)
    assert message.parse(message.build(record)) == record
    told = Record(event="merge", subject="gitorch(s): merge x", main_task=NOW, totals=Totals(2, Decimal("0.5")))
    assert message.parse(message.build(told)) == told
    text = "gitorch(s): rewind\n\nGitorch-Event: rewind\nGitorch-Total-Steps: 1\n"
    with pytest.raises(InvalidMessage, match="does not belong"):
        message.parse(text)
