"""The planner: what happens next, as a table and as properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitorch.core import main_task as main_tasks
from gitorch.core import plan as planner
from gitorch.core.main_task import MainTask, make, parse
from gitorch.core.moves import Change, Family, States, apply, with_parents
from gitorch.core.names import TASK_STATES, TaskState
from gitorch.core.plan import Plan, family_of, first_ready, next_main_task, plan, task_problem, task_problems
from gitorch.core.task import Task


def tasks_of(*tasks: Task) -> dict[str, Task]:
    return {task.name: task for task in tasks}


THREE = tasks_of(
    Task(name="top", template="research"),
    Task(name="top-data", parent="top", order=1, kind="gather"),
    Task(name="top-work", parent="top", order=2, needs=("top-data",)),
    Task(name="top-end", parent="top", order=3, kind="synthesize", needs=("top-data", "top-work")),
)
FRESH: States = {"top": "running", "top-data": "pending", "top-work": "pending", "top-end": "pending"}


def ready(states: States, tasks: dict[str, Task], family: Family) -> list[str]:
    """List the tasks that can run, first things first."""

    def rank(name: str) -> list[tuple[int, str]]:
        return [(tasks[each].order, each) for each in reversed([name, *family.ancestors(name)])]

    return sorted((name for name in states if planner.can_run(name, states, tasks, family)), key=rank)


def told(next_: str, task: str | None = None) -> MainTask:
    return make("continue", next_, task)


@pytest.mark.parametrize(
    ("next_", "task", "expected"),
    [
        ("Gather the data", "top-data", Plan("gather", "top-data")),
        ("Go on", "top-data", Plan("gather", "top-data")),
        ("Go on", None, Plan("gather", "top-data")),
        ("gather it", "top-data", Plan("gather", "top-data")),
        ("GATHER it", "top-data", Plan("gather", "top-data")),
        ("Gathering it", "top-data", Plan("gather", "top-data")),
        ("Execute it", "top-data", Plan("execute", "top-data")),
        ("Synthesize it", "top-data", Plan("synthesize", "top-data")),
        ("Decompose it", "top-data", Plan("decompose", "top-data")),
        ("Check it", "top-data", Plan("check", "top-data", aside=True)),
        ("Check everything", None, Plan("check", None)),
        ("Execute the end", "top-end", Plan("gather", "top-data")),  # it cannot run yet: the first ready goes
        ("Execute it", "unknown", Plan("gather", "top-data")),
        ("Decompose top", "top", Plan("gather", "top-data")),
        ("Check top", "top", Plan("gather", "top-data")),
    ],
)
def test_the_verb_is_followed_where_the_task_allows_it(next_: str, task: str | None, expected: Plan) -> None:
    assert plan(told(next_, task), FRESH, THREE) == expected


@pytest.mark.parametrize(
    ("task", "next_", "expected"),
    [
        (Task(name="a"), "Gather facts", Plan("gather", "a", aside=True)),
        (Task(name="a"), "Execute a", Plan("execute", "a")),
        (Task(name="a", template="auto"), "Execute a", Plan("decompose", "a")),
        (Task(name="a", template="auto"), "Check a", Plan("check", "a", aside=True)),
        (Task(name="a", run="make"), "Gather a", Plan("execute", "a")),
        (Task(name="a", run="make", kind="gather"), "Synthesize a", Plan("gather", "a")),
        (Task(name="a", kind="gather"), "Gather a", Plan("gather", "a")),
    ],
)
def test_templates_and_commands_are_not_passed_over(task: Task, next_: str, expected: Plan) -> None:
    assert plan(told(next_, "a"), {"a": "pending"}, tasks_of(task)) == expected


def test_needs_hold_over_parents() -> None:
    tasks = tasks_of(
        Task(name="first"),
        Task(name="second", needs=("first",)),
        Task(name="child", parent="second"),
        Task(name="grandchild", parent="child"),
    )
    states: dict[str, TaskState] = dict.fromkeys(tasks, "pending")
    assert ready(states, tasks, family_of(tasks)) == ["first"]
    states["first"] = "completed"
    assert ready(states, tasks, family_of(tasks)) == ["grandchild"]


@pytest.mark.parametrize("state", ["failed", "blocked"])
def test_below_a_blocked_or_failed_ancestor_nothing_runs(state: TaskState) -> None:
    tasks = tasks_of(Task(name="top"), Task(name="mid", parent="top"), Task(name="leaf", parent="mid"))
    assert ready({"top": state, "mid": "pending", "leaf": "pending"}, tasks, family_of(tasks)) == []
    assert ready({"top": "running", "mid": "pending", "leaf": "pending"}, tasks, family_of(tasks)) == ["leaf"]


def test_order_then_name_decide_parents_first() -> None:
    tasks = tasks_of(
        Task(name="z", order=1),
        Task(name="b", order=2),
        Task(name="a", order=2),
        Task(name="a-2", parent="a", order=2),
        Task(name="a-1", parent="a", order=3),
        Task(name="z-9", parent="z", order=9),
    )
    states: States = dict.fromkeys(tasks, "pending")
    assert ready(states, tasks, family_of(tasks)) == ["z-9", "a-2", "a-1", "b"]


def test_a_reopened_parent_whose_subtasks_are_done_runs_itself() -> None:
    states: dict[str, TaskState] = {**dict.fromkeys(THREE, "completed"), "top": "pending"}
    assert plan(told("Go on"), states, THREE) == Plan("execute", "top")
    assert plan(told("Decompose top task", "top"), states, THREE) == Plan("execute", "top")
    assert next_main_task(states, THREE) == make("continue", "Execute top task", "top")


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (FRESH, make("continue", "Gather top-data subtask", "top-data")),
        ({**FRESH, "top-data": "completed"}, make("continue", "Execute top-work subtask", "top-work")),
        ({**FRESH, "top-data": "failed"}, make("blocked", "Decide about failed task top-data", "top-data")),
        ({**FRESH, "top-data": "blocked"}, make("blocked", "Decide about blocked task top-data", "top-data")),
        ({**FRESH, "top-data": "running"}, make("continue", "Check status: no task can run")),
        (dict.fromkeys(THREE, "completed"), make("completed", "All tasks completed")),
        ({"top": "pending"}, make("continue", "Decompose top task", "top")),
    ],
)
def test_what_main_task_holds_next(states: States, expected: MainTask) -> None:
    tasks = {name: task for name, task in THREE.items() if name in states}
    made = next_main_task(states, tasks)
    assert (made.status, made.next, made.task) == (expected.status, expected.next, expected.task or made.task)


def test_a_task_that_is_preferred_goes_on_where_it_can() -> None:
    tasks = tasks_of(Task(name="a"), Task(name="b"), Task(name="c", needs=("a",)))
    states: States = dict.fromkeys(tasks, "pending")
    assert next_main_task(states, tasks).task == "a"
    assert next_main_task(states, tasks, prefer="b").task == "b"
    for other in ("c", "gone"):
        assert next_main_task(states, tasks, prefer=other).task == "a"
    assert next_main_task({**states, "b": "completed"}, tasks, prefer="b").task == "a"


def test_focus_is_the_tasks_own_or_its_nearest_or_first_ancestors() -> None:
    tasks = tasks_of(Task(name="top", focus="On Q4"), Task(name="leaf", parent="top"))
    assert next_main_task({"top": "pending", "leaf": "pending"}, tasks).focus == "On Q4"


def test_the_longest_name_still_makes_a_main_task() -> None:
    name = "x" * 100
    for states in ({name: "pending"}, {name: "failed"}):
        made = next_main_task(states, tasks_of(Task(name=name)))  # type: ignore[arg-type]
        assert parse(main_tasks.format(made).encode()) == made


@pytest.mark.parametrize(
    ("tasks", "problem"),
    [
        ((Task(name="a", parent="gone"),), "there is no task gone"),
        ((Task(name="a", needs=("gone",)),), "there is no task gone"),
        ((Task(name="a", parent="b"), Task(name="b", parent="a")), "its own ancestor"),
        ((Task(name="a", needs=("b",)), Task(name="b", needs=("a",))), "circle"),
        ((Task(name="a", needs=("b",)), Task(name="b", needs=("c",)), Task(name="c", needs=("a",))), "circle"),
        ((Task(name="a", needs=("b",)), Task(name="b")), None),
        ((Task(name="a", parent="b", needs=("b",)), Task(name="b")), "circle"),
        ((Task(name="a", parent="p"), Task(name="p", needs=("b",)), Task(name="b", needs=("a",))), "circle"),
    ],
)
def test_what_a_task_file_says_wrongly_about_others_is_told(tasks: tuple[Task, ...], problem: str | None) -> None:
    found = task_problem("a", dict.fromkeys((task.name for task in tasks), "pending"), tasks_of(*tasks))
    assert found is None if problem is None else problem in (found or "")


NAMES = [f"t{number}" for number in range(7)]


@st.composite
def workflows(draw: st.DrawFn) -> tuple[dict[str, TaskState], dict[str, Task]]:
    """Draw tasks whose parents and needs stand before them, in any states."""
    count = draw(st.integers(1, len(NAMES)))
    tasks: dict[str, Task] = {}
    for number, name in enumerate(NAMES[:count]):
        before = NAMES[:number]
        parent = draw(st.none() | st.sampled_from(before)) if before else None
        above = set(family_of({**tasks, name: Task(name=name, parent=parent)}).ancestors(name))
        needs = draw(st.lists(st.sampled_from(before), max_size=2, unique=True)) if before else []
        tasks[name] = Task(
            name=name,
            parent=parent,
            needs=tuple(need for need in needs if need not in above),
            order=draw(st.integers(0, 3)),
            kind=draw(st.sampled_from(("gather", "execute", "synthesize"))),
            template=draw(st.sampled_from((None, None, "research"))),
        )
    return {name: draw(st.sampled_from(TASK_STATES)) for name in tasks}, tasks


@given(workflows(), st.sampled_from(("Go on", "Check", "Gather x", "Decompose x")), st.none() | st.sampled_from(NAMES))
@pytest.mark.thorough
def test_a_plan_is_always_one_that_can_be_done(
    drawn: tuple[dict[str, TaskState], dict[str, Task]], next_: str, task: str | None
) -> None:
    states, tasks = drawn
    made = plan(told(next_, task), states, tasks)
    assert made == plan(told(next_, task), dict(reversed(states.items())), dict(reversed(tasks.items())))
    if made.task is None:
        assert made.action == "check"
        return
    family = family_of(tasks)
    chain = [made.task, *family.ancestors(made.task)]
    assert states[made.task] == "pending"
    assert all(states[child] == "completed" for child in family.children(made.task))
    assert all(states[need] == "completed" for each in chain for need in tasks[each].needs)
    assert not any(states[above] in ("failed", "blocked") for above in chain[1:])
    if made.action == "decompose":
        assert not family.children(made.task)


@given(workflows())
@pytest.mark.thorough
def test_the_first_that_is_ready_is_the_first_of_all_that_are(
    drawn: tuple[dict[str, TaskState], dict[str, Task]],
) -> None:
    states, tasks = drawn
    family = family_of(tasks)
    assert first_ready(states, tasks, family) == next(iter(ready(states, tasks, family)), None)


@st.composite
def links(draw: st.DrawFn) -> dict[str, Task]:
    """Draw tasks with any parents and needs: circles, themselves, missing ones."""
    other = st.sampled_from([*NAMES[:5], "gone"])
    few = st.lists(other, max_size=2).map(tuple)
    return {name: Task(name=name, parent=draw(st.none() | other), needs=draw(few)) for name in NAMES[:5]}


@given(links(), st.lists(st.sampled_from(TASK_STATES), min_size=5, max_size=5))
def test_the_problems_of_all_tasks_are_those_of_each(tasks: dict[str, Task], drawn: list[TaskState]) -> None:
    states = dict(zip(tasks, drawn, strict=True))
    each = {name: task_problem(name, states, tasks) for name in tasks}
    assert dict(task_problems(states, tasks)) == {name: problem for name, problem in each.items() if problem}


@given(workflows())
@pytest.mark.thorough
def test_main_task_next_is_valid_and_names_what_the_plan_does(
    drawn: tuple[dict[str, TaskState], dict[str, Task]],
) -> None:
    states, tasks = drawn
    made = next_main_task(states, tasks)
    assert parse(main_tasks.format(made).encode()) == made
    if made.task is not None and made.status == "continue":
        assert plan(made, states, tasks) == Plan(planner.own_action(made.task, tasks, family_of(tasks)), made.task)


@given(workflows())
@pytest.mark.thorough
def test_following_the_plan_from_the_start_completes_all_that_can_be(
    drawn: tuple[dict[str, TaskState], dict[str, Task]],
) -> None:
    """From all pending, doing what is planned ends, and with needs among siblings only nothing stays open."""
    tasks = {name: Task(name=name, parent=task.parent, kind=task.kind) for name, task in drawn[1].items()}
    states: dict[str, TaskState] = dict.fromkeys(tasks, "pending")
    family = family_of(tasks)
    for _ in range(2 * len(tasks) + 1):
        made = plan(next_main_task(states, tasks), states, tasks)
        if made.task is None:
            break
        states = apply(states, with_parents(states, family, Change(made.task, "pending", "running")))
        states = apply(states, with_parents(states, family, Change(made.task, "running", "completed")))
    assert set(states.values()) == {"completed"}
    assert next_main_task(states, tasks).status == "completed"


CHAIN = tasks_of(
    Task(name="a", order=1),
    Task(name="b", order=2, needs=("a",), focus="Only b"),
    Task(name="c", order=3, needs=("b",)),
    Task(name="top", order=4),
    Task(name="top-x", parent="top", needs=("a",)),
    Task(name="lost", needs=("nowhere",)),
    Task(name="orphan", parent="nowhere"),
    Task(name="ring-1", needs=("ring-2",)),
    Task(name="ring-2", needs=("ring-1",)),
    Task(name="on-ring", needs=("ring-1",)),
)
ALL_PENDING: States = dict.fromkeys(CHAIN, "pending")


@pytest.mark.parametrize(
    ("task", "moved", "expected"),
    [
        ("a", {}, True),
        ("c", {}, True),
        ("c", {"a": "running"}, True),
        ("c", {"a": "completed", "b": "completed"}, True),
        ("c", {"a": "failed"}, False),
        ("c", {"b": "blocked"}, False),
        ("c", {"c": "completed"}, False),
        ("c", {"c": "running"}, False),
        ("top-x", {}, True),
        ("top-x", {"top": "blocked"}, False),
        ("top", {}, False),  # it closes with its subtask
        ("lost", {}, False),
        ("orphan", {}, False),
        ("on-ring", {}, False),
    ],
)
def test_a_task_will_run_once_what_it_waits_for_is_completed(
    task: str, moved: dict[str, TaskState], *, expected: bool
) -> None:
    assert planner.will_run(task, {**ALL_PENDING, **moved}, CHAIN, family_of(CHAIN)) == expected


@pytest.mark.parametrize(
    ("now", "worked_on", "expected"),
    [
        (make("continue", "Use PostgreSQL", "b"), "a", True),
        (make("continue", "Use PostgreSQL", "b"), "b", False),
        (make("continue", "Use PostgreSQL"), "a", False),
        (make("continue", "Use PostgreSQL", "lost"), "a", False),
        (make("blocked", "Which database?", "b"), "a", False),
        (None, "a", False),
    ],
)
def test_main_task_stays_until_its_own_task_has_been_worked_on(
    now: MainTask | None, worked_on: str, *, expected: bool
) -> None:
    assert planner.outlasts(now, worked_on, ALL_PENDING, CHAIN) == expected


@pytest.mark.parametrize(
    ("now", "plan_", "expected"),
    [
        (make("continue", "Use PostgreSQL", "b", "Just b"), Plan("execute", "b"), "Use PostgreSQL"),
        (make("continue", "Use PostgreSQL", "b", "Just b"), Plan("execute", "a"), "Execute a task"),
        (make("continue", "Use PostgreSQL", "top"), Plan("execute", "top-x"), "Use PostgreSQL"),
        (make("continue", "Use PostgreSQL"), Plan("execute", "a"), "Use PostgreSQL"),
        (make("continue", "Use PostgreSQL", "lost"), Plan("check", None), "Check status: no task can run"),
    ],
)
def test_an_agent_gets_next_of_the_task_that_it_works_on(now: MainTask, plan_: Plan, expected: str) -> None:
    assignment = planner.assignment(now, plan_, CHAIN)
    assert assignment.next == expected
    assert assignment.focus == (now.focus if assignment == now else None)


def test_a_workflow_without_main_task_begins_with_the_first_ready_task() -> None:
    states: States = {"a": "pending", "b": "pending"}
    assert planner.first_main_task(states, CHAIN) == make("continue", "Execute a task", "a")
    stuck: States = {"lost": "pending"}
    assert planner.first_main_task(stuck, CHAIN) == make("blocked", "Decide what to do: no task can run")
    assert planner.first_main_task({"a": "completed"}, CHAIN).status == "completed"
