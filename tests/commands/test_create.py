"""`gitorch create`: every option ends up in the task's file, checked as front matter is."""

from __future__ import annotations

import pytest

import gitorch
from gitorch.core.task import Task
from tests.sandbox import Sandbox

OPTIONS = (
    *("--needs", "one, two", "--needs", "three", "--check", "test -s out.txt", "--check", "true", "--output", "r.md"),
    *("--kind", "synthesize", "--agent", "claude", "--model", "m1", "--order", "7", "--touches", "src/**"),
    *("--touches", "*.md", "--focus", "Mind the gap", "-d", "Put it together."),
)


def task(sandbox: Sandbox, name: str) -> Task:
    with gitorch.open(sandbox.root) as workflow:
        return workflow.task(name)


def test_every_option_is_in_the_tasks_file(sandbox: Sandbox) -> None:
    for name in ("one", "two", "three"):
        sandbox("create", name)
    sandbox("create", "all", *OPTIONS)
    assert task(sandbox, "all") == Task(
        name="all",
        needs=("one", "two", "three"),
        check=("test -s out.txt", "true"),
        outputs=("r.md",),
        kind="synthesize",
        agent="claude",
        model="m1",
        order=7,
        touches=("src/**", "*.md"),
        focus="Mind the gap",
        description="# all\n\nPut it together.",
    )
    assert sandbox("verify", "--json").json["ok"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--kind", "gathr"), "--kind: 'gathr' is unknown; did you mean gather?"),
        (("--output", "../x"), "--output: '../x': it leaves the task's folder"),
        (("--touches", "/x"), "--touches: '/x': use a glob of paths"),
        (("--focus", "word " * 16), "--focus: "),
        (("--order", "-1"), "--order: a whole number is wanted"),
        (("--check", ""), "--check: is empty"),
        (("--needs", "one,twoo"), "there is no task 'twoo'; did you mean two?"),
        (("--needs", "one,"), "'' is not a valid task name"),
        (("-d", "@nowhere.md"), "'nowhere.md' cannot be read: No such file"),
        (("-d", "@empty.md"), "'empty.md' is empty"),
        (("-d", "@latin.md"), "'latin.md': byte 2 is not UTF-8 text"),
    ],
)
def test_nothing_is_created_where_a_value_is_not_valid(
    sandbox: Sandbox, options: tuple[str, ...], problem: str
) -> None:
    for name in ("one", "two"):
        sandbox("create", name)
    sandbox.write("empty.md", "\n")
    sandbox.write("latin.md", b"a\xe9\n")
    head = sandbox.head()
    refused = sandbox("create", "new", *options, code=None)
    assert refused.code in (1, 2)
    assert f"error: {problem}" in refused.err
    assert "hint: " in refused.err
    assert sandbox.head() == head


@pytest.mark.thorough
def test_its_check_runs_on_this_machine_without_trust(sandbox: Sandbox) -> None:
    sandbox("create", "one", "--check", "test -s out.txt")
    sandbox("step", "--agent-command", "echo done")
    assert sandbox.states()["one"] == "pending"
    sandbox("step", "--agent-command", "echo x > out.txt", code=10)
    assert sandbox.states()["one"] == "completed"


@pytest.mark.thorough
def test_text_comes_from_a_file_or_from_standard_input(sandbox: Sandbox) -> None:
    sandbox.write("docs/PRD.md", "# What we build\r\n\r\nA café.\r\n")
    sandbox("create", "one", "-d", "@docs/PRD.md")
    assert task(sandbox, "one").description == "# one\n\n# What we build\n\nA café."
    sandbox("create", "two", "-d", "-", stdin="From a pipe.\n")
    assert task(sandbox, "two").description == "# two\n\nFrom a pipe."
    sandbox("start", "three", "-d", "@docs/PRD.md", "--template", "research")
    assert "A café." in task(sandbox, "three").description
    sandbox.program("-C", "docs", "create", "four", "-d", "@PRD.md")
    assert "A café." in task(sandbox, "four").description


@pytest.mark.parametrize(
    ("name", "hint"),
    [("MyTask", "my-task"), ("myTask", "my-task"), ("HTTPServer", "http-server"), ("My Task", "my-task")],
)
def test_a_name_in_other_letters_is_suggested_as_a_task_name(sandbox: Sandbox, name: str, hint: str) -> None:
    assert f"hint: try {hint}\n" in sandbox("create", name, code=2).err


@pytest.mark.thorough
def test_it_is_refused_inside_an_invocation(sandbox: Sandbox) -> None:
    sandbox("create", "one")
    sandbox("step", "--agent-command", "gitorch create two --check true; echo x > y", code=10)
    assert sandbox.states() == {"one": "completed"}
