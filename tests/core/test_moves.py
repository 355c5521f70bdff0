from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitorch.core.moves import Change, Family, apply, check_move, difference, is_legal, net, with_parents
from gitorch.core.names import TASK_STATES, TaskState
from gitorch.errors import GitorchError

from .strategies import families, states, task_names

LEGAL = {
    ("pending", "running"),
    ("pending", "blocked"),
    ("running", "completed"),
    ("running", "failed"),
    ("running", "blocked"),
    ("running", "pending"),
    ("failed", "pending"),
    ("blocked", "pending"),
    ("completed", "pending"),
}
some_states = st.dictionaries(task_names, states, max_size=6)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(TASK_STATES, repeat=2)))
def test_the_whole_table_of_moves(before: TaskState, after: TaskState) -> None:
    legal = (before, after) in LEGAL
    assert is_legal(before, after) is legal
    if legal:
        check_move("x", before, after)
    else:
        with pytest.raises(GitorchError, match=f"task x is {before} and cannot become {after}") as caught:
            check_move("x", before, after)
        assert caught.value.hint is not None
        assert all(way in caught.value.hint for start, way in LEGAL if start == before)


def test_a_change_is_written_as_in_the_trailer() -> None:
    assert str(Change("a", None, "pending")) == "a: none -> pending"
    assert str(Change("a", "running", None)) == "a: running -> none"


@given(some_states, some_states)
@pytest.mark.thorough
def test_applying_the_difference_leads_there(before: dict[str, TaskState], after: dict[str, TaskState]) -> None:
    changes = difference(before, after)
    assert apply(before, changes) == after
    assert changes == sorted(changes, key=lambda change: change.name)
    assert all(change.before != change.after for change in changes)
    back = [Change(name, was, now) for name, now, was in changes]
    assert apply(after, back) == before
    assert difference(before, before) == []


@given(some_states, task_names, st.none() | states, st.none() | states)
@pytest.mark.thorough
def test_apply_refuses_a_change_that_begins_elsewhere(
    there: dict[str, TaskState], name: str, before: TaskState | None, after: TaskState | None
) -> None:
    given_states = dict(there)
    if there.get(name) == before:
        assert apply(there, [Change(name, before, after)]).get(name) == after
    else:
        with pytest.raises(GitorchError, match=f"task {name} is {there.get(name) or 'none'}, not {before or 'none'}"):
            apply(there, [Change(name, before, after)])
    assert there == given_states


TREE = Family({"root": None, "mid": "root", "leaf": "mid", "other": "root"})


def test_ancestors_and_children() -> None:
    assert list(TREE.ancestors("leaf")) == ["mid", "root"]
    assert TREE.children("root") == ["mid", "other"]
    assert TREE.children("nobody") == []
    assert list(TREE.ancestors("nobody")) == []


def test_the_last_child_closes_its_parents_over_several_levels() -> None:
    now: dict[str, TaskState] = {"root": "running", "mid": "running", "leaf": "running", "other": "completed"}
    assert with_parents(now, TREE, Change("leaf", "running", "completed")) == [
        Change("leaf", "running", "completed"),
        Change("mid", "running", "completed"),
        Change("root", "running", "completed"),
    ]


@pytest.mark.parametrize("open_state", ["pending", "running", "failed", "blocked"])
def test_closing_stops_where_a_child_is_still_open(open_state: TaskState) -> None:
    now: dict[str, TaskState] = {"root": "running", "mid": "running", "leaf": "running", "other": open_state}
    changed = [change.name for change in with_parents(now, TREE, Change("leaf", "running", "completed"))]
    assert changed == ["leaf", "mid"]


@pytest.mark.parametrize("parent", ["pending", "failed", "blocked", "completed"])
def test_only_a_running_parent_closes(parent: TaskState) -> None:
    now: dict[str, TaskState] = {"root": "running", "mid": parent, "leaf": "running"}
    move = Change("leaf", "running", "completed")
    assert with_parents(now, TREE, move) == [move]


def test_dropping_the_last_open_child_closes_its_parent() -> None:
    now: dict[str, TaskState] = {"root": "running", "mid": "completed", "other": "pending"}
    drop = Change("other", "pending", None)
    assert with_parents(now, TREE, drop) == [drop, Change("root", "running", "completed")]


def test_a_parent_with_no_child_left_is_not_done_but_a_task_of_its_own_again() -> None:
    drop = Change("leaf", "pending", None)
    now: dict[str, TaskState] = {"root": "running", "mid": "running", "leaf": "pending"}
    assert with_parents(now, TREE, drop) == [drop, Change("mid", "running", "pending")]


def test_a_running_child_makes_its_parents_run_again() -> None:
    now: dict[str, TaskState] = {"root": "pending", "mid": "pending", "leaf": "pending"}
    assert with_parents(now, TREE, Change("leaf", "pending", "running")) == [
        Change("leaf", "pending", "running"),
        Change("mid", "pending", "running"),
        Change("root", "pending", "running"),
    ]


def test_reopening_a_child_reopens_its_parents() -> None:
    now: dict[str, TaskState] = {"root": "completed", "mid": "completed", "leaf": "completed"}
    assert with_parents(now, TREE, Change("leaf", "completed", "pending")) == [
        Change("leaf", "completed", "pending"),
        Change("mid", "completed", "pending"),
        Change("root", "completed", "pending"),
    ]


def test_reopen_run_and_close_again_comes_back_to_the_start() -> None:
    now: dict[str, TaskState] = {"root": "completed", "mid": "completed", "leaf": "completed", "other": "completed"}
    after: dict[str, TaskState] = dict(now)
    ways: list[tuple[TaskState, TaskState]] = [
        ("completed", "pending"),
        ("pending", "running"),
        ("running", "completed"),
    ]
    for way in ways:
        after = apply(after, with_parents(after, TREE, Change("leaf", *way)))
    assert after == now


@pytest.mark.parametrize(("before", "after"), [("running", "failed"), ("running", "blocked"), ("failed", "pending")])
def test_other_moves_leave_parents_alone(before: TaskState, after: TaskState) -> None:
    move = Change("leaf", before, after)
    assert with_parents({"root": "running", "mid": "running", "leaf": before}, TREE, move) == [move]


@given(families(), st.data())
def test_any_move_in_any_family_ends_and_applies(
    family: tuple[dict[str, TaskState], dict[str, str | None]], data: st.DataObject
) -> None:
    now, parents = family
    name = data.draw(st.sampled_from(sorted(now)))
    move = Change(name, now[name], data.draw(st.none() | states))
    changes = with_parents(now, Family(parents), move)
    assert changes[0] == move
    assert len({change.name for change in changes}) == len(changes)
    apply(now, changes)
    assert all(is_legal(change.before, change.after) for change in changes[1:] if change.before and change.after)


@given(families())
@pytest.mark.thorough
def test_no_circle_of_parents_goes_on_for_ever(family: tuple[dict[str, TaskState], dict[str, str | None]]) -> None:
    for name in family[0]:
        above = list(Family(family[1]).ancestors(name))
        assert len(above) == len(set(above))
        assert name not in above


@given(some_states, st.lists(some_states, max_size=4))
@pytest.mark.thorough
def test_the_net_of_changes_leads_from_the_first_state_to_the_last(
    begin: dict[str, TaskState], others: list[dict[str, TaskState]]
) -> None:
    way = [begin, *others]
    steps = [change for before, after in itertools.pairwise(way) for change in difference(before, after)]
    assert net(steps) == difference(begin, way[-1])
