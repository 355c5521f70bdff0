"""The fold: what records may do, and random walks on which fold, tree and a tiny model never disagree."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import pytest

import gitorch
from gitorch.core import fold as folds
from gitorch.core.fold import Fold
from gitorch.core.main_task import make
from gitorch.core.moves import LEGAL_MOVES, Change, is_legal
from gitorch.core.names import TASK_STATES, TaskState
from gitorch.core.record import Again, Record, Totals
from gitorch.errors import GitorchError
from gitorch.loop.edit import NewTask
from tests.probe import told_by_messages, told_by_names
from tests.sandbox import Sandbox

ID = "0" * 32
BEGIN = Record(
    event="begin",
    subject="gitorch(a): begin",
    changes=(Change("a", "pending", "running"),),
    invocation=ID,
    action="execute",
    attempt=1,
)
END = BEGIN._replace(
    event="end",
    changes=(Change("a", "running", "completed"),),
    outcome="completed",
    duration=Decimal("1.5"),
    cost_usd=Decimal("0.25"),
    totals=Totals(1, Decimal("0.25"), Decimal("1.5"), 0),
)
BEGUN = folds.step(Fold(), BEGIN, worked=False)


def test_an_honest_invocation_has_no_problem() -> None:
    assert folds.problems(Fold(), BEGIN, worked=False) == []
    assert folds.problems(BEGUN, END, worked=True) == []
    after = folds.step(BEGUN, END, worked=True)
    assert (after.totals, after.open) == (END.totals, ())


@pytest.mark.parametrize(
    ("fold", "record", "problem"),
    [
        (BEGUN, BEGIN, "begins twice"),
        (BEGUN, BEGIN._replace(invocation="1" * 32), "has no end: task a begins again"),
        (Fold(), END, "ends without having begun"),
        (BEGUN, END._replace(attempt=2), "ends as another action or attempt"),
        (BEGUN, END._replace(action="gather"), "ends as another action or attempt"),
        (BEGUN, END._replace(changes=(Change("b", "running", "completed"),)), "does not say what became of it"),
        (BEGUN, END._replace(totals=Totals(2, Decimal("0.25"), Decimal("1.5"), 0)), "the totals are 2 steps"),
        (BEGUN, END._replace(totals=Totals(1, None, Decimal("1.5"), 0)), "unknown cost"),
        (BEGUN, END._replace(totals=Totals(1, Decimal("0.25"), Decimal("1.5"), 1)), "1 idle"),
    ],
)
def test_what_a_record_may_not_do(fold: Fold, record: Record, problem: str) -> None:
    assert any(problem in found for found in folds.problems(fold, record, worked=False))


SPENT = Fold(Totals(4, Decimal(2), Decimal(9), 1, again=(Again("a", 2),)), again=(Again("a", 2),))


@pytest.mark.parametrize(
    ("bare", "event", "first", "steps"),
    [
        (True, "begin", True, 0),
        (False, "begin", True, 4),
        (True, "begin", False, 4),
        (True, "create", True, 4),
        (True, "update", True, 4),
    ],
)
def test_a_step_that_writes_the_first_main_task_begins_the_sums(
    *, bare: bool, event: str, first: bool, steps: int
) -> None:
    main_task = make("continue", "Execute a task", "a") if first else None
    record = BEGIN._replace(event=event, main_task=main_task)  # type: ignore[arg-type]
    after = folds.step(SPENT._replace(bare=bare), record, worked=False)
    assert (after.totals.steps, after.bare) == (steps, not first)


def test_a_decomposition_that_writes_the_first_main_task_begins_the_sums() -> None:
    changes = (Change("a", "pending", "running"), Change("a-1", None, "pending"))
    main_task = make("continue", "Execute a-1", "a-1")
    cut = Record(event="decompose", subject="x", changes=changes, main_task=main_task)
    assert folds.next_totals(SPENT, cut, worked=False) == Totals(1, None, Decimal(0), 0)
    assert folds.next_totals(SPENT._replace(bare=False), cut, worked=False).steps == 5


@pytest.mark.parametrize("before", TASK_STATES)
@pytest.mark.parametrize("after", TASK_STATES)
def test_only_legal_moves_are_none(before: TaskState, after: TaskState) -> None:
    if before == after:
        return
    record = Record(event="move", subject="gitorch(a): move", changes=(Change("a", before, after),))
    assert bool(folds.problems(Fold(), record, worked=False)) == (not is_legal(before, after))
    for event in ("rewind", "adopt", "merge"):
        assert folds.problems(Fold(), record._replace(event=event), worked=False) == []


CUT = END._replace(action="decompose", changes=(Change("b", None, "pending"), Change("c", None, "pending")))
CUTTING = folds.step(Fold(), BEGIN._replace(action="decompose"), worked=False)


def test_an_agent_that_cuts_a_task_says_what_the_subtasks_are_and_leaves_the_task_running() -> None:
    assert folds.problems(CUTTING, CUT, worked=True) == []


@pytest.mark.parametrize(
    ("fold", "record", "problem"),
    [
        (BEGUN, CUT._replace(action="execute"), "does not say what became of it"),
        (BEGUN, CUT._replace(action="execute"), "b: none -> pending"),
        (CUTTING, CUT._replace(outcome="failed"), "b: none -> pending"),
        (CUTTING, CUT._replace(changes=()), "does not say what became of it"),
        (CUTTING, CUT._replace(changes=(Change("b", None, "running"),)), "b: none -> running"),
    ],
)
def test_only_a_decomposition_that_completed_makes_tasks(fold: Fold, record: Record, problem: str) -> None:
    found = folds.problems(fold, record, worked=True)
    assert any(problem in each for each in found), found


def test_what_a_tree_shows_and_a_record_does_not_say_is_unexplained() -> None:
    done, made = Change("a", "running", "completed"), Change("b", None, "pending")
    assert folds.unexplained([done, made], END) == [made]
    assert folds.unexplained([], END) == [done]
    assert folds.unexplained([made, done], None) == [done, made]


def test_sums_count_from_the_start_and_idle_steps_in_a_row() -> None:
    nothing = END._replace(changes=(Change("a", "running", "pending"),), outcome="failed", cost_usd=None, totals=None)
    fold = Fold()
    for steps in (1, 2, 3):
        fold = folds.step(fold, BEGIN, worked=False)
        totals = folds.next_totals(fold, nothing, worked=False)
        again = (Again("a", 2),)  # it says each time that it was the first
        assert totals == Totals(steps, None, Decimal("1.5") * steps, steps, steps, again)
        fold = folds.step(fold, nothing._replace(totals=totals), worked=False)
    limited = folds.next_totals(fold, nothing._replace(outcome="rate-limited"), worked=False)
    assert limited.idle == 3  # it says nothing about getting on
    assert folds.next_totals(fold, nothing, worked=True).idle == 0
    started = folds.step(fold, Record(event="start", subject="gitorch(b): start"), worked=False)
    assert started.totals == Totals()


def test_where_a_shallow_clone_begins_sums_are_taken_as_told() -> None:
    unknown = Fold(known=False)
    assert folds.problems(unknown, END, worked=False) == []
    after = folds.step(unknown, END, worked=False)
    assert (after.known, after.totals) == (True, END.totals)
    begun = folds.step(unknown, BEGIN, worked=False)
    assert folds.problems(begun, END._replace(attempt=2), worked=False) != []


class Model:
    """What tasks there are and how they stand, by the rules of the contract's section 2 alone."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.parents: dict[str, str | None] = {}

    def children(self, name: str) -> list[str]:
        return [child for child, parent in self.parents.items() if parent == name]

    def create(self, name: str, parent: str | None) -> bool:
        if name in self.states or (parent is not None and self.states.get(parent, "completed") == "completed"):
            return False
        self.states[name], self.parents[name] = "pending", parent
        return True

    def move(self, name: str, to: TaskState) -> bool:
        before = self.states.get(name)
        if before is None or to not in LEGAL_MOVES[before]:  # type: ignore[index]
            return before == to
        if to == "completed" and any(self.states[child] != "completed" for child in self.children(name)):
            return False
        self.states[name] = to
        self._tell_parents(name, before)
        return True

    def drop(self, name: str) -> bool:
        if name not in self.states or self.children(name):
            return False
        parent = self.parents[name]
        del self.states[name], self.parents[name]
        if parent is not None and self.states[parent] == "running":
            left = [self.states[child] for child in self.children(parent)]
            if not left:
                self.states[parent] = "pending"
            elif set(left) == {"completed"}:
                self.states[parent] = "completed"
                self._tell_parents(parent, "running")
        return True

    def _tell_parents(self, name: str, before: str) -> None:
        parent = self.parents[name]
        after = self.states[name]
        while parent is not None:
            there = self.states[parent]
            if after == "completed":
                if there != "running" or any(self.states[child] != "completed" for child in self.children(parent)):
                    return
                self.states[parent] = "completed"
            elif after == "running" and there == "pending":
                self.states[parent] = "running"
            elif after == "pending" and before == "completed" and there == "completed":
                self.states[parent] = "pending"
            parent = self.parents[parent]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.thorough
def test_on_a_random_walk_fold_tree_work_tree_and_model_agree(sandbox: Sandbox, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a walk that can be repeated
    model = Model()
    done = _walk(sandbox, model, dice, 100)
    assert done > 15
    with gitorch.open(sandbox.root) as workflow:
        report = workflow.verify()
        assert report.ok, report.problems
        assert report.checked == int(sandbox.git("rev-list", "--count", "HEAD"))
        assert dict(workflow.state().states) == model.states
    states, main = told_by_messages(sandbox)
    names, text = told_by_names(sandbox, "HEAD")
    assert states == names == model.states == _in_the_work_tree(sandbox.root)
    assert main == (None if text is None else make("continue", text.split("NEXT: ")[1].split("\n")[0]))
    assert sandbox.status() == ""
    assert sandbox.decoys_untouched()


def _walk(sandbox: Sandbox, model: Model, dice: random.Random, turns: int) -> int:
    names = [f"t{number}" for number in range(6)]
    done = 0
    with gitorch.open(sandbox.root) as workflow:
        for turn in range(turns):
            name = dice.choice(names)
            what = dice.choice(("create", "create", "move", "move", "move", "move", "drop", "update"))
            expected, tip = True, sandbox.git("rev-parse", "-q", "--verify", "HEAD", ok=False)
            try:
                if what == "create":
                    parent = dice.choice((None, *model.states))
                    expected = model.create(name, parent)
                    workflow.create(NewTask(name=name, parent=parent))
                elif what == "move":
                    to = dice.choice(TASK_STATES)
                    expected = model.move(name, to)
                    workflow.move(name, to)
                elif what == "drop":
                    expected = model.drop(name)
                    workflow.drop(name)
                else:
                    workflow.update("continue", f"Sentence {turn}")
                done += expected
                assert expected, (what, name)
            except GitorchError as error:
                assert not expected, (what, name, error.message)  # noqa: PT017 - many calls, one place to look
                assert sandbox.git("rev-parse", "-q", "--verify", "HEAD", ok=False) == tip
            assert dict(workflow.state().states) == model.states, (what, name)
    return done


def _in_the_work_tree(root: Path) -> dict[str, str]:
    found = [path.name for path in (root / ".tasks").iterdir() if path.name.endswith("_task.md")]
    return {name.split("]_")[1].removesuffix("_task.md"): name[1 : name.index("]")] for name in found if name[0] == "["}
