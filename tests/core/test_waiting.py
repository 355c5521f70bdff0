"""Why tasks cannot run: each case with the sentence and the command that it leads to."""

from __future__ import annotations

import pytest

from gitorch.core import waiting
from gitorch.core.moves import States
from gitorch.core.names import TaskState
from gitorch.core.task import Task
from gitorch.core.waiting import Waiting


def reasons(tasks: tuple[Task, ...], **states: TaskState) -> list[Waiting]:
    every: States = {task.name: states.get(task.name, "pending") for task in tasks}
    return waiting.reasons(every, {task.name: task for task in tasks})


A, B = Task(name="a"), Task(name="b", needs=("a",))


@pytest.mark.parametrize(
    ("tasks", "states", "expected"),
    [
        ((A,), {}, []),
        ((A, B), {"a": "completed", "b": "completed"}, []),
        ((A, B), {"a": "running"}, ["a is running", "b waits for a (running)"]),
        ((A, B), {"a": "failed"}, ["a failed", "b waits for a (failed)"]),
        ((B, A), {"a": "blocked"}, ["a is blocked", "b waits for a (blocked)"]),
        ((Task(name="four", needs=("twoo",)), Task(name="two")), {"two": "completed"},
         ["four needs twoo, and there is no such task; did you mean two?"]),
        ((Task(name="b", needs=("x",)),), {}, ["b needs x, and there is no such task"]),
        ((Task(name="b", parent="topp"), Task(name="top")), {"top": "completed"},
         ["b has parent topp, and there is no such task; did you mean top?"]),
        ((Task(name="a", needs=("b",)), B), {},
         ["a waits for itself: a waits for b waits for a",
          "b waits for itself: b waits for a waits for b"]),
        ((Task(name="top"), Task(name="x", parent="top")), {"top": "blocked"},
         ["top is blocked", "x waits for its parent top (blocked)"]),
        ((A, Task(name="top", needs=("a",)), Task(name="x", parent="top")), {"a": "failed"},
         ["a failed", "top waits for its subtasks: x (pending)", "x waits, as part of top, for a (failed)"]),
        ((Task(name="top"), Task(name="x", parent="top")), {"top": "running", "x": "failed"}, ["x failed"]),
    ],
)  # fmt: skip
def test_each_open_task_that_cannot_run_has_a_reason(
    tasks: tuple[Task, ...], states: dict[str, TaskState], expected: list[str]
) -> None:
    assert [each.sentence for each in reasons(tasks, **states)] == expected


def test_the_command_that_resolves_it_is_named() -> None:
    failed, after = reasons((A, B), a="failed")
    assert failed.remedy == "gitorch retry a, or gitorch skip a"
    assert after.remedy is None
    assert reasons((Task(name="b", needs=("x",)),))[0].remedy == "gitorch edit b"
    assert reasons((A,), a="running")[0].remedy == "when it is done: gitorch move a completed"


def test_what_an_agent_said_comes_after_the_reason() -> None:
    tasks = {"a": A}
    (failed,) = waiting.reasons({"a": "failed"}, tasks, {"a": "exit 3"})
    assert (failed.sentence, str(failed)) == (
        "a failed",
        "a failed: exit 3  (gitorch retry a, or gitorch skip a)",
    )


def test_a_long_list_is_cut() -> None:
    many = tuple(Task(name=f"t{number:02}", needs=("a",)) for number in range(30))
    lines = waiting.lines(reasons((A, *many), a="failed"))
    assert len(lines) == 11
    assert lines[0].startswith("a failed")
    assert lines[-1] == "and 21 more: gitorch list --by-state"


def test_one_task_has_its_reason() -> None:
    states: States = {"a": "pending", "b": "pending"}
    tasks = {"a": A, "b": B}
    assert waiting.reason("b", states, tasks) == "waits for a (pending)"
    assert waiting.reason("a", states, tasks) is None
    assert waiting.reason("a", {**states, "a": "completed"}, tasks) == "is completed"
