"""What people decide: retry, skip, abandon, archive, drop, edit, answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandbox import Sandbox

WORKS = ("--agent-command", "echo x >> $GITORCH_TASK.txt; echo done")
FAILS = ("--agent-command", "exit 3", "--max-attempts", "1")


@pytest.fixture
def two(sandbox: Sandbox) -> Sandbox:
    """Return a repository with task `a`, and task `b` that needs it."""
    sandbox("create", "a", "-d", "do a")
    sandbox("create", "b", "-d", "do b", "--needs", "a")
    return sandbox


@pytest.mark.thorough
def test_a_failed_task_stops_only_what_needs_it(two: Sandbox) -> None:
    two("create", "c", "-d", "do c")
    ran = two("run", "--agent-command", "[ $GITORCH_TASK = a ] && exit 3; echo x > x; echo done", *FAILS[2:], code=20)
    assert two.states() == {"a": "failed", "b": "pending", "c": "completed"}
    assert "gitorch retry a, or gitorch skip a" in ran.err
    two("verify")


@pytest.mark.thorough
def test_stop_on_failure_blocks_the_workflow_at_once(two: Sandbox) -> None:
    two("create", "c", "-d", "do c")
    two("step", *FAILS, "--stop-on-failure", code=20)
    assert two.states() == {"a": "failed", "b": "pending", "c": "pending"}


@pytest.mark.thorough
def test_retry_runs_a_failed_task_again_in_one_commit(two: Sandbox) -> None:
    two("step", *FAILS, code=20)
    before = int(two.git("rev-list", "--count", "HEAD"))
    assert "next: Execute a task" in two("retry", "a").out
    assert int(two.git("rev-list", "--count", "HEAD")) == before + 1
    two("run", *WORKS)
    assert two.states() == {"a": "completed", "b": "completed"}
    two("verify")


@pytest.mark.thorough
def test_retry_reopens_a_completed_task_of_a_completed_workflow(two: Sandbox) -> None:
    two("run", *WORKS)
    two("retry", "a")
    assert two("status", "--json").json["status"] == "continue"
    two("run", *WORKS)
    two("verify")


@pytest.mark.parametrize("state", ["pending", "running"])
@pytest.mark.thorough
def test_retry_refuses_a_task_that_has_not_ended(two: Sandbox, state: str) -> None:
    if state == "running":
        two("move", "a", "running")
    assert f"is {state}" in two("retry", "a", code=1).err


@pytest.mark.thorough
def test_skip_completes_a_task_on_record_and_what_needs_it_goes_on(two: Sandbox) -> None:
    two("step", *FAILS, code=20)
    two("skip", "a", "--reason", "not needed")
    assert two.git("log", "-1", "--format=%(trailers:key=Gitorch-Reason,valueonly)").startswith(
        "skipped by Test User <"
    )
    two("run", *WORKS)
    assert two.states() == {"a": "completed", "b": "completed"}
    two("verify")


@pytest.mark.thorough
def test_skip_closes_the_parent_with_its_last_subtask(sandbox: Sandbox) -> None:
    sandbox("start", "tide-research")
    sandbox("step")
    assert "open subtasks" in sandbox("skip", "tide-research", code=1).err
    for name in ("data-gathering", "analysis", "synthesis"):
        sandbox("skip", f"tide-research-{name}")
    assert set(sandbox.states().values()) == {"completed"}
    sandbox("verify")


def test_a_task_cannot_be_completed_by_move_without_work_or_reason(two: Sandbox) -> None:
    assert "cannot become completed" in two("move", "a", "completed", code=1).err


@pytest.mark.thorough
def test_what_was_abandoned_never_runs_again(sandbox: Sandbox) -> None:
    sandbox("start", "old-research")
    sandbox("step")
    sandbox.write(".tasks/old-research-analysis/mine.md", "my own notes\n")
    ran = sandbox("update", "completed", "No time")
    assert "4 tasks are open and do not run" in ran.err
    refused = sandbox("start", "new-research", code=1).err
    assert "gitorch abandon" in refused
    assert "gitorch update continue" in refused
    out = sandbox("abandon", "--reason", "no time").out
    assert "refs/gitorch/runs/old-research" in out
    assert sandbox.states() == {}
    assert sandbox.read(".tasks/old-research-analysis/mine.md") == "my own notes\n"
    assert (
        sandbox.git("ls-tree", "-r", "--name-only", "refs/gitorch/runs/old-research", ".tasks/").count("_task.md") == 4
    )
    sandbox("start", "new-research")
    sandbox("step")
    assert all(name.startswith("new-") for name in sandbox.states())
    sandbox("verify")


@pytest.mark.thorough
def test_archive_puts_a_finished_workflow_away_except_what_is_to_stay(two: Sandbox) -> None:
    two(
        "run",
        "--agent-command",
        "echo found > $GITORCH_TASK_DIR/report.md; echo more > $GITORCH_TASK_DIR/notes.md; echo done",
    )
    two.write(".tasks/b/notes.md", "edited, not committed\n")
    ran = two("archive", "--keep", ".tasks/a/report.md")
    assert ".tasks/b/notes.md stays in the work tree" in ran.err
    assert two.git("ls-files", ".tasks").split() == [".tasks/a/report.md"]
    assert two.read(".tasks/b/notes.md") == "edited, not committed\n"
    assert two.git("show", "refs/gitorch/runs/a:.tasks/b/report.md") == "found\n"
    two("verify")
    two("create", "a", "-d", "the name is free again")


@pytest.mark.thorough
def test_archive_refuses_open_tasks_and_unknown_paths(two: Sandbox) -> None:
    two("update", "completed", "Done")
    assert "are open: a, b" in two("archive", code=1).err
    two("skip", "a")
    two("skip", "b")
    assert "not a committed file" in two("archive", "--keep", "nowhere", code=2).err


@pytest.mark.thorough
def test_start_archives_a_finished_workflow(two: Sandbox) -> None:
    two("run", *WORKS)
    assert "archived the finished workflow" in two("start", "next-research").out
    assert two.states() == {"next-research": "pending"}
    assert two("status", "--json").json["totals"]["steps"] == 0
    two("verify")


@pytest.mark.thorough
def test_drop_removes_a_whole_family_and_main_task_goes_on(sandbox: Sandbox) -> None:
    sandbox("start", "old-research")
    sandbox("step")
    sandbox("create", "other", "-d", "x")
    assert "--recursive" in sandbox("drop", "old-research", code=1).err
    assert "next: Execute other task" in sandbox("drop", "--recursive", "old-research").out
    assert sandbox.states() == {"other": "pending"}
    sandbox("verify")


@pytest.mark.thorough
def test_edit_commits_a_valid_task_file_alone(two: Sandbox, tmp_path: Path) -> None:
    two.write("mine.txt", "mine\n")
    two.git("add", "mine.txt")
    two("edit", "a", env={"GIT_EDITOR": "sed -i s/do/done/"})
    assert two.git("show", "--name-only", "--format=%s").split("\n\n")[0] == "Edit task a"
    assert two.git("diff", "--cached", "--name-only") == "mine.txt\n"
    assert "unchanged" in two("edit", "a", env={"GIT_EDITOR": "true"}).out
    ran = two(
        "edit", "a", env={"GIT_EDITOR": "sed -i 's/^---$/---\\nneeds: nobody/;0,/x/b'", "TMPDIR": str(tmp_path)}, code=1
    )
    assert "nobody" in ran.err
    assert "your text is in" in ran.err
    two("verify")


@pytest.mark.thorough
def test_answer_without_text_shows_the_question(two: Sandbox) -> None:
    two("step", "--agent-command", 'gitorch move a blocked --reason "Which of the two?"', code=20)
    ran = two("answer", code=2)
    assert ran.out == "Which of the two?\n"
    assert "gitorch answer 'TEXT'" in ran.err
    two("answer", "The first")
    assert two.states()["a"] == "pending"


@pytest.mark.thorough
def test_moving_a_failed_task_back_names_the_command_that_continues(two: Sandbox) -> None:
    two("step", *FAILS, code=20)
    assert "gitorch retry a" in two("move", "a", "pending").err


@pytest.mark.thorough
def test_a_new_task_of_a_completed_workflow_says_how_it_is_run(sandbox: Sandbox) -> None:
    sandbox("create", "a", "-d", "do a")
    sandbox("run", *WORKS)
    said = sandbox("create", "b", "-d", "do b").err
    assert "gitorch update continue 'Execute b' --task b" in said
    sandbox("update", "continue", "Execute b", "--task", "b")
    sandbox("run", *WORKS)
    assert sandbox.states() == {"a": "completed", "b": "completed"}
